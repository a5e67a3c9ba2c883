package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/workflows"
)

// previewed runs a preview and reads what it printed.
func (h *house) previewed(args ...string) (p preview, said string) {
	h.t.Helper()
	r := h.run(append(append([]string{"maps", "preview"}, args...), "--output", "json")...)
	require.Zero(h.t, r.code, r.err)
	require.NoError(h.t, json.Unmarshal([]byte(r.out), &p), r.out)
	return p, r.err
}

// ids are those of a preview's records.
func ids(p preview) (all []string) {
	for _, r := range p.Records {
		all = append(all, r.ID)
	}
	return all
}

func TestAPreviewFetchesFromTheVendorAndWritesNothing(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	h.ok("profiles", "deactivate", profile)

	live, said := h.previewed("qualys-tas-application", "--profile", profile)
	require.Equal(t, "fetching up to 5 records of APPLICATION of profile "+profile+" ...\n", said)
	require.Len(t, live.Records, 5)
	require.Equal(t, 5, live.Counts["records taken"])
	for _, r := range live.Records {
		require.Equal(t, "fetched, APPLICATION", r.From)
	}
	require.Contains(t, h.ok("maps", "preview", "qualys-tas-application", "--profile", profile, "--records", "2"), "Nothing was written.")
	draft := written(t, "draft.yaml", strings.Replace(ownMap, "rows:\n", "when: record.name != ''\nrows:\n", 1))
	drafted, _ := h.previewed(draft, "--profile", profile, "--records", "30")
	require.Len(t, drafted.Records, 30, "a map that was not imported yet")

	var left [3]int
	require.NoError(t, h.open().Pool().QueryRow(t.Context(), "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM runs), (SELECT count(*) FROM assets)").
		Scan(&left[0], &left[1], &left[2]))
	require.Zero(t, left)

	// After a run there are records of it, and those are what the vendor had then.
	r := h.run("maps", "preview", "qualys-tas-application", "--profile", profile, "--stored")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "no records of profile "+profile+" are kept that map qualys-tas-application reads: run it ('")
	h.ok("profiles", "activate", profile, "--force")
	h.ok("run", profile, "--wait")
	stored, said := h.previewed("qualys-tas-application", "--profile", profile, "--stored")
	require.Empty(t, said)
	require.Equal(t, ids(live), ids(stored))
	require.Equal(t, "run 1, APPLICATION, batch 1", stored.Records[0].From)
	calls := sim.Counts()
	h.ok("maps", "preview", "qualys-tas-application", "--profile", profile, "--stored")
	h.ok("maps", "diff", "qualys-tas-application", draft, "--profile", profile)
	require.Equal(t, calls, sim.Counts(), "the vendor is not asked")
}

func TestAPreviewThatCannotFetchSaysWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	const otherwise = "\n  Records that are kept of its last run need no vendor: add --stored\n"
	for name, c := range map[string]struct {
		estate simulator.Config
		before func(h *house, sim *simulator.Simulator, connector string)
		says   string
	}{
		"a long wait": {smallEstate, func(h *house, sim *simulator.Simulator, _ string) {
			require.NoError(h.t, sim.SetFaults(simulator.Fault{Kind: faults.Throttle, RetryAfter: 3600, Endpoint: faults.Applications}))
		}, "Request limit exceeded (it has to be waited for: try again in 1h0m0s)" + otherwise},
		"a refused credential": {smallEstate, func(h *house, sim *simulator.Simulator, connector string) {
			r := h.runWith(h.t.Context(), environment{"SLUICE_CLIENT_SECRET": "wrong"}, nil, "connectors", "update", connector, "--new-secret")
			require.Zero(h.t, r.code, r.err)
		}, "could be fetched: Qualys refused the client id and secret: Qualys answered 401 Unauthorized"},
		"a disabled connector": {smallEstate, func(h *house, _ *simulator.Simulator, connector string) { h.ok("connectors", "disable", connector) },
			"is disabled ('sluice connectors enable "},
		"no worker of its pool": {smallEstate, func(h *house, _ *simulator.Simulator, connector string) {
			h.ok("connectors", "update", connector, "--pool", "emea")
		}, "could be fetched: no worker serves pool emea: start one with 'sluice-worker --pool emea'" + otherwise},
		"no records": {simulator.Config{Seed: 1, APICollections: 1}, func(*house, *simulator.Simulator, string) {},
			"sluice: there are no records of APPLICATION to look at: the account of connector "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, sim, connector, profile := withProfile(t, c.estate)
			c.before(h, sim, connector)
			r := h.run("maps", "preview", "qualys-tas-application", "--profile", profile)
			require.Equal(t, exitFailure, r.code)
			require.Contains(t, r.err, c.says)
			require.Empty(t, r.out)
		})
	}
}

func TestAPreviewWithoutAWorkerSaysSoInsteadOfHanging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	profile := h.name + "-apps"
	h.ok("profiles", "create", profile, "--connector", connector, "--kind", "qualys-tas", "--status", "inactive")
	r := h.run("maps", "preview", "qualys-tas-application", "--profile", profile)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, `sluice: no worker answers on task queue "`+h.name+`": start one with 'sluice dev', or sluice-worker`+"\n")
	require.Contains(t, r.err, "add --stored")
}

func TestCtrlCEndsAPreviewAndItsFetch(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: faults.Trickle, Bytes: 1, Delay: 50 * time.Millisecond, Endpoint: faults.Applications}))
	ctx, interrupt := context.WithCancel(t.Context())
	done, out, _ := h.inBackground(ctx, "maps", "preview", "qualys-tas-application", "--profile", profile)
	require.Eventually(t, func() bool { return sim.Counts().Faults[faults.Trickle] > 0 }, within, every)
	interrupt()
	r := <-done
	require.Equal(t, exitInterrupted, r.code, r.err)
	require.Empty(t, out.String())
	require.Eventually(t, func() bool {
		status, ok := h.previews(profile)
		return ok && status == enums.WORKFLOW_EXECUTION_STATUS_CANCELED
	}, within, every)
}

// previews says how the only preview of a profile stands.
func (h *house) previews(profile string) (enums.WorkflowExecutionStatus, bool) {
	h.t.Helper()
	found, err := h.dial().ListWorkflow(h.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowId STARTS_WITH '" + workflows.SampleWorkflowID(profile, "") + "'"})
	require.NoError(h.t, err)
	if len(found.GetExecutions()) != 1 {
		return 0, false
	}
	return found.GetExecutions()[0].GetStatus(), true
}

func TestAPreviewOfAProfileThatReadsFilesTakesItsLastImport(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	live, said := h.previewed("file-hosts", "--profile", profile)
	require.Len(t, live.Records, 3)
	require.Equal(t, "Profile "+profile+" reads files that people send: these are records that are kept of its last import.\n", said)
	require.Equal(t, "run 1, HOST, batch 1", live.Records[0].From)
}

func TestAPreviewIsOfOneSortOfRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.run("maps", "preview", "qualys-tas-application", "--file", "-", "--stored")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "--stored is about the records of a profile's last run, and --file names others: give only one of them")
	r = h.run("maps", "preview", "qualys-tas-application", "--stored")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "it is not clear which records are meant: give --profile, or a file with some by --file")
	require.Contains(t, h.run("maps", "diff", "a", "b", "--profile", "p", "--stored").err, "unknown flag: --stored")
}
