package qualystas_test

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/source"
	"sluice/internal/source/qualystas"
)

func wholeEstate() simulator.Config {
	return simulator.Config{Seed: 7, Applications: 250, APICollections: 130, FindingsPerAsset: 8, MixedScalars: true}
}

func TestEveryRecordOfBothAssetTypesIsReadInOrder(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), small)
	for assetType, of := range map[string]simulator.AssetType{
		qualystas.Application: simulator.Application, qualystas.APICollection: simulator.APICollection,
	} {
		got := read(t, v, source.Request{AssetType: assetType})
		require.NoError(t, got.err)
		require.Equal(t, truth(v, of), got.ids)
		require.Empty(t, got.last.Doubt)
		require.Empty(t, got.setAside)
		require.Zero(t, got.repeated)
		require.Zero(t, got.last.Remaining)
		require.EqualValues(t, len(got.ids)-20, got.chunks[0].Remaining)
		require.Equal(t, (len(got.ids)+19)/20, got.pages)
		require.WithinDuration(t, v.Now(), got.last.Clock, 10*time.Second)
	}
}

func TestVendorsThatDifferInWhatIsNotDocumented(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]simulator.Settings{
		"the gateway's dialect":    {Dialect: simulator.Gateway},
		"no total":                 {OmitTotal: true},
		"records wrapped by type":  {WrapRecords: true},
		"an empty answer is short": {EmptyWithoutData: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := wholeEstate()
			cfg.Settings = settings
			v := simulate(t, cfg, small)
			v.Session = open(t, v.url, small, map[string]string{qualys.FieldDialect: string(v.Settings().Dialect)})
			got := read(t, v, applications())
			require.NoError(t, got.err)
			require.Equal(t, truth(v, simulator.Application), got.ids)
			require.Empty(t, got.last.Doubt)
			require.Equal(t, settings.OmitTotal, got.last.Remaining < 0)

			v.SetNow(v.Now().Add(time.Hour))
			none := read(t, v, source.Request{AssetType: qualystas.Application, Since: v.Now()})
			require.NoError(t, none.err)
			require.Empty(t, none.ids)
			require.Empty(t, none.last.Doubt)
		})
	}
}

func TestChunksEndWithinAPageWhenTheyAreLargeEnough(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), qualystas.Options{PageSize: 1000, ChunkBytes: 16 << 10})
	got := read(t, v, applications())
	require.NoError(t, got.err)
	require.Equal(t, truth(v, simulator.Application), got.ids)
	require.Equal(t, 1, got.pages)
	require.Greater(t, len(got.chunks), 10)
	require.Less(t, got.largest, 16<<10+128<<10, "the chunk size, and at most one record more")
}

func TestAStreamGoesOnFromAnyChunk(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), qualystas.Options{PageSize: 60, ChunkBytes: 16 << 10})
	whole := read(t, v, applications())
	require.NoError(t, whole.err)
	seen := 0
	for _, at := range whole.chunks[:len(whole.chunks)-1] {
		seen += at.Records
		if rand.N(4) > 0 {
			continue
		}
		rest := read(t, v, source.Request{AssetType: qualystas.Application, Cursor: at.Cursor})
		require.NoError(t, rest.err)
		require.Equal(t, whole.ids[seen:], rest.ids)
		require.Zero(t, rest.repeated)
		require.Empty(t, rest.last.Doubt)
	}
}

func TestADeltaRunReadsWhatChangedSinceTheBound(t *testing.T) {
	t.Parallel()
	cfg := wholeEstate()
	cfg.Start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	v := simulate(t, cfg, small)
	v.Pass(24 * time.Hour)
	_, err := v.Advance(simulator.Change{Updated: 0.2, Added: 0.1})
	require.NoError(t, err)

	var changed []string
	var at time.Time
	for a := range v.Truth(simulator.Application) {
		if a.Updated.After(cfg.Start) {
			changed, at = append(changed, a.ID), a.Updated
		}
	}
	require.NotEmpty(t, changed)
	for bound, want := range map[time.Time][]string{
		at.Add(-time.Hour):       changed,
		at.Truncate(time.Second): changed, // closed at the lower end
		at.Add(5 * time.Second):  nil,
	} {
		got := read(t, v, source.Request{AssetType: qualystas.Application, Since: bound})
		require.NoError(t, got.err)
		require.Equal(t, want, got.ids, bound)
		require.Empty(t, got.last.Doubt)
	}
}

// TestPagesShareAConnection even when the end of a body comes a little later
// than the end of the JSON in it.
func TestPagesShareAConnection(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(wholeEstate())
	require.NoError(t, err)
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sim.Handler().ServeHTTP(w, r)
		w.(http.Flusher).Flush()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	got := read(t, open(t, server.URL, qualystas.Options{PageSize: 3}, nil), applications())
	require.NoError(t, got.err)
	require.Greater(t, got.pages, 80)
	require.EqualValues(t, 1, connections.Load())
}

func TestTokensAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	cfg := wholeEstate()
	cfg.Settings.TokenTTL = 10 * time.Minute
	v := simulate(t, cfg, small)
	require.NoError(t, read(t, v, applications()).err)
	require.NoError(t, read(t, v, applications()).err)
	require.EqualValues(t, 1, v.Counts().TokensMinted, "shared by the streams of a session")
	v.Pass(time.Hour) // the vendor's clock only: the token is refused, and replaced
	require.NoError(t, read(t, v, applications()).err)
	require.EqualValues(t, 2, v.Counts().TokensMinted)
}

func TestWhatCannotBeReadIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, "http://127.0.0.1:1", small, nil)
	_, err := s.Read(t.Context(), source.Request{AssetType: "APPLICATIONS"})
	require.ErrorContains(t, err, "did you mean APPLICATION?")
	require.Equal(t, fault.Refused, fault.As(err).Class)
	for _, cursor := range []string{"17", `{"after":17}`, `{"skip":-1}`, `{"after":`} {
		_, err := s.Read(t.Context(), source.Request{AssetType: qualystas.Application, Cursor: cursor})
		require.Equal(t, fault.Contract, fault.As(err).Class, cursor)
	}
	reader, err := s.Read(t.Context(), applications())
	require.NoError(t, err)
	_, err = reader.Next(canceled(t))
	require.ErrorIs(t, err, errStopped)
	require.Nil(t, fault.As(err), "who was told to stop has not failed")
}
