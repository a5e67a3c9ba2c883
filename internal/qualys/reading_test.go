package qualys_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
)

func TestAfterClosesALowerBound(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 14, 0, 0, 999, time.FixedZone("CEST", 2*3600))
	require.Equal(t, "2026-05-01T11:59:59Z", qualys.After(at))
	require.Empty(t, qualys.After(time.Time{}))
}

func TestPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	require.NoError(t, qualys.Pause(t.Context(), time.Nanosecond, 3))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	require.ErrorIs(t, qualys.Pause(ctx, time.Hour, 1), context.DeadlineExceeded)
}

func TestShortBoundsWhatAVendorSays(t *testing.T) {
	t.Parallel()
	require.Equal(t, "as it is", qualys.Short("as it is"))
	require.Len(t, []rune(qualys.Short(strings.Repeat("ä", 400))), 301)
}
