package simulator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
)

// What shows everything that the lists have.
var (
	allOfHosts = []string{
		"details=All/AGs", "show_tags=1", "show_asset_id=1", "host_metadata=all", "show_cloud_tags=1", "show_ars=1", "show_trurisk=1",
		"show_trurisk_factors=1",
	}
	allOfDetections = []string{
		"status=New,Active,Fixed,Re-Opened", "show_igs=1", "include_ignored=1", "include_disabled=1", "show_reopened_info=1", "show_qds=1",
		"show_qds_factors=1", "show_tags=1", "show_asset_id=1",
	}
	allOfKnowledge = []string{"details=All", "show_supported_modules_info=1", "show_disabled_flag=1"}
)

// busyDay changes a bit of everything.
var busyDay = simulator.Change{
	VM: simulator.VMChange{
		Scanned: 0.5, New: 0.1, Fixed: 0.1, Reopened: 0.1, Ignored: 0.05, Rescored: 0.1, Renamed: 0.1, Added: 0.05, Removed: 0.05,
		Silent: 0.05, Purged: 0.02,
	},
	Knowledge: simulator.KnowledgeChange{Updated: 0.1, Published: 0.3},
}

func (f *fo) requireTheTruth(limit int) {
	f.t.Helper()
	hosts, _ := f.pages(hostsPath, limit, allOfHosts...)
	var gotHosts []simulator.Host
	for _, h := range hosts {
		gotHosts = append(gotHosts, f.host(h))
	}
	require.Equal(f.t, slices.Collect(f.sim.Hosts(f.user)), gotHosts)

	hosts, _ = f.pages(detectionsPath, limit, allOfDetections...)
	truth := map[int64]simulator.Host{}
	for _, h := range gotHosts {
		truth[h.ID] = h
	}
	var got []simulator.Detection
	for _, h := range hosts {
		require.NotEmpty(f.t, h.Detections, "hosts without a detection are left out")
		want := truth[int64(f.int(h.ID))]
		require.Equal(f.t, []any{want.IP, want.DNS, want.OS, want.LastVMScanned, want.LastVulnScan, want.AssetID, want.Tags},
			[]any{h.IP, trim(h.DNS), trim(h.OS), f.date(h.LastVMScanned), f.date(h.LastScan), h.AssetID, f.host(h).Tags})
		for _, d := range h.Detections {
			got = append(got, f.detection(h, d))
		}
	}
	var want []simulator.Detection
	for d := range f.sim.Detections(f.user) {
		want = append(want, d.Plain())
	}
	require.Equal(f.t, len(want), len(got))
	for i := range want {
		require.Equal(f.t, want[i], got[i])
	}

	var entries []simulator.KnowledgeEntry
	for _, e := range f.read(knowledgePath, allOfKnowledge...).Entries {
		entries = append(entries, f.entry(e))
	}
	require.Equal(f.t, slices.Collect(f.sim.Knowledge()), entries)
}

func TestTheListsOfHostsDetectionsAndKnowledgeAreTheTruth(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.WebApps, cfg.UnpublishedEntries = 1, 0.1
	for name, comments := range map[string]bool{"with comments": true, "without comments": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.VMSettings.Comments = comments
			f := startVM(t, cfg)
			f.requireTheTruth(17)
			for range 3 {
				f.sim.Pass(24 * time.Hour)
				_, err := f.sim.Advance(busyDay)
				require.NoError(t, err)
				f.requireTheTruth(1000)
			}
			f.as(account.NarrowName).requireTheTruth(23)
		})
	}
}

func TestTheSameConfigurationServesTheSameBytes(t *testing.T) {
	t.Parallel()
	var answers [2]string
	for i := range answers {
		f := startVM(t, vmConfig())
		for range 2 {
			f.sim.Pass(time.Hour)
			_, err := f.sim.Advance(busyDay)
			require.NoError(t, err)
		}
		answers[i] = string(f.call(detectionsPath, allOfDetections...).body) + string(f.call(knowledgePath).body) + string(f.call(hostsPath).body)
	}
	require.Equal(t, answers[0], answers[1])
}

func TestTheEstateHasTheTrapsOfRealData(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.Hosts, cfg.DetectionsPerHost = 400, 80
	f := startVM(t, cfg)
	none, some, most, total := 0, 0, 0, 0
	perHost := map[int64]int{}
	seen := map[string]int{}
	for d := range f.sim.Detections(f.user) {
		perHost[d.HostID]++
		total++
		for name, is := range map[string]bool{
			"first found later than last": d.FirstFound.After(d.LastFound), "no port": d.Port == 0, "udp": d.Protocol == "udp",
			"entity": strings.Contains(d.Results, "&quot;"), "tab": strings.Contains(d.Results, "\t"), "no results": d.Results == "",
			"end of CDATA": strings.Contains(d.Results, "]]>"), "not ASCII": strings.ContainsRune(d.Results, '注'),
			"transcript": strings.Contains(d.Results, "HTTP/1.1 200 OK"), d.Status: true, d.Type: true, "instance": d.Instance != "",
			"ignored": d.Ignored, "disabled": d.Disabled, "critical": d.QDS >= 90, "no SSL": d.SSL == "",
		} {
			if is {
				seen[name]++
			}
		}
	}
	ids := []int64{}
	for h := range f.sim.Hosts(f.user) {
		ids = append(ids, h.ID)
		switch n := perHost[h.ID]; {
		case n == 0:
			none++
		case n > 300:
			most++
		default:
			some++
		}
		for name, is := range map[string]bool{
			"no DNS": h.DNS == "", "no OS": h.OS == "", "no NetBIOS": h.NetBIOS == "", "IPv6": h.IPv6 != "", "cloud": h.CloudProvider != "",
			"cloud tags": h.CloudTags != nil, "agent": h.QGHostID != "", "no tags": h.Tags == nil, "one tag": len(h.Tags) == 1,
		} {
			if is {
				seen[name]++
			}
		}
	}
	require.Len(t, seen, 31, "all of them: %v", seen)
	require.Greater(t, none, 5)
	require.Greater(t, most, 3)
	require.Greater(t, some, 300)
	require.InDelta(t, 80, total/400, 16)
	require.True(t, slices.IsSorted(ids))
	gaps, runs := 0, 0
	for i := range ids[1:] {
		if ids[i+1] == ids[i]+1 {
			runs++
		} else {
			gaps++
		}
	}
	require.Greater(t, gaps, 50)
	require.Greater(t, runs, 50)
}

func TestADetectionIsIdentifiedWithoutItsUniqueIDToo(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.DetectionsPerHost, cfg.KnowledgeEntries = 60, 50 // fewer QIDs than some hosts have detections
	f := startVM(t, cfg)
	for range 2 {
		_, err := f.sim.Advance(busyDay)
		require.NoError(t, err)
	}
	type identity struct {
		host, qid, port         int64
		protocol, ssl, instance string
	}
	ids, identities, shared := map[int64]bool{}, map[identity]bool{}, map[[2]int64]int{}
	n := 0
	for d := range f.sim.Detections(f.user) {
		ids[d.ID] = true
		identities[identity{d.HostID, d.QID, int64(d.Port), d.Protocol, d.SSL, d.Instance}] = true
		shared[[2]int64{d.HostID, d.QID}]++
		n++
	}
	require.Len(t, ids, n)
	require.Len(t, identities, n)
	require.Less(t, len(shared), n, "a QID is on a host more than once")
}
