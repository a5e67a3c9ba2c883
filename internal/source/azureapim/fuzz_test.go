package azureapim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source/azureapim"
)

// FuzzAnswers: whatever one of the calls is answered with, a run ends, with an
// error that is classified or with records that are JSON, a line each.
func FuzzAnswers(f *testing.F) {
	text, err := os.ReadFile("testdata/complete.json")
	require.NoError(f, err)
	var answers map[string]json.RawMessage
	require.NoError(f, json.Unmarshal(text, &answers))
	calls := []string{
		"/subscriptions", "/resourcegroups", "/service", "/apis", "/apiversionsets", "/apisbytags", "/workspaces",
		"orders;rev=2", "/revisions", "?export", "document", "/operations",
	}
	type spoiled struct{ call, body string }
	var now atomic.Pointer[spoiled]
	now.Store(&spoiled{})
	var arm, blob string
	lower := map[string]json.RawMessage{}
	for path, body := range answers {
		lower[strings.ToLower(path)] = body
	}
	answer := func(w http.ResponseWriter, path string) {
		at := now.Load()
		body := string(lower[path])
		if strings.HasSuffix(path, at.call) {
			body = at.body
		} else if body == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("ETag", `"1"`)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "BLOB", blob)))
	}
	arm = serve(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.ToLower(r.URL.Path)
		switch {
		case strings.HasSuffix(path, "/oauth2/token"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"token_type":"Bearer","expires_in":"3599","access_token":"t.o.k"}`))
		case r.URL.Query().Get("export") == "true":
			answer(w, path+"?export")
		default:
			answer(w, path)
		}
	}))
	blob = serve(f, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, "document") }))
	session := open(f, connection(arm, blob), azureapim.Options{Azure: azure.Limits{Tries: 1, Backoff: 1, MaxPages: 5}})

	for i, call := range calls {
		for path, body := range lower {
			if strings.HasSuffix(path, call) {
				f.Add(uint8(i), string(body))
			}
		}
		for _, body := range []string{
			"", "null", "{}", "[]", `""`, `{"value":null}`, `{"value":[null,1,"x",[],{}]}`, `{"value":[{"id":"/subscriptions/../x"}]}`,
			`{"properties":{"value":{"link":"http://x"}}}`, `{"properties":{"value":"openapi: 3.0.0"}}`, `{"value":{"openapi":"3.0.0"}}`,
			`{"id":1,"properties":{"displayName":1,"protocols":{},"type":[],"isCurrent":"x","apiVersionSetId":{}}}`, "{\"properties\":{\"a\":\"\xff\\u0000\"}}",
		} {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, body string) {
		now.Store(&spoiled{call: calls[int(i)%len(calls)], body: body})
		reader, err := session.Read(t.Context(), filtered(all(), "revisions", "all"))
		require.NoError(t, err)
		defer reader.Close()
		for end := false; !end; {
			chunk, err := reader.Next(t.Context())
			if err != nil {
				require.NotNil(t, fault.As(err), "%v", err)
				return
			}
			end = chunk.End
			for line := range bytes.Lines(chunk.Data) {
				var a struct {
					ID, Service, ResourceGroups string
					Readiness                   struct {
						Ready   bool
						Reasons []string
					}
				}
				require.NoError(t, json.Unmarshal(line, &a), "%s", line)
				require.True(t, utf8.Valid(line))
				require.True(t, strings.HasPrefix(a.ID, "/subscriptions/"))
				require.Equal(t, a.ID, strings.ToLower(a.ID))
				require.NotEmpty(t, a.Service)
				require.NotEmpty(t, a.ResourceGroups)
				require.Equal(t, a.Readiness.Ready, len(a.Readiness.Reasons) == 0)
			}
			for _, a := range chunk.SetAside {
				require.True(t, strings.HasPrefix(a.ExternalID, "/subscriptions/"), a.ExternalID)
			}
			for _, u := range chunk.Unread {
				require.True(t, strings.HasPrefix(u.ID, "/subscriptions/"), u.ID)
			}
		}
	})
}
