package qualysvm_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

// refusing counts the calls that a vendor refuses for its limits.
type refusing struct {
	http.ResponseWriter
	count *atomic.Int64
}

func (r refusing) WriteHeader(status int) {
	if status == http.StatusConflict {
		r.count.Add(1)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r refusing) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// TestStreamsThatShareASubscriptionNeverWaitForEachOther: several streams, with
// more ranges each than the vendor lets run, read with little memory, so that
// ranges ahead of their turn stand still while they hold a slot.
func TestStreamsThatShareASubscriptionNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ allowed, streams, concurrency int }{{1, 2, 2}, {2, 2, 2}, {2, 3, 3}, {2, 4, 5}, {3, 2, 4}} {
		t.Run(fmt.Sprintf("%d streams of %d, %d allowed", c.streams, c.concurrency, c.allowed), func(t *testing.T) {
			t.Parallel()
			cfg := estate
			cfg.VMSettings = simulator.VMSettings{Requests: -1, Concurrent: c.allowed}
			sim, err := simulator.New(cfg)
			require.NoError(t, err)
			var refused atomic.Int64
			url := serve(t, func(w http.ResponseWriter, r *http.Request) { sim.Handler().ServeHTTP(refusing{w, &refused}, r) })
			options := pages
			options.HostPage, options.DetectionPage = 3, 3
			options.Limits.Chunk, options.Limits.LookAhead = 1<<10, 1<<10
			set := governor.NewSet(governor.NewMemory(), "", time.Minute)
			want := len(trueDetections(vendor{Simulator: sim}, known, false))

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			work, ctx := errgroup.WithContext(ctx)
			for n := range c.streams {
				// Each has a session to itself, as in workers of their own.
				connection := source.Connection{
					Settings: map[string]string{
						qualys.FieldBaseURL: url, qualys.FieldUsername: account.DefaultName, qualys.FieldConcurrency: strconv.Itoa(c.concurrency),
					},
					Secrets:  map[string]string{qualys.FieldPassword: account.DefaultPassword},
					Governor: set.Governor("s", 0),
				}
				session, err := qualysvm.New(options).Open(connection)
				require.NoError(t, err)
				work.Go(func() error {
					ctx := governor.OnBehalf(ctx, fmt.Sprintf("stream %d", n))
					var out stream
					for !out.last.End {
						err := out.goOn(ctx, t, session)
						// A vendor that allows less than was said may refuse the
						// first calls, before it has told so.
						if f := fault.As(err); f != nil && f.Class == fault.Throttled && c.concurrency > c.allowed {
							err = nil
						}
						if err != nil {
							return err
						}
					}
					if got := len(distinct(detectionLines(t, out.records))); got != want {
						return fmt.Errorf("%d detections instead of %d", got, want)
					}
					return nil
				})
			}
			require.NoError(t, work.Wait())
			if c.concurrency <= c.allowed {
				require.Zero(t, refused.Load(), "calls that were refused")
			}
		})
	}
}

// goOn reads detections from where the stream stands to their end or first
// error.
func (s *stream) goOn(ctx context.Context, t *testing.T, from source.Session) error {
	reader, err := from.Read(ctx, source.Request{AssetType: qualysvm.Detection, Cursor: s.last.Cursor})
	if err != nil {
		return err
	}
	defer reader.Close()
	for !s.last.End {
		chunk, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		s.add(t, chunk)
	}
	return nil
}

// TestAReaderThatIsParkedKeepsNobodyFromReading for longer than it is parked.
func TestAReaderThatIsParkedKeepsNobodyFromReading(t *testing.T) {
	t.Parallel()
	cfg := estate
	cfg.VMSettings = simulator.VMSettings{Requests: -1, Concurrent: 2}
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	url := serve(t, sim.Handler().ServeHTTP)
	options := pages
	options.Limits.Chunk, options.Limits.LookAhead = 1<<10, 1<<10
	store := governor.NewMemory()
	set := governor.NewSet(store, "", 50*time.Millisecond)
	open := func() source.Reader {
		session, err := qualysvm.New(options).Open(source.Connection{
			Settings: map[string]string{qualys.FieldBaseURL: url, qualys.FieldUsername: account.DefaultName},
			Secrets:  map[string]string{qualys.FieldPassword: account.DefaultPassword},
			Governor: set.Governor("s", 0),
		})
		require.NoError(t, err)
		reader, err := session.Read(t.Context(), source.Request{AssetType: qualysvm.Detection})
		require.NoError(t, err)
		return reader
	}
	running := func() int {
		all, err := governor.Statuses(t.Context(), store, "s", 0)
		require.NoError(t, err)
		n := 0
		for _, s := range all {
			n += len(s.Running)
		}
		return n
	}
	parked := open()
	_, err = parked.Next(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return running() == 2 }, 10*time.Second, time.Millisecond)

	other := open()
	_, err = other.Next(t.Context())
	require.ErrorContains(t, err, "fo/asset/host/vm/detection", "it says what is waited for")
	require.Equal(t, fault.Throttled, fault.As(err).Class)
	require.NoError(t, other.Close())

	require.NoError(t, parked.Close())
	require.Zero(t, running(), "a reader that is closed holds nothing")
	other = open()
	_, err = other.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, other.Close())
	require.Zero(t, running())
}
