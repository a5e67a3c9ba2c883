package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"sluice/internal/catalog"
	"sluice/internal/fault"
)

// Error types that activities return beside the codes of package fault.
const (
	TypeSuperseded = "superseded" // another run or attempt has taken over
	TypeDraining   = "draining"   // the worker stops; another goes on
	TypeStalled    = "stalled"    // nothing came for too long
	TypeInternal   = "internal"   // the database is away, or a fault of ours
)

// errDraining is the cause of a context that ends because the worker stops.
var errDraining = errors.New("the worker is stopping")

// sealedShut is the error for a secret that cannot be opened here.
func sealedShut(connector string, err error) error {
	return &fault.Error{
		Class: fault.Refused, Code: "secret-unreadable", Message: "a secret of connector " + connector + " cannot be read", Err: err,
		Advice: "give the worker the master key that the connector was created with, or enter the secret again",
	}
}

// toTemporal turns an error into what Temporal is to know of it: its type,
// whether to try again, and when. This is the one place that decides.
func toTemporal(ctx context.Context, err error) error {
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
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeSuperseded, nil)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return temporal.NewNonRetryableApplicationError(err.Error(), "not-found", nil)
	}
	f := fault.As(err)
	if f == nil {
		return temporal.NewApplicationError(bounded(err.Error()), TypeInternal)
	}
	options := temporal.ApplicationErrorOptions{NonRetryable: !fault.Retryable(f)}
	if f.Class == fault.Throttled {
		options.NextRetryDelay = f.Wait
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	if f.Detail != "" {
		options.Details = []any{f.Detail}
	}
	return temporal.NewApplicationErrorWithOptions(bounded(err.Error()), f.Code, options)
}

// stalled gives a stream up.
func stalled(since time.Time, err error) error {
	return &fault.Error{
		Class: fault.Refused, Code: TypeStalled, Err: err,
		Message: fmt.Sprintf("nothing was received for %s", time.Since(since).Round(time.Second)),
		Advice:  "the vendor may be down: run the profile again later; it goes on with everything that is missing",
	}
}

// bounded keeps error texts small: they are stored in workflow histories.
func bounded(text string) string { return fault.Head([]byte(text)) }
