package simulator_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
)

func TestAnotherProcessCanSteerHostsAndKnowledge(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.UnpublishedEntries = 0.5
	f := startVM(t, cfg)
	f.control("advance", `{"vm":{"scanned":0.5,"new":0.1,"added":0.1,"removed":0.05},"knowledge":{"published":1}}`)
	f.control("settings", `{"vm":{"concurrent":7,"lateToWait":true}}`)
	f.control("host-defects", `[{"kind":"qid-missing","count":2,"endpoint":"vm-detections"}]`)
	f.call(hostsPath)

	state := f.state()
	require.Equal(t, 132, state.Hosts)
	require.Equal(t, 302, state.Knowledge)
	require.Equal(t, 1, state.Limits[faults.VMHosts].Answered)
	settings := f.sim.VMSettings()
	require.Equal(t, []any{7, true, -1}, []any{settings.Concurrent, settings.LateToWait, settings.Requests})
	require.Len(t, slices.Collect(f.sim.Knowledge()), 302)
	require.Len(t, slices.Collect(f.sim.Hosts(f.user)), 132-6)
	f.requireTheTruthIsStreamed(t)

	for path, body := range map[string]string{
		"advance": `{"vm":{"fixed":2}}`, "settings": `{"vm":{"concurrent":-5}}`, "host-defects": `[{"kind":"typo","count":1}]`,
	} {
		require.Equal(t, http.StatusBadRequest, f.post("/simulator/"+path, body).status)
	}
	require.Equal(t, 132, f.state().Hosts, "nothing changed")
}

func (f *fo) requireTheTruthIsStreamed(t *testing.T) {
	narrow := f.as(account.NarrowName).user
	requireLines(t, f, "type=HOST", f.sim.Hosts(simulator.User{}))
	requireLines(t, f, "type=HOST&user="+narrow.Name, f.sim.Hosts(narrow))
	requireLines(t, f, "type=KNOWLEDGEBASE", f.sim.Knowledge())
	var detections []simulator.Detection
	for d := range f.sim.Detections(narrow) {
		detections = append(detections, d.Plain())
	}
	requireLines(t, f, "type=DETECTION&user="+narrow.Name, slices.Values(detections))
}

