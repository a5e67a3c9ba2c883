package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/transform"
)

// estate is all that the inventory has of applications and their findings,
// whatever run and map it is from.
func (h *house) estate() (assets []inventory.AssetRow, findings []inventory.FindingRow) {
	h.t.Helper()
	assets = okJSON[[]inventory.AssetRow](h, "assets", "list", "--class", "application", "--limit", "1000")
	for i := range assets {
		a := &assets[i]
		a.LastSeen, a.RunID, a.Map, a.MapVersion = nil, 0, "", 0
	}
	findings = okJSON[[]inventory.FindingRow](h, "findings", "list", "--class", "application", "--limit", "1000")
	for i := range findings {
		f := &findings[i]
		f.RunID, f.Map, f.MapVersion = 0, "", 0
	}
	return assets, findings
}

// What a person does who wants records mapped otherwise, from the first look to
// the way back.
func TestAPersonMakesAMapOfTheirOwnAndGoesBack(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	first := okJSON[[]inventory.FindingRow](h, "findings", "list", "--class", "application", "--severity", "4", "--limit", "1")[0]
	finding, id := strconv.FormatInt(first.ID, 10), strconv.FormatInt(first.AssetID, 10)
	asset := func() map[string]any {
		var shown map[string]any
		require.NoError(t, json.Unmarshal([]byte(h.ok("assets", "show", id, "--output", "json")), &shown))
		return shown
	}
	plain := asset()
	require.NotEmpty(t, plain["name"])
	// The origin of an asset's name and of its rating: of the asset by which run,
	// of which run's records, and by which map.
	from := func() (origin []any, name transform.ExplainedRow) {
		t.Helper()
		l := okJSON[assetView](h, "assets", "show", id, "--lineage").Lineage
		require.Empty(t, l.Note)
		return []any{l.RunID, l.ReplayOf, l.Map, l.MapVersion}, field(t, l, "assetDetail.name")
	}
	ratings := func() (values []string) {
		for _, f := range okJSON[findingView](h, "findings", "show", finding, "--lineage").Lineage.Fields {
			if strings.HasSuffix(f.To, "attributes.rating") {
				values = append(values, f.From+" by "+f.Conversion+": "+f.Value)
			}
		}
		return values
	}
	assets, findings := h.estate()
	origin, nameAtFirst := from()
	require.Equal(t, []any{int64(1), int64(0), "qualys-tas-application", int32(1)}, origin)
	require.Equal(t, "name", nameAtFirst.From)
	require.Empty(t, ratings())

	// They clone the default map, and rename a target to an attribute, add a
	// table and an expression.
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	r := h.edit(`sed -i 's/to: asset.assetDetail.name/to: asset.assetDetail.attributes.title/' "$1"
sed -i '/^rows:/r /dev/stdin' "$1" <<END
  - from: findings[].severity
    to: findingGroup.findings[].attributes.rating
    values: {"1": low, "2": low, "3": medium, "4": high, "5": high}
  - expr: record.name + ' of ours'
    to: asset.assetDetail.name
END`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "saved map ours@2: + findingGroup.findings[].attributes.rating, ~ asset.assetDetail.name, + asset.assetDetail.attributes.title\nNo profile uses it yet")

	// They look at what it makes of the records of the last run.
	shown := h.ok("maps", "preview", "ours", "--profile", profile, "--records", "2")
	require.Contains(t, shown, "2 records taken")
	require.Regexp(t, `record\.name \+ ' of ours' +\{.*\} +string +asset\.assetDetail\.name +".* of ours"`, shown)
	var p struct {
		Records []struct{ transform.Explanation }
		Counts  map[string]int
	}
	require.NoError(t, json.Unmarshal([]byte(h.ok("maps", "preview", "ours", "--profile", profile, "--output", "json")), &p))
	require.Len(t, p.Records, 5)
	require.Equal(t, 5, p.Counts["records taken"])
	difference := h.ok("maps", "diff", "ours@1", "ours", "--profile", profile)
	require.Contains(t, difference, "30 records compared: 30 differ; shown are the first 20. In all of them:\n\nDIFFERENCE")
	require.Contains(t, difference, "asset.assetDetail.attributes.title")
	require.Contains(t, h.ok("maps", "diff", "qualys-tas-application", "ours@1", "--profile", profile),
		"30 records compared: ours@1 makes the same of all of them as qualys-tas-application.")

	// A mistake is refused, with what is meant; the text stays.
	r = h.edit(`sed -i 's/from: url/from: ulr/' "$1"`, "maps", "edit", "ours")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, `did you mean "url"?`)
	require.Contains(t, keptIn(t, r.err), "from: ulr")

	// They run with it: everything is read again.
	h.ok("profiles", "update", profile, "--map", "APPLICATION=ours")
	h.ok("run", profile, "--wait")
	last := okJSON[[]struct {
		ID         int64
		Mode       string
		ModeReason string
	}](h, "runs", "list", "--limit", "1")[0]
	require.Equal(t, "full", last.Mode)
	require.Contains(t, last.ModeReason, "transform map")
	isOurs := func() {
		t.Helper()
		ours := asset()
		require.Equal(t, plain["name"].(string)+" of ours", ours["name"])
		require.Equal(t, plain["name"], ours["attributes"].(map[string]any)["title"])
		require.Equal(t, []any{"ours", 2.0}, []any{ours["map"], ours["mapVersion"]})
		_, name := from()
		require.Equal(t, "record.name + ' of ours'", name.Expr)
		require.Equal(t, strconv.Quote(plain["name"].(string)+" of ours"), name.Value)
		require.Equal(t, []string{`findings[].severity by values: "high"`}, ratings())
	}
	isOurs()
	origin, _ = from()
	require.Equal(t, []any{last.ID, int64(0), "ours", int32(2)}, origin)
	assetsOfOurs, findingsOfOurs := h.estate()
	require.NotEqual(t, assets, assetsOfOurs)
	history := okJSON[[]historyView](h, "maps", "history", "ours")
	require.Equal(t, []int64{1, 0}, []int64{history[0].Runs, history[1].Runs})
	require.Equal(t, &last.ID, history[0].LastRun)

	// They go back, and it is as it was.
	r = h.run("maps", "rollback", "ours", "--to", "1")
	require.Contains(t, r.err, "version 1 of map ours is the latest one again, as version 3\nProfile "+profile+" uses it: its next run of mode auto will be full.")
	h.ok("run", profile, "--wait")
	isBack := func() {
		t.Helper()
		back := asset()
		require.Equal(t, []any{plain["name"], plain["attributes"]}, []any{back["name"], back["attributes"]})
		require.Equal(t, []any{"ours", 3.0}, []any{back["map"], back["mapVersion"]})
		_, name := from()
		require.Equal(t, nameAtFirst, name)
		require.Empty(t, ratings())
		assetsNow, findingsNow := h.estate()
		require.Equal(t, assets, assetsNow)
		require.Equal(t, findings, findingsNow)
	}
	isBack()
	origin, _ = from()
	require.Equal(t, []any{int64(3), int64(0), "ours", int32(3)}, origin)

	// Without asking the vendor they see the last run's records by their map again,
	// as a run by it has mapped them, and go back for good.
	replayed := okJSON[ending](h, "runs", "replay", "3", "--map", "ours@2", "--wait")
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome)
	isOurs()
	origin, _ = from()
	require.Equal(t, []any{int64(4), int64(3), "ours", int32(2)}, origin)
	assetsNow, findingsNow := h.estate()
	require.Equal(t, assetsOfOurs, assetsNow)
	require.Equal(t, findingsOfOurs, findingsNow)

	h.ok("runs", "replay", "3", "--map", "ours", "--wait")
	isBack()
	origin, _ = from()
	require.Equal(t, []any{int64(5), int64(3), "ours", int32(3)}, origin)
}

