package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

func TestARunIsWaitedForAndWhatItCameToIsTold(t *testing.T) {
	t.Parallel()
	estate := smallEstate
	estate.Defects = []simulator.Defect{{Kind: "severity-word", Count: 5, AssetTypes: []simulator.AssetType{simulator.Application}}}
	h, sim, _, profile := withProfile(t, estate)
	require.Equal(t, lifecycle.Registered, okJSON[[]profileStatus](h, "status")[0].State)

	r := h.run("run", profile, "--wait")
	require.Zero(t, r.code, r.err)
	require.Regexp(t, `^run 1 of `+profile+`: succeeded\n`, r.out)
	require.Regexp(t, `assets +40 +0 +0 +0 +0\n`, r.out)
	require.Contains(t, r.out, "sluice runs rejects 1")
	require.Contains(t, r.err, "APPLICATION done: 30 of 30 records, assets +30 ~0 =0")
	require.NotContains(t, r.err, "\x1b", "this is no terminal")

	status := okJSON[[]profileStatus](h, "status")[0]
	require.Equal(t, lifecycle.Processed, status.State)
	require.Nil(t, status.Running)
	require.Equal(t, lifecycle.Succeeded, status.Last.Outcome)

	require.NoError(t, sim.SetDefects()) // the vendor mends them
	_, err := sim.Advance(simulator.Change{Updated: 0.1, Added: 0.1})
	require.NoError(t, err)
	delta := okJSON[ending](h, "run", profile, "--mode", "delta", "--wait")
	require.Equal(t, lifecycle.Delta, delta.Mode)
	require.EqualValues(t, 4, delta.Assets.Created)
	require.EqualValues(t, 4, delta.Assets.Updated)

	runs := okJSON[[]catalog.Run](h, "runs", "list", "--profile", profile)
	require.Len(t, runs, 2)
	require.Equal(t, delta.RunID, runs[0].ID, "newest first")
	require.Equal(t, delta.Assets, runs[0].Assets)
	shown := h.ok("runs", "show", fmt.Sprint(runs[1].ID))
	require.Contains(t, shown, "ingest/"+profile)
	require.Contains(t, shown, "records/s")
	require.Equal(t, "cli", runs[0].StartedBy)
	require.Contains(t, h.ok("runs", "logs", "1"), "run 1 succeeded")
	require.NotContains(t, h.ok("runs", "logs", "1", "--level", "error"), "run 1 succeeded")
	require.Contains(t, h.ok("runs", "logs", "1", "--follow"), "run 1 succeeded", "of a run that is over, following ends")
	require.Contains(t, h.run("runs", "logs", "1", "--level", "loud").err, "info, warn, error")

	rejects := okJSON[[]catalog.Reject](h, "runs", "rejects", "1")
	require.EqualValues(t, runs[1].Findings.Rejected, len(rejects))
	require.Equal(t, "blocker", strings.Trim(rejects[0].Value, `"`))
	require.NotEmpty(t, rejects[0].Reason)
}

func TestTheExitCodeTellsTheOutcome(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		outcome lifecycle.Outcome
		fault   simulator.Fault
		code    int
		says    string
	}{
		{lifecycle.Partial, simulator.Fault{Kind: "omit-record", Endpoint: "api-collections"}, exitPartial, "APICOLLECTION"},
		{lifecycle.Failed, simulator.Fault{Kind: "error-body", Code: "INVALID_CREDENTIALS"}, exitFailed, "APPLICATION"},
	} {
		t.Run(string(end.outcome), func(t *testing.T) {
			t.Parallel()
			h, sim, _, profile := withProfile(t, smallEstate)
			require.NoError(t, sim.SetFaults(end.fault))
			r := h.run("run", profile, "--wait")
			require.Equal(t, end.code, r.code, r.out+r.err)
			require.Regexp(t, `^run 1 of `+profile+`: `+string(end.outcome)+`: .*`+end.says, r.out)
			require.Equal(t, end.outcome, okJSON[catalog.Run](h, "runs", "show", "1").Outcome)
		})
	}
}

