package transport_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

func TestTheVendorsPackageRefinesErrors(t *testing.T) {
	t.Parallel()
	var seen []transport.Failure
	refine := func(f *fault.Error, answer transport.Failure) {
		seen = append(seen, answer)
		f.Class, f.Code, f.Wait = fault.Throttled, "busy", max(answer.Wait, 7*time.Second)
		f.Message += " for Bearer s3cr3t"
	}
	status := http.StatusConflict
	base := server(t, func(w http.ResponseWriter, _ *http.Request) {
		if status == http.StatusFound {
			w.Header().Set("Location", "/login")
		} else {
			w.Header().Set("X-RateLimit-ToWait-Sec", "9")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "<busy>s3cr3t</busy>")
	})
	o := transport.Options{BaseURL: base, Refine: refine}
	req := transport.Request{Path: "/x", JSON: true, Header: http.Header{"Authorization": {"Bearer s3cr3t"}}}

	f := get(t, o, req)
	require.Equal(t, "busy", f.Code)
	require.Equal(t, 9*time.Second, f.Wait)
	require.Contains(t, f.Message, "Bearer [redacted]")

	status = http.StatusOK
	f = get(t, o, req)
	require.Equal(t, "busy", f.Code, "markup where JSON was expected")

	status = http.StatusFound
	require.Equal(t, transport.CodeRedirected, get(t, o, req).Code, "a redirect is never anything else")

	require.Len(t, seen, 2)
	require.Equal(t, []int{409, 200}, []int{seen[0].Status, seen[1].Status})
	require.Equal(t, []time.Duration{9 * time.Second, 0}, []time.Duration{seen[0].Wait, seen[1].Wait})
	for _, answer := range seen {
		require.Equal(t, "<busy>[redacted]</busy>", string(answer.Head))
		require.Equal(t, "9", answer.Header.Get("X-RateLimit-ToWait-Sec"))
	}
}
