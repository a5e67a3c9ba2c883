package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/catalog"
	"sluice/internal/fault"
)

func TestWhatTemporalIsToldOfAnError(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		kind  string
		retry bool
	}{
		{"the vendor may recover", &fault.Error{Class: fault.Transient, Code: "unavailable", Message: "503"}, "unavailable", true},
		{"the vendor asks to wait", &fault.Error{Class: fault.Throttled, Code: "throttled", Wait: time.Minute}, "throttled", true},
		{"the vendor refuses the client", fmt.Errorf("read: %w", &fault.Error{Class: fault.Auth, Code: "token-refused"}), "token-refused", false},
		{"the vendor refuses the request", &fault.Error{Class: fault.Refused, Code: "forbidden"}, "forbidden", false},
		{"the answer is not understood", &fault.Error{Class: fault.Contract, Code: "order"}, "order", false},
		{"another has taken over", fmt.Errorf("write: %w", catalog.ErrSuperseded), TypeSuperseded, false},
		{"the name is unknown", &catalog.UnknownError{What: "profile", Name: "x"}, "not-found", false},
		{"the database is away", &pgconn.PgError{Code: "57P01"}, TypeInternal, true},
		{"the database is full", &pgconn.PgError{Code: "53100"}, TypeInternal, true},
		{"the database refuses a row", fmt.Errorf("write: %w", &pgconn.PgError{Code: "23505"}), TypeDatabase, false},
		{"the database allows it to others only", &pgconn.PgError{Code: "42501"}, TypeDatabase, false},
		{"the database refuses a text", &pgconn.PgError{Code: "22021"}, TypeDatabase, false},
		{"anything else", errors.New("eof"), TypeInternal, true},
	} {
		var app *temporal.ApplicationError
		require.ErrorAs(t, (&Activities{}).toTemporal(t.Context(), c.err), &app, c.name)
		require.Equal(t, c.kind, app.Type(), c.name)
		require.Equal(t, !c.retry, app.NonRetryable(), c.name)
	}
	require.NoError(t, (&Activities{}).toTemporal(t.Context(), nil))
}

func TestAnAttemptOfAStoppingWorkerIsTriedAgainAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDraining)
	var app *temporal.ApplicationError
	require.ErrorAs(t, (&Activities{}).toTemporal(ctx, context.Canceled), &app)
	require.Equal(t, TypeDraining, app.Type())
	require.False(t, app.NonRetryable())
	require.Equal(t, time.Millisecond, app.NextRetryDelay())
}

func TestErrorsStaySmallInHistories(t *testing.T) {
	long := &fault.Error{Class: fault.Contract, Code: "x", Message: string(make([]byte, 1<<20))}
	require.Less(t, len((&Activities{}).toTemporal(t.Context(), long).Error()), 4096)
}
