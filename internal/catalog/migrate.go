package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"sluice/schema"
)

// Migrate brings the database's schema and the default transform maps up to
// date and returns how many migrations it applied. Several processes may call
// it at once: one works, the others wait for it.
func Migrate(ctx context.Context, databaseURL string) (int, error) {
	store, err := Open(ctx, databaseURL)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	applied, err := migrateSchema(ctx, store.pool)
	if err != nil {
		return 0, err
	}
	return applied, store.SyncDefaultMaps(ctx)
}

func migrateSchema(ctx context.Context, pool *pgxpool.Pool) (int, error) {
	// Losers of the race for the lock look again every 100 ms, for a minute.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 60))
	if err != nil {
		return 0, err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, schema.Migrations(), goose.WithSessionLocker(locker))
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate database: %w", err)
	}
	return len(results), nil
}

// CheckSchema says what to do when the database has not been migrated.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var there bool
	if err := s.pool.QueryRow(ctx, "SELECT to_regclass('profiles') IS NOT NULL").Scan(&there); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("read database: %w", err)
	}
	if !there {
		return errors.New("the database has no Sluice tables yet: run 'sluice migrate' first")
	}
	return nil
}
