package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/simulator"
	"sluice/internal/transform"
)

// field is the row of a lineage that fills a target.
func field(t *testing.T, l *lineage, to string) transform.ExplainedRow {
	t.Helper()
	for _, f := range l.Fields {
		if strings.HasSuffix(f.To, to) {
			return f
		}
	}
	require.Fail(t, "no field "+to)
	return transform.ExplainedRow{}
}

func TestEachFieldSaysWhereItIsFrom(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	r := h.edit(`sed -i '/^rows:/r /dev/stdin' "$1" <<END
  - {expr: "record.name + '!'", to: asset.assetDetail.attributes.loud}
  - from: findings[].severity
    to: findingGroup.findings[].attributes.rating
    values: {"1": low, "2": low, "3": medium, "4": high, "5": high}
END`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	h.ok("runs", "replay", "1", "--map", "ours", "--wait")

	asset := okJSON[[]inventory.AssetRow](h, "assets", "list", "--class", "application", "--limit", "1")[0]
	id := fmt.Sprint(asset.ID)
	shown := okJSON[assetView](h, "assets", "show", id, "--lineage")
	require.Equal(t, []any{int64(2), int64(1), profile, "APPLICATION", "ours", int32(2)},
		[]any{shown.Lineage.RunID, shown.Lineage.ReplayOf, shown.Lineage.Profile, shown.Lineage.Stream, shown.Lineage.Map, shown.Lineage.MapVersion})
	require.Empty(t, shown.Lineage.Note)
	loud := field(t, shown.Lineage, "attributes.loud")
	require.Equal(t, "record.name + '!'", loud.Expr)
	require.Equal(t, fmt.Sprintf("%q", *asset.Name+"!"), loud.Value)
	require.Contains(t, loud.Source, *asset.Name)
	require.Equal(t, "url", field(t, shown.Lineage, "baseUrl").From)
	people := h.ok("assets", "show", id, "--lineage")
	require.Contains(t, people, "Lineage: written by run 2 of "+profile+", a replay of run 1, from APPLICATION by map ours@2\n")
	require.True(t, strings.HasPrefix(h.ok("assets", "show", id, "--lineage", "--output", "csv"), "row,source,sourceValue,conversion,target,value,problem\n"))
	require.Nil(t, okJSON[assetView](h, "assets", "show", id).Lineage)

	finding := okJSON[[]inventory.FindingRow](h, "findings", "list", "--class", "application", "--severity", "4", "--limit", "1")[0]
	ofFinding := okJSON[findingView](h, "findings", "show", fmt.Sprint(finding.ID), "--lineage").Lineage
	rating := field(t, ofFinding, "attributes.rating")
	require.Equal(t, []string{"findings[].severity", "values", `"high"`}, []string{rating.From, rating.Conversion, rating.Value})
	require.Equal(t, fmt.Sprintf("%q", finding.ExternalID), field(t, ofFinding, "externalFindingId").Value)

	// What was fetched goes; by which row a field was filled is still known.
	_, err := h.open().CleanUp(t.Context(), catalog.Retention{Raw: time.Hour, Log: time.Hour}, time.Now().Add(2*time.Hour))
	require.NoError(t, err)
	later := okJSON[assetView](h, "assets", "show", id, "--lineage").Lineage
	require.Contains(t, later.Note, "what run 1 fetched is kept no more")
	require.Equal(t, "url", field(t, later, "baseUrl").From)
	require.Empty(t, field(t, later, "baseUrl").Source)
}

func TestAFindingThatCameApartSaysWhereItIsFrom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, connector := h.withConnector(simulator.Config{Seed: 4, Hosts: 12, DetectionsPerHost: 6, KnowledgeEntries: 20})
	h.ok("profiles", "create", "--force", h.name+"-hosts", "--connector", connector, "--kind", "qualys-vm")
	h.ok("run", h.name+"-hosts", "--wait")
	finding := okJSON[[]inventory.FindingRow](h, "findings", "list", "--limit", "1")[0]
	l := okJSON[findingView](h, "findings", "show", fmt.Sprint(finding.ID), "--lineage").Lineage
	require.Empty(t, l.Note)
	require.Contains(t, field(t, l, "externalFindingId").Source, finding.ExternalID)
	host := okJSON[assetView](h, "assets", "show", fmt.Sprint(finding.AssetID), "--lineage")
	require.Equal(t, "qualys-vm-host", host.Lineage.Map)
	require.Contains(t, field(t, host.Lineage, "externalAssetId").Source, host.ExternalID)
}

func TestADryRunIsShownForWhatItIs(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	shown := h.ok("run", profile, "--dry-run", "--wait")
	require.Contains(t, shown, "A dry run: nothing of this is in the inventory.\n")
	require.Regexp(t, `assets +40 +0`, shown)
	require.Empty(t, okJSON[[]inventory.AssetRow](h, "assets", "list"))
	require.Nil(t, okJSON[[]profileStatus](h, "status")[0].Last, "it is no run of what the profile is for")
	require.Contains(t, h.ok("runs", "list"), "full, dry")

	// What it fetched can be brought in without asking again.
	require.EqualValues(t, 40, okJSON[ending](h, "runs", "replay", "1", "--wait").Assets.Created)
	h.ok("run", profile, "--wait")
	_, err := sim.Advance(simulator.Change{Removed: 0.1})
	require.NoError(t, err)
	require.Regexp(t, `gone: [1-9]\d* assets went stale`, h.ok("run", profile, "--mode", "full", "--dry-run", "--wait"))
	require.Len(t, okJSON[[]inventory.AssetRow](h, "assets", "list", "--status", "active"), 40)
}
