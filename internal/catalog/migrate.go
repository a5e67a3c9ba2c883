package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"sluice/schema"
)

// Migration is what Migrate did.
type Migration struct {
	Applied int `json:"applied"` // number of migrations
	// ByHand says what is left to do about the database roles by somebody who
	// may; empty: nothing.
	ByHand string `json:"byHand"`
}

// Migrate brings the database's schema, the default transform maps, and the
// database roles with their rights up to date. Several processes may call it at
// once: one works, the others wait for it.
func Migrate(ctx context.Context, databaseURL string) (Migration, error) {
	var done Migration
	store, err := Open(ctx, databaseURL)
	if err != nil {
		return done, err
	}
	defer store.Close()
	if done.Applied, err = migrateSchema(ctx, store.pool); err != nil {
		return done, err
	}
	if err := store.SyncDefaultMaps(ctx); err != nil {
		return done, err
	}
	done.ByHand, err = store.settleRoles(ctx)
	return done, err
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

// CheckSchema says what to do when the database has not been migrated, or not
// by this version of Sluice.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var there bool
	if err := s.pool.QueryRow(ctx, "SELECT to_regclass('"+versionTable+"') IS NOT NULL").Scan(&there); err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	if !there {
		return errors.New("the database has no Sluice tables yet: run 'sluice migrate' first")
	}
	var version int64
	if err := s.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable).Scan(&version); err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	sources, err := fs.Glob(schema.Migrations(), "*.sql")
	if err != nil {
		return err
	}
	newest, err := goose.NumericComponent(sources[len(sources)-1])
	if err != nil {
		return err
	}
	if version < newest {
		return fmt.Errorf("the database's tables are older than this version of Sluice (%d, not %d): run 'sluice migrate' first", version, newest)
	}
	return nil
}