func TestACancelledRunEndsCleanlyAndSaysSo(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "throttle", RetryAfter: 3600}))
	waiting, _, errs := h.inBackground(t.Context(), "run", profile, "--wait")
	require.Eventually(t, errs.has("APPLICATION waiting"), within, every)

	status := okJSON[[]profileStatus](h, "status")[0]
	require.Equal(t, lifecycle.Processing, status.State)
	require.NotZero(t, status.Running.RunID)
	require.Contains(t, h.ok("status", profile), "APPLICATION waiting")

	again := h.run("run", profile)
	require.Equal(t, exitFailure, again.code)
	require.Equal(t, fmt.Sprintf("sluice: a run of %[1]s is under way: follow it with '%[2]s status %[1]s --watch', or stop it with '%[2]s runs cancel %[1]s'\n",
		profile, "SLUICE_HOME="+h.env["SLUICE_HOME"]+" sluice"), again.err)
	require.Contains(t, h.run("profiles", "delete", profile).err, "is being run: cancel the run first")

	h.ok("runs", "cancel", fmt.Sprint(status.Running.RunID))
	r := <-waiting
	require.Equal(t, exitCancelled, r.code, r.out)
	require.Contains(t, r.out, ": cancelled")
	require.Equal(t, lifecycle.Registered, okJSON[[]profileStatus](h, "status")[0].State)
	require.Contains(t, h.run("runs", "cancel", "1").err, "run 1 is over (cancelled)")
}

func TestCtrlCLeavesTheRunRunning(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "throttle", RetryAfter: 3600}))
	ctx, interrupt := context.WithCancel(t.Context())
	waiting, _, errs := h.inBackground(ctx, "run", profile, "--wait")
	require.Eventually(t, errs.has("APPLICATION waiting"), within, every)
	interrupt()
	r := <-waiting
	require.Equal(t, exitInterrupted, r.code)
	require.Contains(t, r.err, "The run goes on. Follow it: ")
	require.Equal(t, lifecycle.Processing, okJSON[[]profileStatus](h, "status")[0].State)
	h.ok("runs", "cancel", profile)
	require.Eventually(t, func() bool { return okJSON[catalog.Run](h, "runs", "show", "1").Outcome == lifecycle.Cancelled }, within, every)
}

func TestASkippedRunNamesTheOneUnderWay(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "throttle", RetryAfter: 3600}))
	// A run that was started from the Temporal UI may have any workflow id.
	temporal := h.dial()
	other, err := temporal.ExecuteWorkflow(t.Context(), startOptions(h, "by hand/"+profile), workflows.IngestionType, workflows.Input{Profile: profile})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s := okJSON[[]profileStatus](h, "status")[0]
		return s.Running != nil && s.Running.RunID == 1 && s.Running.WorkflowID == other.GetID()
	}, within, every)
	r := h.run("run", profile, "--wait")
	require.Equal(t, exitSkipped, r.code, r.out+r.err)
	require.Contains(t, r.out, "skipped: run 1 of the profile (workflow "+other.GetID()+") is under way")
	h.ok("runs", "cancel", profile)
	require.Error(t, other.Get(t.Context(), nil))
}

func TestWithoutAWorkerARunWaitsAndSaysForWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	profile := h.name + "-apps"
	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-tas")
	waiting, _, errs := h.inBackground(t.Context(), "run", profile, "--wait")
	require.Eventually(t, errs.has(`no worker answers on task queue "`+h.name+`"`), within, every)

	status := okJSON[[]profileStatus](h, "status")[0]
	require.Equal(t, lifecycle.Processing, status.State)
	require.Nil(t, status.Running.Progress)
	require.Contains(t, status.Note, "no worker answers")

	h.startWorker()
	r := <-waiting
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, "succeeded")
}

func TestARunThatWasEndedFromOutsideIsNotShownAsProcessing(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "throttle", RetryAfter: 3600}))
	waiting, _, errs := h.inBackground(t.Context(), "run", profile, "--wait")
	require.Eventually(t, errs.has("APPLICATION waiting"), within, every)
	require.NoError(t, h.dial().TerminateWorkflow(t.Context(), workflows.WorkflowID(profile), "", "by a test"))
	r := <-waiting
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.out, "the workflow ended without finishing the run")

	status := okJSON[[]profileStatus](h, "status")[0]
	require.Equal(t, lifecycle.Registered, status.State)
	require.Nil(t, status.Running)
	require.Equal(t, "run 1 was ended from outside; the next run closes it", status.Note)

	h.ok("runs", "cancel", "1")
	require.Equal(t, lifecycle.Cancelled, okJSON[catalog.Run](h, "runs", "show", "1").Outcome)
	h.ok("profiles", "delete", profile)
}

func TestARunThatIsNotWaitedForSaysHowToFollowIt(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	started := okJSON[startedView](h, "run", profile)
	require.Equal(t, "ingest/"+profile, started.WorkflowID)
	require.Eventually(t, func() bool { return okJSON[[]profileStatus](h, "status")[0].Last != nil }, within, every)
}

