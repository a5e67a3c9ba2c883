package simulator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
)

func (v *vendor) control(path, body string) string {
	a := v.post("/simulator/"+path, body)
	require.Equal(v.t, http.StatusOK, a.status, string(a.body))
	return string(a.body)
}

func (v *vendor) state() simulator.State {
	a, err := v.do(http.MethodGet, "/simulator/state", "")
	require.NoError(v.t, err)
	var state simulator.State
	require.NoError(v.t, json.Unmarshal(a.body, &state), string(a.body))
	return state
}

func TestAnotherProcessCanSteerTheSimulation(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	require.JSONEq(t, `{"generation":1}`, v.control("advance", `{"updated":0.1,"added":0.1}`))
	v.control("scope", `{"hidden":0.5}`)
	v.control("faults", `[{"kind":"slow","delay":"1ms","every":2},{"kind":"throttle","call":1,"endpoint":"applications"}]`)
	v.control("defects", `[{"kind":"id-null","count":1,"assetTypes":["APPLICATION"]}]`)
	v.control("settings", `{"dialect":"gateway","tokenTTL":"30s"}`)
	v.control("clock", `{"now":"2030-01-01T00:00:00Z"}`)
	v.control("clock", `{"pass":"48h"}`)

	state := v.state()
	require.Equal(t, 1, state.Generation)
	require.Equal(t, 253, state.Applications)
	require.Equal(t, 0.5, state.Hidden)
	require.Equal(t, []simulator.Fault{
		{Kind: faults.Slow, Delay: time.Millisecond, Every: 2}, {Kind: faults.Throttle, Call: 1, Endpoint: faults.Applications},
	}, state.Faults)
	require.Equal(t, simulator.Settings{Dialect: simulator.Gateway, TokenTTL: 30 * time.Second}, v.sim.Settings())
	require.WithinDuration(t, time.Date(2030, 1, 3, 0, 0, 0, 0, time.UTC), state.Now, time.Minute)

	v.token = v.mint()
	require.Equal(t, http.StatusTooManyRequests, v.search(applicationsPath, "").status)
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
	v.control("revoke", "")
	require.Equal(t, http.StatusUnauthorized, v.search(applicationsPath, "").status)
	require.Equal(t, int64(3), v.state().Counts.Calls[faults.Applications])
	require.Equal(t, 1, v.state().Counts.Faults[faults.Throttle])
}

func TestTheTruthIsStreamedALinePerAsset(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.Defects = []simulator.Defect{{Kind: "severity-word", Count: 5}, {Kind: "missing-optional", Count: 5}}
	v := startVendor(t, cfg)
	require.NoError(t, v.sim.Hide(0.2))
	for query, want := range map[string][]simulator.Asset{
		"type=APICOLLECTION":           slices.Collect(v.sim.Truth(simulator.APICollection)),
		"type=APPLICATION&hidden=true": slices.Collect(v.sim.WholeTruth(simulator.Application)),
	} {
		a, err := v.do(http.MethodGet, "/simulator/truth?"+query, "")
		require.NoError(t, err)
		var got []simulator.Asset
		lines := bufio.NewScanner(bytes.NewReader(a.body))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var asset simulator.Asset
			require.NoError(t, json.Unmarshal(lines.Bytes(), &asset))
			got = append(got, asset)
		}
		require.Equal(t, want, got)
	}
}

func TestControlCallsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	for _, c := range [][3]string{
		{"advance", `{"updated":2}`, "allowed are 0 to 1"},
		{"advance", `{"changed":0.5}`, `unknown field`},
		{"scope", `nonsense`, "the body is not what this call takes"},
		{"faults", `[{"kind":"slow","delay":"soon"}]`, "is no duration"},
		{"settings", `{"dialect":"soap"}`, "unknown dialect"},
		{"clock", `{"pass":"a while"}`, "is no duration"},
	} {
		a := v.post("/simulator/"+c[0], c[1])
		require.Equal(t, http.StatusBadRequest, a.status, c)
		require.Contains(t, string(a.body), c[2])
	}
	require.Zero(t, v.sim.Generation())
	a, err := v.do(http.MethodGet, "/simulator/truth?type=SERVER", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Contains(t, string(a.body), "use APPLICATION or APICOLLECTION")
}

func TestOnlyThisMachineControlsTheSimulation(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	for remote, want := range map[string]int{"192.0.2.7:1234": 403, "": 403, "127.0.0.1:1234": 200, "[::1]:1234": 200} {
		r := httptest.NewRequest(http.MethodGet, "/simulator/state", nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		v.sim.Handler().ServeHTTP(w, r)
		require.Equal(t, want, w.Code, remote)
	}
}

func TestServeListensOnLoopbackOnlyAndStopsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80", "nonsense"} {
		_, err := simulator.Listen(addr)
		require.Error(t, err, addr)
	}
	sim, err := simulator.New(estateConfig())
	require.NoError(t, err)
	listener, err := simulator.Listen("127.0.0.1:0")
	require.NoError(t, err)
	_, err = simulator.Listen(listener.Addr().String())
	require.ErrorContains(t, err, "another process may use the port")

	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, listener) }()
	v := newVendor(t, sim, simulator.BaseURL(listener))
	v.token = v.mint()
	require.Equal(t, 100, v.page(applicationsPath, "").Count)
	cancel()
	require.NoError(t, <-served)
	_, err = net.Dial("tcp", listener.Addr().String())
	require.Error(t, err)
}

func TestTheBannerSaysWhereToConnectAndHow(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.FindingsPerAsset, cfg.Hosts, cfg.DetectionsPerHost = 1000.0/30, 20, 12
	v := startVendor(t, cfg)
	banner := v.sim.Banner("http://127.0.0.1:8089")
	for _, want := range []string{
		"http://127.0.0.1:8089", simulator.DefaultClientID, simulator.DefaultClientSecret, "230 applications",
		" 33.33 findings each on average", "20 hosts with 12 detections each on average",
	} {
		require.Contains(t, banner, want)
	}
}
