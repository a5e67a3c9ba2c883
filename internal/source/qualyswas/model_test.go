package qualyswas_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/source"
	"sluice/internal/source/qualyswas"
	"sluice/internal/transform"
	"sluice/schema"
)

// TestModelsHaveEveryElement of complete records, of what the simulator makes,
// and of the answers in the folder that SLUICE_SAMPLES names, if it is set.
// None is left out.
func TestModelsHaveEveryElement(t *testing.T) {
	t.Parallel()
	for _, name := range answersIn(t, os.DirFS("testdata")) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireModelled(t, filepath.Join("testdata", name))
		})
	}
	if folder := os.Getenv("SLUICE_SAMPLES"); folder != "" {
		for _, name := range answersIn(t, os.DirFS(folder)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				requireModelled(t, filepath.Join(folder, name))
			})
		}
	}
	for _, format := range formats {
		for _, req := range []source.Request{webApps(), findings()} {
			t.Run(format+" "+req.AssetType, func(t *testing.T) {
				t.Parallel()
				v := simulate(t, estate(), undivided, format)
				got := read(t, v, req)
				require.NoError(t, got.err)
				require.Empty(t, unknownIn(t, req.AssetType, got.records))
			})
		}
	}
}

// TestCompleteRecordsHaveEveryFieldOfTheModels, so that the test above means
// something.
func TestCompleteRecordsHaveEveryFieldOfTheModels(t *testing.T) {
	t.Parallel()
	for assetType, file := range map[string]string{qualyswas.WebApp: "testdata/webapp-verbose.xml", qualyswas.Finding: "testdata/finding-verbose.xml"} {
		_, got := recordsOf(t, file)
		met := map[string]bool{}
		for _, r := range got.records {
			walk("", r, func(path string) { met[path] = true })
		}
		for _, path := range model(t, assetType).Paths() {
			require.True(t, met[path] || strings.HasSuffix(path, "list"), "%s of %s", path, assetType)
		}
	}
}

func TestBothDialectsOfACompleteRecordAreTheSame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"webapp-verbose", "webapp-brief", "finding-verbose", "finding-brief"} {
		_, json := recordsOf(t, "testdata/"+name+".json")
		_, xml := recordsOf(t, "testdata/"+name+".xml")
		require.NotEmpty(t, json.records)
		require.Equal(t, asText(json.records), asText(xml.records), name)
	}
}

// TestDefaultMapsTakeEveryRecord as the simulator states it.
func TestDefaultMapsTakeEveryRecord(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate(), undivided, format)
			apps := applied(t, v, webApps(), "qualys-was-webapp")
			for a := range v.WebApps(v.DefaultUser()) {
				got := apps[a.ID]
				require.NotNil(t, got, a.ID)
				require.Equal(t, []any{a.Name, a.URL, a.Created, a.Updated, false},
					[]any{got.Name, got.BaseURL, got.SourceCreatedAt, got.SourceUpdatedAt, got.FindingsListed})
				require.Equal(t, a.Scanned, !got.LastScannedAt.IsZero())
				require.Contains(t, string(got.Attributes), fmt.Sprintf(`"owner":%q`, a.Owner))
			}
			found := applied(t, v, findings(), "qualys-was-finding")
			for f := range v.WebFindings(v.DefaultUser()) {
				got := found[f.ID]
				require.NotNil(t, got, f.ID)
				require.Equal(t, []any{f.WebAppID, f.WebAppName, f.WebAppURL}, []any{got.ExternalID, got.Name, got.BaseURL})
				require.Len(t, got.Findings, 1)
				is := got.Findings[0]
				require.Equal(t, []any{f.Name, f.Status, f.QID, f.Severity, f.TimesDetected}, []any{is.Name, is.Status, int(is.QID), int(is.Severity), int(is.TimesFound)})
				require.Equal(t, []any{f.FirstDetected, f.LastDetected, f.LastTested}, []any{is.FirstFoundAt, is.LastFoundAt, is.LastTestedAt})
				require.Contains(t, string(is.Attributes), fmt.Sprintf(`"potential":%v`, f.Potential))
				require.Equal(t, f.Ignored, strings.Contains(string(is.Attributes), `"ignored":true`))
				require.Equal(t, f.CVSSBase > 0, strings.Contains(string(is.Attributes), fmt.Sprintf(`"cvssV3Base":%v`, f.CVSSBase)))
				require.Equal(t, f.CWE != nil, strings.Contains(string(is.Attributes), fmt.Sprintf(`"cwe":%s`, strings.ReplaceAll(fmt.Sprint(f.CWE), " ", ","))))
			}
		})
	}
}