func TestListsAreTheSameInEveryFormatAndAreReadInPages(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")

	all := okJSON[[]inventory.AssetRow](h, "assets", "list", "--connector", connector)
	require.Len(t, all, 40)
	var lines []inventory.AssetRow
	for line := range strings.Lines(h.ok("assets", "list", "--output", "ndjson")) {
		var row inventory.AssetRow
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		lines = append(lines, row)
	}
	require.Equal(t, all, lines)
	records, err := csv.NewReader(strings.NewReader(h.ok("assets", "list", "--output", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 41)
	require.Equal(t, "id", records[0][0])
	require.Equal(t, fmt.Sprint(all[0].ID), records[1][0])
	require.Len(t, strings.Split(strings.TrimSpace(h.ok("assets", "list")), "\n"), 41)

	var paged []inventory.AssetRow
	after := int64(0)
	for {
		r := h.run("assets", "list", "--limit", "15", "--after", fmt.Sprint(after))
		require.Zero(t, r.code, r.err)
		page := okJSON[[]inventory.AssetRow](h, "assets", "list", "--limit", "15", "--after", fmt.Sprint(after))
		paged = append(paged, page...)
		if len(page) < 15 {
			require.Empty(t, r.err)
			break
		}
		after = page[14].ID
		require.Contains(t, r.err, fmt.Sprintf("sluice assets list --limit 15 --after %d", after))
	}
	require.Equal(t, all, paged)

	collections := okJSON[[]inventory.AssetRow](h, "assets", "list", "--class", "apiCollection")
	require.Len(t, collections, 10)
	severe := okJSON[[]inventory.FindingRow](h, "findings", "list", "--severity", "4", "--status", "open", "--limit", "1000")
	require.NotEmpty(t, severe)
	for _, f := range severe {
		require.GreaterOrEqual(t, *f.Severity, int16(4))
	}
	one := severe[0]
	require.Contains(t, h.ok("findings", "show", fmt.Sprint(one.ID)), one.ExternalID)
	for _, f := range okJSON[[]inventory.FindingRow](h, "findings", "list", "--asset", fmt.Sprint(one.AssetID)) {
		require.Equal(t, one.AssetID, f.AssetID)
	}
	asset := okJSON[assetView](h, "assets", "show", fmt.Sprint(one.AssetID))
	require.Equal(t, one.AssetExternalID, asset.ExternalID)
	require.NotEmpty(t, asset.Changes)
	require.Contains(t, h.ok("assets", "show", fmt.Sprint(one.AssetID)), "created")
}

func TestAProfileIsShownWithTheLinkThatStartsIt(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	shown := h.ok("profiles", "show", profile)
	require.Contains(t, shown, "APPLICATION=qualys-tas-application")
	require.Contains(t, shown, "/namespaces/default/workflows/start-workflow?taskQueue="+h.name+"&workflowId=ingest%2F"+profile+"&workflowType=IngestionWorkflow")

	h.ok("profiles", "create", h.name+"-apis", "--connector", connector, "--kind", "qualys-tas", "--asset-types", "APICOLLECTION,APICOLLECTION",
		"--status", "inactive", "--full-every", "24h", "--retire-after", "0", "--shrink-limit", "50", "--reject-limit", "0", "--absent-findings", "preserve")
	p := okJSON[catalog.Profile](h, "profiles", "show", h.name+"-apis")
	require.Equal(t, []string{"APICOLLECTION"}, p.AssetTypes)
	require.False(t, p.Active)
	require.Equal(t, catalog.Policy{FullEveryHours: 24, RetireAfter: 0, ShrinkPercent: 50, RejectPercent: 0, AbsentFindings: "preserve"}, p.Policy)
	require.Contains(t, h.ok("profiles", "list"), h.name+"-apis")
	h.ok("profiles", "delete", p.Name)
	require.NotContains(t, h.ok("profiles", "list"), p.Name)
}

func TestTwoActiveProfilesOfAConnectorMustMapAnAssetTypeAlike(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	store := h.open()
	p, err := store.Profile(t.Context(), profile)
	require.NoError(t, err)

	require.NoError(t, store.AddMap(t.Context(), []byte("name: of-my-own\nsource: qualys-tas.application\ntarget: inventory\nassetClass: application\n"+
		"rows:\n  - from: id\n    to: asset.assetHeader.externalAssetId\n")))

	p.Name = h.name + "-other"
	p.Maps = map[string]string{"APPLICATION": "of-my-own", "APICOLLECTION": p.Maps["APICOLLECTION"]}
	require.EqualError(t, store.CreateProfile(t.Context(), p), "create profile "+p.Name+": profile "+profile+
		" is active and writes APPLICATION of the same connector by map qualys-tas-application, this one by of-my-own: "+
		"use the same map, leave APPLICATION out, or make one of them inactive")

	p.Active = false
	require.NoError(t, store.CreateProfile(t.Context(), p), "an inactive one writes nothing")
	p.Name, p.Active, p.AssetTypes = h.name+"-apis", true, []string{"APICOLLECTION"}
	require.NoError(t, store.CreateProfile(t.Context(), p), "it writes nothing that another maps differently")
}
