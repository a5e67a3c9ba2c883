package transport_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// TestAPasswordIsInNoError: whatever the vendor repeats of it, and however it
// spells it.
func TestAPasswordIsInNoError(t *testing.T) {
	t.Parallel()
	var echo func(password string) string
	var password string
	base := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, echo(password))
	})
	inJSON := func(s string) string {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		return string(text)
	}
	inXML := func(s string) string {
		var b strings.Builder
		require.NoError(t, xml.EscapeText(&b, []byte(s)))
		return b.String()
	}
	pair := func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user:" + s)) }
	spellings := []func(string) string{
		func(s string) string { return s }, url.QueryEscape, url.PathEscape, html.EscapeString, inXML, inJSON, pair,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace,
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		func(s string) string { return "Basic " + pair(s) },
	}
	c := client(t, transport.Options{BaseURL: base, Message: func(b []byte) string { return "said " + html.UnescapeString(string(b)) }})
	rapid.Check(t, func(t *rapid.T) {
		password = rapid.StringMatching(`[ -~äß€]{8,24}`).Draw(t, "password")
		spelling := rapid.SampledFrom(spellings).Draw(t, "spelling")
		echo = func(password string) string { return "<<" + spelling(password) + ">>" }
		_, err := transport.NewBasic("user", password, nil).Do(t.Context(), c, transport.Request{Method: http.MethodPost})
		f := fault.As(err)
		require.NotNil(t, f, "%v", err)
		require.Contains(t, f.Detail, "[redacted]")
		for _, form := range spellings {
			require.NotContains(t, f.Error(), form(password))
			require.NotContains(t, f.Detail, form(password))
		}
	})
}

func TestAnEmptyPasswordBlotsNothingOut(t *testing.T) {
	t.Parallel()
	base := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, `an "answer"`)
	})
	f := get(t, transport.Options{BaseURL: base}, transport.Request{Header: http.Header{"Authorization": {"Basic dXNlcjo="}}})
	require.Equal(t, `an "answer"`, f.Detail)
}