func requireLines[T any](t *testing.T, f *fo, query string, truth func(func(T) bool)) {
	a, err := f.do(http.MethodGet, "/simulator/truth?"+query, "")
	require.NoError(t, err)
	var got []T
	lines := bufio.NewScanner(bytes.NewReader(a.body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var record T
		require.NoError(t, json.Unmarshal(lines.Bytes(), &record))
		got = append(got, record)
	}
	require.Equal(t, slices.Collect(truth), got, query)
}

// What a change does to hosts and detections, seen by ids before and after.
func TestChangesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.DetectionsPerHost = 40
	for name, c := range map[string]struct {
		change simulator.VMChange
		holds  func(before, after map[int64]simulator.Detection, hosts int)
	}{
		"scanned": {simulator.VMChange{Scanned: 1}, func(before, after map[int64]simulator.Detection, _ int) {
			for id, d := range after {
				require.True(t, d.LastTest.After(before[id].LastTest))
				if d.Type != "Info" {
					require.Equal(t, d.Status != "Fixed", d.TimesFound > before[id].TimesFound)
				}
			}
			require.Len(t, after, len(before))
		}},
		"new": {simulator.VMChange{Scanned: 1, New: 0.5}, func(before, after map[int64]simulator.Detection, _ int) {
			require.InDelta(t, len(before)*3/2, len(after), float64(len(before))/10)
			for id, d := range after {
				_, known := before[id]
				require.True(t, known || d.Type == "Info" || d.Status == "New")
			}
		}},
		"fixed": {simulator.VMChange{Scanned: 1, Fixed: 1}, func(_, after map[int64]simulator.Detection, _ int) {
			for _, d := range after {
				require.True(t, d.Type == "Info" || d.Status == "Fixed" && !d.LastFixed.IsZero())
			}
		}},
		"reopened": {simulator.VMChange{Scanned: 1, Reopened: 1}, func(before, after map[int64]simulator.Detection, _ int) {
			for id, d := range after {
				require.NotEqual(t, "Fixed", d.Status)
				if before[id].Status == "Fixed" {
					require.Equal(t, []any{"Re-Opened", before[id].TimesReopened + 1}, []any{d.Status, d.TimesReopened})
				}
			}
		}},
		"ignored": {simulator.VMChange{Scanned: 1, Ignored: 1}, func(before, after map[int64]simulator.Detection, _ int) {
			for id, d := range after {
				require.NotEqual(t, before[id].Ignored, d.Ignored)
			}
		}},
		"rescored": {simulator.VMChange{Scanned: 1, Rescored: 1}, func(before, after map[int64]simulator.Detection, _ int) {
			for id, d := range after {
				require.NotEqual(t, before[id].Severity, d.Severity)
				require.True(t, d.Type == "Info" || before[id].QDS != d.QDS)
			}
		}},
		"silent": {simulator.VMChange{Silent: 1}, func(before, after map[int64]simulator.Detection, _ int) {
			for id, d := range after {
				require.NotEqual(t, before[id].Severity, d.Severity)
				require.Equal(t, []any{before[id].LastProcessed, before[id].LastUpdate}, []any{d.LastProcessed, d.LastUpdate})
			}
		}},
		"purged": {simulator.VMChange{Purged: 0.5}, func(before, after map[int64]simulator.Detection, _ int) {
			require.InDelta(t, len(before)/2, len(after), float64(len(before))/20)
			for id, d := range after {
				require.Equal(t, before[id], d)
			}
		}},
		"removed": {simulator.VMChange{Removed: 0.25}, func(_, _ map[int64]simulator.Detection, hosts int) { require.Equal(t, 90, hosts) }},
		"added":   {simulator.VMChange{Added: 0.25}, func(_, _ map[int64]simulator.Detection, hosts int) { require.Equal(t, 150, hosts) }},
		"nothing": {simulator.VMChange{}, func(before, after map[int64]simulator.Detection, _ int) { require.Equal(t, before, after) }},
	} {
		f := startVM(t, cfg)
		before := f.detectionsByID()
		f.sim.Pass(time.Hour)
		_, err := f.sim.Advance(simulator.Change{VM: c.change})
		require.NoError(t, err, name)
		c.holds(before, f.detectionsByID(), len(slices.Collect(f.sim.Hosts(f.user))))
	}
}

func (f *fo) detectionsByID() map[int64]simulator.Detection {
	out := map[int64]simulator.Detection{}
	for d := range f.sim.Detections(f.user) {
		out[d.ID] = d.Plain()
	}
	return out
}

func TestScopesOfHostsDiffer(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	narrow := f.as(account.NarrowName)
	all, some := len(f.read(hostsPath).Hosts), len(narrow.read(hostsPath).Hosts)
	require.Equal(t, 120, all)
	require.InDelta(t, 72, some, 20)
	require.NoError(t, f.sim.Hide(0.5))
	require.InDelta(t, 60, len(f.read(hostsPath).Hosts), 20)
	require.Less(t, len(narrow.read(hostsPath).Hosts), some)
	require.NoError(t, f.sim.Hide(0))
	require.Len(t, f.read(hostsPath).Hosts, all)
}

func TestTheKnowledgeBaseLearnsLater(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.UnpublishedEntries = 0.2
	f := startVM(t, cfg)
	unknown := func() int {
		known, missing := map[int64]bool{}, map[int64]bool{}
		for e := range f.sim.Knowledge() {
			known[e.QID] = true
		}
		for d := range f.sim.Detections(f.user) {
			if !known[d.QID] {
				missing[d.QID] = true
			}
		}
		return len(missing)
	}
	require.Greater(t, unknown(), 20, "detections have QIDs that the knowledge base does not have yet")
	before := slices.Collect(f.sim.Knowledge())
	f.sim.Pass(time.Hour)
	_, err := f.sim.Advance(simulator.Change{Knowledge: simulator.KnowledgeChange{Updated: 1}})
	require.NoError(t, err)
	for i, e := range slices.Collect(f.sim.Knowledge()) {
		require.Equal(t, before[i].QID, e.QID)
		require.NotEqual(t, before[i].Title, e.Title)
		require.Equal(t, []any{f.sim.Now(), before[i].Published}, []any{e.Modified, e.Published})
	}
	_, err = f.sim.Advance(simulator.Change{Knowledge: simulator.KnowledgeChange{Published: 1}})
	require.NoError(t, err)
	require.Zero(t, unknown())
}
