package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/devstack"
)

var sharedPostgres = sync.OnceValues(func() (*devstack.Postgres, error) {
	server, err := startPostgres(context.Background(), false)
	if err == nil {
		atEnd(server.Stop)
	}
	return server, err
})

func startPostgres(ctx context.Context, durable bool) (*devstack.Postgres, error) {
	dir, err := scratchDir("postgres")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	return devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: dir, Durable: durable})
}

// Postgres returns the URL of a new, empty database of the test's own, dropped at its end. It is on
// this process's PostgreSQL server: do not kill that, see [StartPostgres].
func Postgres(t testing.TB) string {
	t.Helper()
	return newDatabase(t, "template1")
}

// Template is a database that is migrated once a test process and copied for each test.
type Template struct {
	create func() (name string, err error)
}

// NewTemplate returns a template that migrate fills when a test first asks for a copy. Keep it in a
// variable of the package.
func NewTemplate(migrate func(ctx context.Context, databaseURL string) error) *Template {
	return &Template{create: sync.OnceValues(func() (string, error) {
		name := fmt.Sprintf("template_%d", databaseNumber.Add(1))
		if err := execute("CREATE DATABASE " + name); err != nil {
			return "", err
		}
		target, err := databaseURL(name)
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return name, migrate(ctx, target)
	})}
}

// Database returns the URL of a copy of the template of the test's own, dropped at its end.
func (tmpl *Template) Database(t testing.TB) string {
	t.Helper()
	return newDatabase(t, must(t, tmpl.create))
}

// StartPostgres starts a PostgreSQL server of the test's own, to be killed and started again, with
// commits that survive it, and stops it at the end of the test. Its URL names an empty database.
func StartPostgres(t testing.TB) *devstack.Postgres {
	t.Helper()
	server, err := startPostgres(t.Context(), true)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(server.Stop(), server.Remove()); err != nil {
			t.Errorf("testenv: %v", err)
		}
	})
	return server
}

var databaseNumber atomic.Int64

func newDatabase(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databaseNumber.Add(1))
	if err := execute("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("testenv: cannot create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("testenv: cannot drop the database of the test: %v", err)
		}
	})
	return must(t, func() (string, error) { return databaseURL(name) })
}

// databaseURL names a database of the shared server.
func databaseURL(name string) (string, error) {
	server, err := sharedPostgres()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(server.URL())
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// execute runs one statement on the shared server, which may take some seconds while other
// tests' statements are checkpointed.
func execute(statement string) error {
	admin, err := databaseURL("postgres")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