// TestNothingThatMovesWithEveryScanIsAnAttribute: a finding that a scan finds
// again keeps its attributes.
func TestNothingThatMovesWithEveryScanIsAnAttribute(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), undivided, formats[0])
	before := applied(t, v, findings(), "qualys-was-finding")
	v.Pass(1e12)
	_, err := v.Advance(simulator.Change{Web: simulator.WebChange{Retested: 1}})
	require.NoError(t, err)
	after := applied(t, v, findings(), "qualys-was-finding")
	moved := 0
	for id, b := range before {
		a := after[id]
		require.Equal(t, string(b.Findings[0].Attributes), string(a.Findings[0].Attributes))
		if a.Findings[0].LastFoundAt.After(b.Findings[0].LastFoundAt) {
			moved++
		}
	}
	require.Greater(t, moved, len(before)/2)
}

// applied are the assets that a default map makes of a stream, by the id of
// the record.
func applied(t *testing.T, v vendor, req source.Request, name string) map[string]*transform.Asset {
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	maps, err := transform.LoadMaps(schema.Maps())
	require.NoError(t, err)
	i := slices.IndexFunc(maps, func(m *transform.Map) bool { return m.Name == name })
	program, err := transform.Compile(maps[i], models)
	require.NoError(t, err)
	applier := program.NewApplier()
	reader, err := v.Read(t.Context(), req)
	require.NoError(t, err)
	defer reader.Close()
	assets := map[string]*transform.Asset{}
	for end := false; !end; {
		chunk, err := reader.Next(t.Context())
		require.NoError(t, err)
		for line := range bytes.Lines(chunk.Data) {
			asset, rejects := applier.Apply(line)
			require.Empty(t, rejects, "%s", line)
			id := asset.ExternalID
			if len(asset.Findings) > 0 {
				id = asset.Findings[0].ExternalID
			}
			assets[id] = asset
		}
		end = chunk.End
	}
	return assets
}

func model(t *testing.T, assetType string) *transform.Model {
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	for _, a := range qualyswas.New(qualyswas.Options{}).AssetTypes() {
		if a.Name == assetType {
			return models.Get(a.Model)
		}
	}
	return nil
}

// requireModelled reads a file that is an answer to a search.
func requireModelled(t *testing.T, file string) {
	assetType, got := recordsOf(t, file)
	require.NoError(t, got.err)
	require.NotEmpty(t, got.records)
	require.Empty(t, unknownIn(t, assetType, got.records))
}

// answersIn are the names of the files that are answers of WAS.
func answersIn(t *testing.T, folder fs.FS) []string {
	var names []string
	require.NoError(t, fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".xml", ".json"}, filepath.Ext(name)) {
			return err
		}
		text, err := fs.ReadFile(folder, name)
		if bytes.Contains(text, []byte("ServiceResponse")) && (bytes.Contains(text, []byte("WebApp")) || bytes.Contains(text, []byte("Finding"))) {
			names = append(names, name)
		}
		return err
	}))
	require.NotEmpty(t, names)
	return names
}

// recordsOf reads the records of one answer.
func recordsOf(t *testing.T, file string) (assetType string, got stream) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	format, assetType := qualys.WASFormatJSON, qualyswas.WebApp
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) {
		format = qualys.WASFormatXML
	}
	if bytes.Contains(text, []byte("Finding>")) || bytes.Contains(text, []byte(`"Finding"`)) {
		assetType = qualyswas.Finding
	}
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }))
	reader, err := open(t, url, small, format).Read(t.Context(), source.Request{AssetType: assetType})
	require.NoError(t, err)
	defer reader.Close()
	chunk, err := reader.Next(t.Context())
	if err == nil {
		require.Equal(t, bytes.Count(chunk.Data, []byte("\n")), chunk.Records)
		got.add(t, chunk)
	}
	got.err = err
	return assetType, got
}

// unknownIn are the elements of records that are not in the model. What is
// below a field that the model takes as a whole counts as in it.
func unknownIn(t *testing.T, assetType string, records []map[string]any) []string {
	m := model(t, assetType)
	types, parents := map[string]transform.Type{}, map[string]bool{}
	for _, f := range m.Fields {
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
