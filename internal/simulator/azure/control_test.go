package azure

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSimulatorIsSteeredFromItsOwnMachineOnly(t *testing.T) {
	t.Parallel()
	sim, err := New(Config{})
	require.NoError(t, err)
	for remote, status := range map[string]int{"127.0.0.1:5": http.StatusOK, "[::1]:5": http.StatusOK, "192.0.2.7:5": http.StatusForbidden, "nobody": http.StatusForbidden} {
		request := httptest.NewRequest(http.MethodGet, "/simulator/state", nil)
		request.RemoteAddr = remote
		got := httptest.NewRecorder()
		sim.controlled().ServeHTTP(got, request)
		require.Equal(t, status, got.Code, remote)
	}
}
