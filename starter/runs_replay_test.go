package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
)

func TestARunIsReplayedByAnotherMap(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	r := h.edit(`sed -i 's/to: asset.assetDetail.name/to: asset.assetDetail.attributes.title/' "$1"`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)

	// The vendor is not asked: it would refuse.
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "error-body", Code: "INVALID_CREDENTIALS"}))
	replayed := okJSON[ending](h, "runs", "replay", "1", "--map", "ours", "--wait")
	require.Equal(t, lifecycle.Replay, replayed.Mode)
	require.EqualValues(t, 30, replayed.Assets.Updated)
	asset := okJSON[[]inventory.AssetRow](h, "assets", "list", "--class", "application", "--limit", "1")[0]
	require.Equal(t, []any{"ours", int32(2), replayed.RunID}, []any{asset.Map, asset.MapVersion, asset.RunID})
	require.Nil(t, asset.Name)

	shown := h.ok("runs", "show", fmt.Sprint(replayed.RunID))
	require.Contains(t, shown, "replay of run 1 by map ours@2, qualys-tas-api-collection@1")
	require.Contains(t, shown, "replay/"+profile)
	require.Contains(t, h.ok("runs", "replay", "1", "--map", "APPLICATION=ours@1", "--wait"), "run 3 of "+profile+": succeeded")

	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"9"}, "run 9"},
		{[]string{"2"}, "run 2 is a replay itself: replay run 1, whose records they are"},
		{[]string{"1", "--map", "qualys-vm-host"}, "map qualys-vm-host reads qualys-vm.host, and the run brought no such records"},
		{[]string{"1", "--map", "HOST=ours"}, "the run brought APPLICATION, APICOLLECTION"},
		{[]string{"1", "--map", "APICOLLECTION=ours"}, "map ours reads qualys-tas.application, but what the run brought is qualys-tas.apiCollection"},
		{[]string{"1", "--map", "ours", "--map", "APPLICATION=ours@1"}, "there is another map for APPLICATION"},
		{[]string{"1", "--map", "outs"}, `did you mean ours?`},
		{[]string{"1", "--map", "ours@7"}, "it has 1 to 2"},
	} {
		r := h.run(append([]string{"runs", "replay"}, wrong.args...)...)
		require.NotZero(t, r.code)
		require.Contains(t, r.err, wrong.says)
	}
}

func TestRejectsAreExportedAndMappedAgainWhenTheMapIsMended(t *testing.T) {
	t.Parallel()
	estate := smallEstate
	estate.Applications = 130
	h, _, _, profile := withProfile(t, estate)
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	h.ok("profiles", "update", profile, "--map", "APPLICATION=ours", "--reject-limit", "100")
	r := h.edit(`sed -i '/^rows:/a\  - {expr: "int(record.name)", to: asset.assetDetail.attributes.number}' "$1"`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	h.run("run", profile, "--wait")

	lines, err := csv.NewReader(strings.NewReader(h.ok("runs", "rejects", "1", "--output", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 1+130, "all of them, more than a page")
	require.Len(t, okJSON[[]catalog.Reject](h, "runs", "rejects", "1", "--limit", "7"), 7)
	require.Equal(t, "run 1 has no more than 9999 rejects: there are none beyond --offset 9999\n", h.run("runs", "rejects", "1", "--offset", "9999").err)

	r = h.edit(`sed -i '/int(record.name)/d' "$1"`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	replayed := okJSON[ending](h, "runs", "replay", "1", "--rejects-only", "--wait")
	require.EqualValues(t, lifecycle.Counts{Created: 130}, replayed.Assets)
	require.Empty(t, okJSON[[]catalog.Reject](h, "runs", "rejects", fmt.Sprint(replayed.RunID)))
}

func TestTheReplayOfADryRunSaysThatItWrites(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--dry-run", "--wait")
	r := h.run("runs", "replay", "1", "--wait")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "Run 1 was a dry run. This replay of it is none: it writes to the inventory.\n")
	require.Len(t, okJSON[[]inventory.AssetRow](h, "assets", "list"), 40)
	h.ok("run", profile, "--mode", "full", "--wait")
	r = h.run("runs", "replay", "3", "--wait")
	require.Zero(t, r.code, r.err)
	require.NotContains(t, r.err, "dry run")
	require.Contains(t, h.ok("runs", "replay", "--help"), "The replay of a dry run writes, too")
}
