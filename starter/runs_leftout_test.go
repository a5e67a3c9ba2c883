package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

func TestARunSaysWhatItsMapsLeftOut(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	hosts := fileAt(t, "hosts.csv", hostsFile)
	before := h.ok("import", hosts, "--profile", profile, "--wait")
	require.NotContains(t, before, "LEFT OUT", "nothing was")
	require.NotContains(t, h.ok("runs", "show", "1"), "LEFT OUT")

	r := h.edit(`sed -i "s/^rows:/when: record.Host_ID != 'h2'\nrows:/" "$1"`, "maps", "edit", "file-hosts")
	require.Zero(t, r.code, r.err)
	after := h.ok("import", hosts, "--profile", profile, "--wait")
	require.Regexp(t, `(?m)^ +CREATED +UPDATED +UNCHANGED +RETURNED +REJECTED +LEFT OUT\nassets +0 +0 +2 +0 +0 +1\n`, after)
	require.Contains(t, h.ok("runs", "show", "2"), "LEFT OUT")
	require.Contains(t, h.ok("runs", "list"), "+0 ~0 =2 left out 1")
	require.Equal(t, lifecycle.Counts{Unchanged: 2, LeftOut: 1}, okJSON[catalog.Run](h, "runs", "show", "2").Assets)
	lines, err := csv.NewReader(strings.NewReader(h.ok("runs", "list", "--output", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Contains(t, lines[0], "assetsLeftOut")
	require.Contains(t, lines[0], "findingsLeftOut")
	require.Contains(t, h.ok("assets", "list", "--output", "csv"), "h2,b", "it stays as it was")
}

func TestAFileWithoutRecordsIsToldToBeOne(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	for name, content := range map[string]string{"hosts.csv": "Host ID,Name,IP,OS\n", "hosts.json": "[]"} {
		r := h.run("import", fileAt(t, name, content), "--profile", profile, "--wait")
		require.Zero(t, r.code, r.err)
		require.Contains(t, r.err, "sent "+name+": 0 records")
		require.Contains(t, r.out, "0 records: there was nothing to read.\n")
	}
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	r := h.run("import", fileAt(t, "hosts.json", "[]"), "--profile", profile, "--wait")
	require.Equal(t, exitPartial, r.code, "everything would be gone")
	require.Contains(t, r.out, "3 of 3 known assets were not delivered any more")
	require.EqualValues(t, 3, okJSON[ending](h, "import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait").Records)
}

func TestWhatIsRejectedAgainMakesAReplayPartial(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	r := h.edit(`sed -i "/^rows:/a\  - {expr: \"int(record.Name)\", to: asset.assetDetail.attributes.number}" "$1"`, "maps", "edit", "file-hosts")
	require.Zero(t, r.code, r.err)
	r = h.run("import", fileAt(t, "hosts.csv", strings.Replace(hostsFile, ";c;", ";7;", 1)), "--profile", profile, "--wait")
	require.Zero(t, r.code, "two are few enough: %s%s", r.out, r.err)
	r = h.run("runs", "replay", "1", "--rejects-only", "--wait")
	require.Equal(t, exitPartial, r.code, r.out)
	require.Contains(t, r.out, fmt.Sprintf("run 2 of %s: partial: HOST: 2 of 2 records were rejected again: see 'sluice runs rejects 2'\n", profile))
}

func TestARejectLimitSaysWhatItTolerates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, command := range []string{"create", "update"} {
		require.Regexp(t, `--reject-limit .*may be rejected; more fails the run, if it is more than 10 or all of them, and what was written stays`,
			strings.Join(strings.Fields(h.ok("profiles", command, "--help")), " "))
	}
	require.Contains(t, h.ok("import", "--help"), "what fits is written, also where\nso many are rejected that the run fails")
}
