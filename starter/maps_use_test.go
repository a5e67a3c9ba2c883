package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// lastRun is how the newest run of all went.
func (h *house) lastRun() (mode, reason string) {
	h.t.Helper()
	last := okJSON[[]struct{ Mode, ModeReason string }](h, "runs", "list", "--limit", "1")[0]
	return last.Mode, last.ModeReason
}

func TestAMapInOtherWordsIsNoReasonToReadEverythingAgain(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	r := h.run("profiles", "update", profile, "--map", "APPLICATION=ours")
	require.Contains(t, r.err, "What was read is mapped the same, so nothing of it is read again.")

	r = h.edit(`sed -i '1i # checked by the night shift' "$1" && sed -i 's/^description:.*/description: of ours/' "$1"`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "saved map ours@2: ~ description\nProfile "+profile+" uses it: what was read is mapped the same, so nothing of it is read again.")
	h.ok("run", profile, "--wait")
	mode, reason := h.lastRun()
	require.Equal(t, "delta", mode, reason)

	// Another map is one, until it is taken back before anything was read by it.
	r = h.edit(`sed -i 's/to: asset.assetDetail.name/to: asset.assetDetail.attributes.title/' "$1"`, "maps", "edit", "ours")
	require.Contains(t, r.err, "Profile "+profile+" uses it: its next run of mode auto will be full.")
	r = h.run("maps", "rollback", "ours", "--to", "1")
	require.Contains(t, r.err, "so nothing of it is read again")
	h.ok("run", profile, "--wait")
	mode, reason = h.lastRun()
	require.Equal(t, "delta", mode, reason)

	// What a delta run has written by another map is not taken for done.
	h.ok("maps", "rollback", "ours", "--to", "3")
	h.ok("run", profile, "--mode", "delta", "--wait")
	r = h.run("maps", "rollback", "ours", "--to", "1")
	require.Contains(t, r.err, "its next run of mode auto will be full")
	h.ok("run", profile, "--wait")
	mode, reason = h.lastRun()
	require.Equal(t, "full", mode)
	require.Equal(t, "the transform map of APPLICATION has changed", reason)
}