const someRecords = `{"id":"7","name":"a","url":"http://a","findings":[{"id":"f1","severity":4},{"id":"f2","severity":9}]}

{"id":"8","name":"b","createdDate":"yesterday"}
{"id":
`

func TestAPreviewOfAFileSaysWhatIsRejectedAndWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	records := written(t, "records.ndjson", someRecords)
	shown := h.ok("maps", "preview", "qualys-tas-application", "--file", records)
	require.Contains(t, shown, "record 1 ("+records+":1): 7 is taken\n")
	require.Contains(t, shown, "finding 2 of record 1: f2 is rejected by findings[].severity -> findingGroup.findings[].severity: ")
	require.Contains(t, shown, "record 2 ("+records+":3): 8 is rejected by createdDate -> asset.assetDetail.sourceCreatedAt: ")
	require.Contains(t, shown, "1 record taken, 1 record rejected, 1 finding taken, 1 finding rejected. Nothing was written.")
	require.Contains(t, h.run("maps", "preview", "qualys-tas-application", "--file", records).err,
		"1 of 3 cannot be read and are set aside:\n  line 4 is not valid JSON", "as an import does")

	table := h.ok("maps", "preview", "qualys-tas-application", "--file", records, "--output", "csv")
	require.True(t, strings.HasPrefix(table, "record,id,finding,fate,reason,row,source,sourceValue,conversion,target,value,problem\n"))
	require.Contains(t, table, "1,7,f1,taken,,8,findings[].severity,4,severity,findingGroup.findings[].severity,4,\n")

	with := func(file string) result {
		return h.run("maps", "preview", file, "--file", records, "--records", "1")
	}
	onlyB := written(t, "draft.yaml", strings.Replace(ownMap, "rows:\n", "when: record.name == 'b'\nrows:\n", 1))
	require.Contains(t, with(onlyB).out, "1 record left out", "a file that was not imported yet")
	require.Contains(t, with(written(t, "draft.yaml", strings.Replace(ownMap, "from: id", "from: idd", 1))).err, `did you mean "id"?`)

	r := h.runWith(t.Context(), nil, strings.NewReader(someRecords), "maps", "diff", "qualys-tas-application", onlyB, "--file", "-", "--output", "csv")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, "standard input:1,7,,(fate),taken,left out\n")
	require.NotContains(t, r.out, "f1", "of a record that is left out all findings are")
}

func TestWithoutKeptRecordsAPreviewSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	h.ok("profiles", "create", "later", "--connector", connector, "--kind", "qualys-tas", "--status", "inactive", "--asset-types", "APPLICATION")
	r := h.run("maps", "preview", "qualys-tas-application", "--profile", "later", "--stored")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "sluice: no records of profile later are kept that map qualys-tas-application reads: run it ('")
}
