package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
)

// Error types that activities return beside the codes of package fault.
const (
	TypeSuperseded = "superseded" // another run or attempt has taken over
	TypeDraining   = "draining"   // the worker stops; another goes on
	TypeStalled    = "stalled"    // nothing came for too long
	TypeChanged    = "changed"    // the connector is not what was meant any more
	TypeDatabase   = "database"   // the database refuses what we ask of it: a fault of ours
	TypeInternal   = "internal"   // the database is away, or the like
)

// errDraining is the cause of a context that ends because the worker stops.
var errDraining = errors.New("the worker is stopping")

// sealedShut is the error for a secret that cannot be opened here; stored is
// what there is of it.
func sealedShut(connector, stored string, err error) error {
	f := &fault.Error{
		Class: fault.Refused, Code: "secret-unreadable", Message: "a secret of connector " + connector + " cannot be read", Err: err,
		Advice: "give the worker the master key that the connector was created with, or enter the secret again",
	}
	if secret.IsReference(stored) {
		f.Code = "secret-missing"
		f.Advice = "it is kept on the machines of the workers: put it there on every worker that reads with this connector, or have it stored: 'sluice connectors rotate-secret' asks for it"
	}
	return f
}

// toTemporal turns an error into what Temporal is to know of it: its type,
// whether to try again, and when. This is the one place that decides.
func (a *Activities) toTemporal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), errDraining) {
		return temporal.NewApplicationErrorWithOptions("the worker is stopping; another attempt goes on from here", TypeDraining,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, catalog.ErrSuperseded) {
		return temporal.NewNonRetryableApplicationError(a.told(err.Error()), TypeSuperseded, nil)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return temporal.NewNonRetryableApplicationError(a.told(err.Error()), "not-found", nil)
	}
	if catalog.Denied(err) {
		return temporal.NewNonRetryableApplicationError(a.told(err.Error())+": the worker's login to the database needs the role "+catalog.WorkerRole+
			", and 'sluice migrate' to have been run by the owner", TypeDatabase, nil)
	}
	if refusedByDatabase(err) {
		return temporal.NewNonRetryableApplicationError(a.told(err.Error())+": this is a fault of Sluice; please report it", TypeDatabase, nil)
	}
	f := fault.As(err)
	if f == nil {
		return temporal.NewApplicationError(a.told(err.Error()), TypeInternal)
	}
	options := temporal.ApplicationErrorOptions{NonRetryable: !fault.Retryable(f)}
	if f.Class == fault.Throttled {
		options.NextRetryDelay = f.Wait
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	if f.Detail != "" {
		options.Details = []any{a.secrets.Text(f.Detail)}
	}
	return temporal.NewApplicationErrorWithOptions(a.told(err.Error()), f.Code, options)
}

// refusedByDatabase reports whether PostgreSQL would refuse the same again:
// data it cannot store, a constraint, a statement that is wrong. All else (it
// is away, it is full, it restarts) may pass.
func refusedByDatabase(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) < 2 {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "42", "0A":
		return true
	}
	return false
}

// stalled gives a stream up.
func stalled(since time.Time, err error) error {
	return &fault.Error{
		Class: fault.Refused, Code: TypeStalled, Err: err,
		Message: fmt.Sprintf("nothing was received for %s", time.Since(since).Round(time.Second)),
		Advice:  "the vendor may be down: run the profile again later; it goes on with everything that is missing",
	}
}

// told is what an error says outside of this process: without secrets, and
// small.
func (a *Activities) told(text string) string { return bounded(a.secrets.Text(text)) }

// bounded keeps error texts small: they are stored in workflow histories.
func bounded(text string) string { return fault.Head([]byte(text)) }
