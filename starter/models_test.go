package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source/kinds"
	"sluice/internal/transform"
	"sluice/schema"
)

func TestDataModelsAreListedWithWhatBringsThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	byName := make(map[string]modelView)
	for _, m := range okJSON[[]modelView](h, "models", "list") {
		require.NotEmpty(t, m.Title)
		require.NotEmpty(t, m.Description)
		require.Positive(t, m.FieldCount)
		byName[m.Name] = m
	}
	for _, k := range kinds.All() {
		for _, assetType := range k.AssetTypes() {
			if assetType.Model == "" {
				continue // whatever people say
			}
			require.Contains(t, byName[assetType.Model].AssetTypes, k.Name()+" "+assetType.Name)
		}
	}
	require.Equal(t, []string{"application", "apiCollection", "api", "host"}, byName["inventory"].Classes)

	names := func(args ...string) (names []string) {
		for _, m := range okJSON[[]modelView](h, append([]string{"models", "list"}, args...)...) {
			names = append(names, m.Name)
		}
		return names
	}
	require.Equal(t, []string{"inventory", "knowledge"}, names("--role", "target"))
	require.Equal(t, []string{"qualys-vm.detection", "qualys-vm.host", "qualys.knowledgebase"}, names("--kind", "qualys-vm"))
	require.Contains(t, h.ok("models", "list"), "qualys-tas APPLICATION")
	require.True(t, strings.HasPrefix(h.ok("models", "list", "--output", "csv"), "name,title,role,fields,classes,assetTypes,description\n"))
}

func TestTheFieldsOfADataModelAreExplained(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := okJSON[modelView](h, "models", "show", "qualys-tas.application")
	require.Len(t, m.Fields, m.FieldCount)
	require.Contains(t, m.Fields, fieldView{Path: "findings[].severity", Type: "severity", Required: true, Values: []string{}, Evidence: "documented", Example: "4",
		Description: "Severity from 1 (lowest) to 5.",
		Note:        "Qualys WAS sends it as a number in XML and as a string in JSON; both are taken. Any other value is rejected."})
	shown := h.ok("models", "show", "qualys-tas.application")
	require.Contains(t, shown, "findings[].severity")
	require.Contains(t, shown, "  createdDate, updatedDate: Qualys services write dates", "a note that two fields have is there once")

	paths := func(args ...string) (paths []string) {
		for _, f := range okJSON[[]fieldView](h, append([]string{"models", "fields", "inventory"}, args...)...) {
			paths = append(paths, f.Path)
		}
		return paths
	}
	const header, ofApplication, ofHost = "asset.assetHeader.externalAssetId", "asset.assetDetail.applicationAssetClass.baseUrl", "asset.assetDetail.hostAssetClass.ipAddress"
	require.Subset(t, paths(), []string{header, ofApplication, ofHost, "findingGroup.findings[].severity"})
	require.Subset(t, paths("--class", "application"), []string{header, ofApplication})
	require.NotContains(t, paths("--class", "application"), ofHost)
	require.Equal(t, []string{header, "findingGroup.findings[].externalFindingId"}, paths("--required"))
	require.True(t, strings.HasPrefix(h.ok("models", "fields", "inventory", "--output", "csv"), "path,type,required,class,evidence,example,values,description,maxBytes,note\n"))
}

func TestTheReferencePagesOfDataModelsAreUpToDate(t *testing.T) {
	t.Parallel()
	const stale = "run 'go generate ./starter'"
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	pages := modelPages(models)
	files, err := filepath.Glob("../docs/models/*")
	require.NoError(t, err)
	require.Len(t, files, len(pages), stale)
	for name, page := range pages {
		written, err := os.ReadFile(filepath.Join("..", "docs", "models", name))
		require.NoError(t, err, stale)
		require.Equal(t, page, string(written), "%s: %s", name, stale)
	}

	h := newHouse(t)
	dir := filepath.Join(t.TempDir(), "pages")
	h.ok("models", "docs", "--dir", dir)
	require.FileExists(t, filepath.Join(dir, "inventory.md"))
	require.Equal(t, exitUsage, h.run("models", "docs").code)
}
