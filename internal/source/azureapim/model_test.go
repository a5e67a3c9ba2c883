package azureapim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
	"sluice/internal/source/azureapim"
	"sluice/internal/transform"
	"sluice/schema"
)

// TestTheModelHasEveryField of what the simulator makes, and of a tenant whose
// only API has every field that is documented.
func TestTheModelHasEveryField(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	require.Empty(t, unknownIn(t, read(t, s, filtered(all(), "revisions", "all")).records))
	got := read(t, complete(t), filtered(all(), "revisions", "all"))
	require.NoError(t, got.err)
	require.Empty(t, got.unread)
	require.Len(t, got.records, 1)
	require.Empty(t, unknownIn(t, got.records))
}

// TestACompleteAPIHasEveryFieldOfTheModel, so that the test above means
// something.
func TestACompleteAPIHasEveryFieldOfTheModel(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for _, r := range read(t, complete(t), filtered(all(), "revisions", "all")).records {
		walk("", r, func(path string) { met[path] = true })
	}
	for _, path := range model(t).Paths() {
		switch path {
		case "tags", "tags[]": // there are none of APIs in workspaces
		case "specification.reason", "specification.problem", "readiness.reasons", "readiness.reasons[]": // of those that cannot be scanned
		default:
			require.True(t, met[path], path)
		}
	}
}

func TestNoRecordHasAKeyOfACertificate(t *testing.T) {
	t.Parallel()
	got := read(t, complete(t), filtered(all(), "revisions", "all"))
	text, err := json.Marshal(got.records)
	require.NoError(t, err)
	require.Contains(t, string(text), "CN=apis.example.com")
	require.NotContains(t, string(text), "TOP-SECRET")
}

// TestTheDefaultMapTakesEveryRecord as the simulator states it.
func TestTheDefaultMapTakesEveryRecord(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	rows, err := transform.LoadMaps(schema.Maps())
	require.NoError(t, err)
	i := slices.IndexFunc(rows, func(m *transform.Map) bool { return m.Name == "azure-apim-api" })
	program, err := transform.Compile(rows[i], models)
	require.NoError(t, err)
	applier := program.NewApplier()
	truth := s.truth(true)
	for _, record := range read(t, s, filtered(all(), "revisions", "all")).records {
		line, err := json.Marshal(record)
		require.NoError(t, err)
		asset, rejects := applier.Apply(line)
		require.Empty(t, rejects, "%s", line)
		w := truth[asset.ExternalID]
		require.Equal(t, []any{w.DisplayName, w.Created, w.Updated}, []any{asset.Name, asset.SourceCreatedAt, asset.SourceUpdatedAt})
		require.Equal(t, afterScheme(w.PublicURL), afterScheme(asset.BaseURL))
		var attributes map[string]any
		require.NoError(t, json.Unmarshal(asset.Attributes, &attributes))
		require.Equal(t, []any{w.SubscriptionID, w.ResourceGroup, w.Service, rootOf(w.Name), string(w.Type)},
			[]any{attributes["subscriptionId"], attributes["resourceGroups"], attributes["service"], attributes["api"], attributes["type"]})
		if w.Specification.Format == "" {
			require.NotContains(t, attributes, "masifLocation")
		} else {
			require.Contains(t, attributes["masifLocation"], "sluice:document/")
		}
	}
}

func rootOf(name string) string {
	name, _, _ = strings.Cut(name, ";rev=")
	return name
}

// complete is a session of the tenant in testdata, whose answers are by path.
func complete(t *testing.T) source.Session {
	t.Helper()
	text, err := os.ReadFile("testdata/complete.json")
	require.NoError(t, err)
	var answers map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &answers))
	var blob string
	arm := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if r.URL.Query().Get("export") == "true" {
			path += "?export"
		}
		answer, known := answers[path]
		if strings.HasSuffix(path, "/oauth2/token") {
			answer, known = []byte(`{"token_type":"Bearer","expires_in":"3599","access_token":"t.o.k"}`), true
		}
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"AAAAAAAB1Kc="`)
		_, _ = w.Write(bytes.ReplaceAll(answer, []byte("BLOB"), []byte(blob)))
	}))
	blob = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answers["document"]) }))
	return open(t, connection(arm, blob), quick)
}

func model(t *testing.T) *transform.Model {
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	return models.Get(azureapim.New(azureapim.Options{}).AssetTypes()[0].Model)
}

// unknownIn are the fields of records that are not in the model. What is below
// a field that the model takes as a whole counts as in it.
func unknownIn(t *testing.T, records []map[string]any) []string {
	types, parents := map[string]transform.Type{}, map[string]bool{}
	for _, f := range model(t).Fields {
		types[f.Path] = f.Type
		for i, c := range f.Path {
			if c == '.' || c == '[' {
				parents[f.Path[:i]] = true
			}
		}
	}
	isWhole := func(path string) bool {
		is := types[path]
		return (is == transform.Object || is == transform.Array) && !parents[path]
	}
	var unknown []string
	for _, r := range records {
		walk("", r, func(path string) {
			for i, c := range path {
				if (c == '.' || c == '[') && isWhole(path[:i]) {
					return
				}
			}
			if _, known := types[path]; !known && !strings.HasSuffix(path, "[]") && !slices.Contains(unknown, path) {
				unknown = append(unknown, path)
			}
		})
	}
	return unknown
}

// walk calls do for the path of everything in a value.
func walk(path string, v any, do func(path string)) {
	if path != "" {
		do(path)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			walk(strings.TrimPrefix(path+"."+name, "."), member, do)
		}
	case []any:
		for _, element := range v {
			walk(path+"[]", element, do)
		}
	}
}
