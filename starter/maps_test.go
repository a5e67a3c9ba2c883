package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
)

const ownMap = `# Ours.
name: ours
source: qualys-tas.application
target: inventory
assetClass: application
rows:
  - from: id
    to: asset.assetHeader.externalAssetId
`

// written is a file with a text.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// latest is the latest version of a map, as it is stored.
func (h *house) latest(name string) catalog.MapVersion {
	h.t.Helper()
	m, err := h.open().LatestMap(h.t.Context(), name)
	require.NoError(h.t, err)
	return m
}

func TestAMapIsClonedShownExportedAndImported(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.Contains(t, h.ok("maps", "list"), "qualys-tas-application")
	r := h.run("maps", "clone", "qualys-tas-application", "ours")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "cloned qualys-tas-application@1 to map ours\nNo profile uses it yet: '")

	shown := h.ok("maps", "show", "ours")
	require.Regexp(t, `(?m)^ORIGIN +copy of qualys-tas-application@1$`, shown)
	require.Regexp(t, `(?m)^8 +findings\[\]\.severity +findingGroup\.findings\[\]\.severity$`, shown)
	m := okJSON[mapView](h, "maps", "show", "ours")
	require.Equal(t, "application", m.AssetClass)
	require.Equal(t, rowView{Row: 1, From: "id", To: "asset.assetHeader.externalAssetId"}, m.Rows[0])
	yaml := h.ok("maps", "show", "ours", "--output", "yaml")
	require.Equal(t, h.latest("ours").Body, yaml)
	require.Equal(t, yaml, h.ok("maps", "export", "ours"))

	file := filepath.Join(t.TempDir(), "ours.yaml")
	h.ok("maps", "export", "ours", "--file", file)
	require.Contains(t, h.run("maps", "export", "ours", "--file", file).err, "is there already, and stays as it is")
	h.ok("maps", "export", "ours", "--file", file, "--force")
	require.Contains(t, h.run("maps", "import", file).err, "nothing changed: map ours stays at version 1")
	require.Contains(t, h.run("maps", "import", file, "--name", "other").err, "saved map other@1")
	r = h.runWith(t.Context(), nil, strings.NewReader(ownMap), "maps", "import", "-")
	require.Contains(t, r.err, "saved map ours@2")
	require.Equal(t, ownMap, h.latest("ours").Body, "its comments stay")
	turned := strings.Replace(ownMap, "# Ours.", "# Ours, \u200fעברית.", 1) // with a mark that a terminal may obey
	h.ok("maps", "import", written(t, "turned.yaml", turned), "--name", "turned")
	require.Equal(t, strings.Replace(turned, "name: ours", "name: turned", 1), h.ok("maps", "export", "turned"))
	rows := filepath.Join(t.TempDir(), "rows.csv")
	h.ok("maps", "export", "ours", "--file", rows)
	require.Contains(t, h.run("maps", "import", rows, "--name", "table").err, "saved map table@1")
	require.Equal(t, h.latest("ours").Digest, h.latest("table").Digest, "it does the same")
	table := h.ok("maps", "show", "table", "--output", "csv")
	r = h.runWith(t.Context(), nil, strings.NewReader(table), "maps", "import", "-")
	require.Contains(t, r.err, "nothing changed: map table stays at version 1")
	require.Equal(t, yaml, h.ok("maps", "export", "ours", "--version", "1"))
	require.Equal(t, yaml, h.ok("maps", "export", "ours@1"))
}

func TestAMapIsMadeFromAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := written(t, "some.yaml", ownMap)
	r := h.run("maps", "create", "mine", "--file", file)
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "created map mine@1")
	require.Equal(t, strings.Replace(ownMap, "name: ours", "name: mine", 1), h.latest("mine").Body)
	require.Contains(t, h.run("maps", "create", "mine", "--file", file).err, `there is a map "mine" already`)
	require.Contains(t, h.run("maps", "create", "more", "--file", file, "--source", "qualys-tas.apiCollection").err,
		`some.yaml says source "qualys-tas.application", and --source "qualys-tas.apiCollection"`)
	var made catalog.MapVersion
	require.NoError(t, json.Unmarshal([]byte(h.ok("maps", "create", "more", "--file", file, "--output", "json")), &made))
	require.Equal(t, "more@1", made.Ref())
}

func TestTheHistoryOfAMapSaysWhatChangedAndARollbackGoesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "1.yaml", ownMap))
	h.ok("maps", "import", written(t, "2.yaml", ownMap+"  - from: name\n    to: asset.assetDetail.name\n  - from: uuid\n    to: asset.assetDetail.attributes.uuid\n"))
	h.ok("maps", "import", written(t, "3.yaml", ownMap+"  - from: url\n    to: asset.assetDetail.name\n    default: none\n"))
	h.ok("maps", "import", written(t, "4.yaml", ownMap+"  - from: url\n    to: asset.assetDetail.name\n    default: none\n# a comment\n"))
	history := okJSON[[]historyView](h, "maps", "history", "ours")
	require.Len(t, history, 4)
	require.Equal(t, []mapChange{{"comments or order", "other", "other"}}, history[0].Changes)
	require.Equal(t, history[0].Digest, history[1].Digest)
	require.Equal(t, []mapChange{
		{"asset.assetDetail.name", "from name", `from url, default "none"`},
		{"asset.assetDetail.attributes.uuid", "from uuid", ""},
	}, history[1].Changes)
	require.Equal(t, []mapChange{{"asset.assetDetail.name", "", "from name"}, {"asset.assetDetail.attributes.uuid", "", "from uuid"}}, history[2].Changes)
	require.Empty(t, history[3].Changes)
	require.Contains(t, h.ok("maps", "history", "ours"), "~ asset.assetDetail.name, - asset.assetDetail.attributes.uuid")

	require.Contains(t, h.run("maps", "rollback", "ours", "--to", "2").err, "version 2 of map ours is the latest one again, as version 5\n")
	require.Contains(t, h.run("maps", "rollback", "ours", "--to", "2").err, "nothing changed: the latest version of map ours, 5, is the same as version 2\n")
	require.Equal(t, "version 2 again", okJSON[[]historyView](h, "maps", "history", "ours")[0].Origin)
}

func TestADeletedMapCanStillBeShownAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	h.ok("profiles", "create", "later", "--connector", connector, "--kind", "qualys-tas", "--status", "inactive", "--map", "APPLICATION=ours")
	require.Equal(t, "sluice: map ours is used by profile later: give them another map first ('sluice profiles update later --map TYPE=NAME')\n", h.run("maps", "delete", "ours").err)
	h.ok("profiles", "update", "later", "--map", "APPLICATION=")
	require.Contains(t, h.run("maps", "delete", "ours").err, "deleted map ours; it comes back by '")
	require.NotContains(t, h.ok("maps", "list"), "ours")
	require.Equal(t, "sluice: transform map ours was deleted: 'sluice maps rollback ours --to 1' brings it back\n", h.run("maps", "show", "ours").err)
	require.Contains(t, h.ok("maps", "show", "ours", "--version", "1"), "DELETED AT")
	require.NotNil(t, okJSON[[]historyView](h, "maps", "history", "ours")[0].DeletedAt)
	h.ok("maps", "rollback", "ours", "--to", "1")
	require.Contains(t, h.ok("maps", "list"), "ours")
}

func TestAProfileUsesTheMapsThatItIsGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	h.ok("profiles", "create", "later", "--connector", connector, "--kind", "qualys-tas", "--status", "inactive", "--map", "APPLICATION=ours")
	maps := func() map[string]string { return okJSON[catalog.Profile](h, "profiles", "show", "later").Maps }
	require.Equal(t, map[string]string{"APPLICATION": "ours", "APICOLLECTION": "qualys-tas-api-collection"}, maps())
	require.Equal(t, []string{"later"}, okJSON[mapView](h, "maps", "show", "ours").Profiles)
	require.Contains(t, h.run("maps", "import", written(t, "ours.yaml", ownMap)).err, "Profile later uses it: its next run of mode auto will be full.")

	h.ok("profiles", "update", "later", "--asset-types", "APPLICATION")
	require.Equal(t, map[string]string{"APPLICATION": "ours"}, maps(), "what was chosen stays")
	r := h.run("profiles", "update", "later", "--map", "APPLICATION=")
	require.Contains(t, r.err, "Its next run of mode auto will be full")
	require.Equal(t, map[string]string{"APPLICATION": "qualys-tas-application"}, maps())

	for line, says := range map[string]string{
		"APPLICATION":                           `--map "APPLICATION" has no asset type: give TYPE=NAME`,
		"APLICATION=ours":                       `unknown asset type "APLICATION" of kind qualys-tas; did you mean APPLICATION?`,
		"APICOLLECTION=ours":                    `the profile brings in APPLICATION only`,
		"APPLICATION=hours":                     `unknown transform map "hours"; did you mean ours?`,
		"APPLICATION=qualys-tas-api-collection": `map qualys-tas-api-collection reads qualys-tas.apiCollection, but APPLICATION brings qualys-tas.application`,
	} {
		r := h.run("profiles", "update", "later", "--map", line)
		require.NotZero(t, r.code, line)
		require.Contains(t, r.err, says)
	}
}

func TestAMapIsCheckedWithoutBeingStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	nowhere := environment{"SLUICE_DATABASE_URL": ""}
	check := func(args ...string) result {
		return h.runWith(t.Context(), nowhere, strings.NewReader(""), append([]string{"maps", "validate"}, args...)...)
	}
	r := check(written(t, "ours.yaml", ownMap))
	require.Zero(t, r.code, r.err)
	require.Equal(t, "map ours is right: 1 row from qualys-tas.application to inventory\n", r.out, "a file needs no database")

	wrong := written(t, "ours.yaml", strings.Replace(ownMap, "from: id", "from: idd", 1))
	r = check(wrong)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "sluice: "+wrong+":7:11: row 1: ")
	require.Contains(t, r.err, `did you mean "id"?`)
	r = check(wrong, "--output", "json")
	require.Equal(t, exitFailure, r.code)
	var found validation
	require.NoError(t, json.Unmarshal([]byte(r.out), &found))
	require.Len(t, found.Problems, 1)
	require.Equal(t, []int{7, 11, 1}, []int{found.Problems[0].Line, found.Problems[0].Column, found.Problems[0].Row})
	require.Equal(t, "id", found.Problems[0].Suggestion)

	table := written(t, "ours.csv", "name,ours\nsourceModel,qualys-tas.application\ntargetModel,inventory\n\nsource,target\nid,asset.assetHeader.externalAssetID\n")
	require.Contains(t, check(table).err, table+":6:4: row 1: ")

	require.Contains(t, h.ok("maps", "validate", "qualys-vm-host"), "map qualys-vm-host is right: ")
	require.Equal(t, "sluice: there is no file ours.yaml\n", check("ours.yaml").err)
}
