package azure_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
)

// listening opens a free port of this machine.
func listening(t *testing.T) (listener net.Listener, baseURL string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener, "http://" + listener.Addr().String()
}

func TestTheSimulatorIsServedAndSteeredUntilItIsStopped(t *testing.T) {
	t.Parallel()
	sim, err := azure.New(azure.Config{Seed: 3, Subscriptions: 2, Services: 3, APIs: 20})
	require.NoError(t, err)
	arm, armURL := listening(t)
	blob, blobURL := listening(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, arm, blob) }()

	post := func(body string) (int, string) {
		response, err := http.Post(armURL+"/simulator/advance", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(text)
	}
	state := func() (s azure.State) {
		response, err := http.Get(armURL + "/simulator/state")
		require.NoError(t, err)
		defer response.Body.Close()
		require.NoError(t, json.NewDecoder(response.Body).Decode(&s))
		return s
	}
	before := state()
	require.Equal(t, []int{0, 2, 3, 20}, []int{before.Generation, before.Subscriptions, before.Services, before.APIs})

	status, text := post(`{"added":0.5}`)
	require.Equal(t, http.StatusOK, status, text)
	require.Equal(t, 30, state().APIs)
	for _, wrong := range []string{`{"aded":0.5}`, `{"added":2}`, `[`} {
		status, text = post(wrong)
		require.Equal(t, http.StatusBadRequest, status, wrong)
		require.Contains(t, text, `"error"`)
	}
	require.Equal(t, 1, state().Generation, "a change that is refused changes nothing")

	unsigned, err := http.Get(armURL + "/subscriptions?api-version=2022-12-01")
	require.NoError(t, err)
	require.NoError(t, unsigned.Body.Close())
	require.Equal(t, http.StatusUnauthorized, unsigned.StatusCode)
	nothing, err := http.Get(blobURL + "/simulator/state")
	require.NoError(t, err)
	require.NoError(t, nothing.Body.Close())
	require.NotEqual(t, http.StatusOK, nothing.StatusCode, "storage is another host, and cannot be steered")

	banner := sim.Banner(armURL, blobURL)
	for _, part := range []string{armURL, blobURL, azure.DefaultTenantID, azure.DefaultClientID, azure.DefaultSecret, "30 APIs"} {
		require.Contains(t, banner, part)
	}
	stop()
	require.NoError(t, <-served)
}

func TestServingEndsWhenOneOfTheListenersDoes(t *testing.T) {
	t.Parallel()
	sim, err := azure.New(azure.Config{})
	require.NoError(t, err)
	arm, _ := listening(t)
	blob, _ := listening(t)
	require.NoError(t, blob.Close())
	require.ErrorContains(t, sim.Serve(t.Context(), arm, blob), "simulator: serving")
}
