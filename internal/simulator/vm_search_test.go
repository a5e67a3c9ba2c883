package simulator_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
)

// yesterday returns a simulator a day after a change, and when the change was.
func yesterday(t *testing.T, c simulator.Change) (*fo, time.Time) {
	cfg := vmConfig()
	cfg.UnpublishedEntries = 0.1
	f := startVM(t, cfg)
	f.sim.Pass(24 * time.Hour)
	changed := f.sim.Now()
	_, err := f.sim.Advance(c)
	require.NoError(t, err)
	f.sim.Pass(24 * time.Hour)
	return f, changed
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func TestFiltersOfHostsSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	f, changed := yesterday(t, simulator.Change{VM: simulator.VMChange{Scanned: 0.3, Removed: 0.1, Added: 0.1}})
	all := slices.Collect(f.sim.Hosts(f.user))
	has := func(name string) func(simulator.Host) bool {
		return func(h simulator.Host) bool {
			return slices.ContainsFunc(h.Tags, func(tag simulator.HostTag) bool { return tag.Name == name })
		}
	}
	production, pci := has("Production"), has("PCI \"in scope\"")
	fifth, tenth := all[5].ID, all[10].ID
	for _, c := range []struct {
		parameters []string
		holds      func(simulator.Host) bool
	}{
		{nil, func(simulator.Host) bool { return true }},
		{[]string{"id_min=" + decimal(fifth)}, func(h simulator.Host) bool { return h.ID >= fifth }},
		{[]string{"id_max=" + decimal(fifth)}, func(h simulator.Host) bool { return h.ID <= fifth }},
		{[]string{"ids=" + decimal(fifth) + "-" + decimal(tenth) + ",7," + decimal(all[20].ID)},
			func(h simulator.Host) bool { return h.ID >= fifth && h.ID <= tenth || h.ID == all[20].ID }},
		{[]string{"ids=1-99999999", "id_min=" + decimal(fifth), "id_max=" + decimal(tenth)},
			func(h simulator.Host) bool { return h.ID >= fifth && h.ID <= tenth }},
		{[]string{"ips=10.0.0.7-10.0.0.20,10.0.0.90"},
			func(h simulator.Host) bool {
				last, err := strconv.Atoi(h.IP[strings.LastIndexByte(h.IP, '.')+1:])
				return err == nil && (last >= 7 && last <= 20 || last == 90)
			}},
		{[]string{"vm_processed_after=" + stamp(changed.Add(-time.Second))}, func(h simulator.Host) bool { return h.LastVulnScan.Equal(changed) }},
		{[]string{"vm_processed_before=" + stamp(changed)}, func(h simulator.Host) bool { return h.LastVulnScan.Before(changed) }},
		{[]string{"vm_scan_since=" + stamp(changed.Add(-2*time.Hour))}, func(h simulator.Host) bool { return h.LastVulnScan.Equal(changed) }},
		{[]string{"vm_scan_date_before=2026-03-01"}, func(h simulator.Host) bool { return h.LastVMScanned.Before(start.AddDate(0, 0, -14)) }},
		{[]string{"use_tags=1", "tag_set_by=name", "tag_set_include=Production"}, production},
		{[]string{"use_tags=1", "tag_set_include=7000001,7000014"}, func(h simulator.Host) bool { return production(h) || pci(h) }},
		{[]string{"use_tags=1", "tag_set_include=7000001,7000014", "tag_include_selector=all"},
			func(h simulator.Host) bool { return production(h) && pci(h) }},
		{[]string{"use_tags=1", "tag_set_include=7000001", "tag_set_exclude=7000014"},
			func(h simulator.Host) bool { return production(h) && !pci(h) }},
	} {
		var want []simulator.Host
		for _, h := range all {
			if c.holds(h) {
				want = append(want, h)
			}
		}
		require.NotEmpty(t, want, c.parameters)
		if c.parameters != nil {
			require.Less(t, len(want), len(all), c.parameters)
		}
		var got []simulator.Host
		for _, h := range f.read(hostsPath, append(c.parameters, allOfHosts...)...).Hosts {
			got = append(got, f.host(h))
		}
		require.Equal(t, want, got, c.parameters)
	}
}

func TestFiltersOfDetectionsSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	f, changed := yesterday(t, simulator.Change{VM: simulator.VMChange{Scanned: 0.3, Fixed: 0.3, New: 0.1, Reopened: 0.2}})
	open := func(d simulator.Detection) bool {
		return d.Type != "Info" && d.Status != "Fixed" && !d.Ignored && !d.Disabled
	}
	any := []string{"status=New,Active,Fixed,Re-Opened", "show_igs=1", "include_ignored=1", "include_disabled=1"}
	for _, c := range []struct {
		parameters []string
		holds      func(simulator.Detection) bool
	}{
		{nil, open},
		{[]string{"status=Fixed"}, func(d simulator.Detection) bool {
			return d.Status == "Fixed" && !d.Ignored && !d.Disabled
		}},
		{[]string{"status=New, Re-opened"}, func(d simulator.Detection) bool {
			return open(d) && (d.Status == "New" || d.Status == "Re-Opened")
		}},
		{[]string{"severities=4-5,1"}, func(d simulator.Detection) bool { return open(d) && (d.Severity >= 4 || d.Severity == 1) }},
		{[]string{"qids=38000-38500"}, func(d simulator.Detection) bool { return open(d) && d.QID <= 38500 }},
		{[]string{"qds_min=70", "qds_max=89"}, func(d simulator.Detection) bool { return open(d) && d.QDS >= 70 && d.QDS <= 89 }},
		{[]string{"show_igs=1"}, func(d simulator.Detection) bool {
			return open(d) || d.Type == "Info" && !d.Ignored && !d.Disabled
		}},
		{[]string{"include_ignored=1"}, func(d simulator.Detection) bool {
			return d.Type != "Info" && d.Status != "Fixed" && !d.Disabled
		}},
		{any, func(simulator.Detection) bool { return true }},
		{append([]string{"detection_processed_after=" + stamp(changed.Add(-time.Second))}, any...),
			func(d simulator.Detection) bool { return d.LastProcessed.Equal(changed) }},
		{append([]string{"detection_last_tested_since=" + stamp(changed.Add(-2*time.Hour))}, any...),
			func(d simulator.Detection) bool { return d.LastProcessed.Equal(changed) }},
		{append([]string{"detection_updated_since=" + stamp(changed.Add(-2*time.Hour)), "severities=1-5"}, any...),
			func(d simulator.Detection) bool { return !d.Updated().Before(changed.Add(-2 * time.Hour)) }},
	} {
		var want, got []int64
		for d := range f.sim.Detections(f.user) {
			if c.holds(d) {
				want = append(want, d.ID)
			}
		}
		require.NotEmpty(t, want, c.parameters)
		hosts, _ := f.pages(detectionsPath, 50, c.parameters...)
		for _, h := range hosts {
			require.NotEmpty(t, h.Detections)
			for _, d := range h.Detections {
				got = append(got, d.ID)
			}
		}
		require.Equal(t, want, got, c.parameters)
	}
}

func TestFiltersOfTheKnowledgeBaseSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	f, changed := yesterday(t, simulator.Change{Knowledge: simulator.KnowledgeChange{Updated: 0.1, Published: 0.5}})
	all := slices.Collect(f.sim.Knowledge())
	require.Len(t, all, 287, "half of the tenth that waits has been published")
	third, tenth := all[3].QID, all[10].QID
	for _, c := range []struct {
		parameters []string
		holds      func(simulator.KnowledgeEntry) bool
	}{
		{[]string{"ids=" + decimal(third) + "," + decimal(tenth) + ",1-9"}, func(e simulator.KnowledgeEntry) bool { return e.QID == third || e.QID == tenth }},
		{[]string{"id_min=" + decimal(third), "id_max=" + decimal(tenth)}, func(e simulator.KnowledgeEntry) bool { return e.QID >= third && e.QID <= tenth }},
		{[]string{"is_patchable=0"}, func(e simulator.KnowledgeEntry) bool { return !e.Patchable }},
		{[]string{"last_modified_after=" + stamp(changed.Add(-time.Second))}, func(e simulator.KnowledgeEntry) bool { return e.Modified.Equal(changed) }},
		{[]string{"last_modified_by_service_before=" + stamp(changed)}, func(e simulator.KnowledgeEntry) bool { return e.Modified.Before(changed) }},
		{[]string{"published_after=2026-03-15"}, func(e simulator.KnowledgeEntry) bool { return e.Published.Equal(changed) }},
	} {
		var want, got []int64
		for _, e := range all {
			if c.holds(e) {
				want = append(want, e.QID)
			}
		}
		require.NotEmpty(t, want, c.parameters)
		require.Less(t, len(want), len(all), c.parameters)
		for _, e := range f.read(knowledgePath, c.parameters...).Entries {
			got = append(got, e.QID)
		}
		require.Equal(t, want, got, c.parameters)
	}
}

// The vendor's own test of API access, and any like it, asks for these two.
func TestEveryKnowledgeBaseAnswersATestOfAConnection(t *testing.T) {
	t.Parallel()
	unpublished := vmConfig()
	unpublished.UnpublishedEntries = 1
	for name, cfg := range map[string]simulator.Config{"empty": {}, "web": webConfig(), "hosts": vmConfig(), "unpublished": unpublished} {
		var found []int64
		for _, e := range startVM(t, cfg).read(knowledgePath, "details=Basic", "ids=82054,82024").Entries {
			require.NotEmpty(t, trim(e.Title))
			found = append(found, e.QID)
		}
		require.Equal(t, []int64{82024, 82054}, found, name)
	}
}

func TestDetailsOfNoneAreIdsAndRanges(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig()).as(account.NarrowName)
	o := f.read(hostsPath, "details=None", "truncation_limit=0")
	require.Nil(t, o.Warning)
	require.NotEmpty(t, o.IDs)
	require.NotEmpty(t, o.Ranges)
	var ids []int64
	for _, id := range o.IDs {
		ids = append(ids, int64(f.int(id)))
	}
	for _, r := range o.Ranges {
		first, last, _ := strings.Cut(r, "-")
		for id := f.int(first); id <= f.int(last); id++ {
			ids = append(ids, int64(id))
		}
	}
	slices.Sort(ids)
	var want []int64
	for h := range f.sim.Hosts(f.user) {
		want = append(want, h.ID)
	}
	require.Equal(t, want, ids)

	cut := f.read(hostsPath, "details=None", "truncation_limit=10")
	require.Equal(t, "10 record limit exceeded. Use URL to get next batch of results.", cut.Warning.Text)
	require.Contains(t, cut.Warning.URL, "id_min="+decimal(want[10]))
	require.NotEmpty(t, f.read(knowledgePath, "details=None").IDs)
}

func TestAnEmptyListHasTwoForms(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	for path, list := range map[string]string{hostsPath: "<HOST_LIST>", detectionsPath: "<HOST_LIST>", knowledgePath: "<VULN_LIST>"} {
		require.NoError(t, f.sim.ConfigureVM(simulator.VMSettings{Requests: -1}))
		require.NotContains(t, string(f.call(path, "ids=1").body), list)
		require.NoError(t, f.sim.ConfigureVM(simulator.VMSettings{Requests: -1, EmptyList: true}))
		require.Contains(t, string(f.call(path, "ids=1").body), list)
		o := f.read(path, "ids=1")
		require.Empty(t, o.Hosts)
		require.Empty(t, o.Entries)
	}
}

func TestARequestThatIsWrongIsRefusedWithTheVendorsCode(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	for _, c := range []struct {
		path, parameter string
		code            int
		text            string
	}{
		{detectionsPath, "ids=abc123", 1905, "parameter ids has invalid value: abc123 (neither a positive integer nor a range: abc123)"},
		{knowledgePath, "ids=5,9-2", 1905, "parameter ids has invalid value: 5,9-2 (neither a positive integer nor a range: 9-2)"},
		{hostsPath, "sort=id", 1901, "Unrecognized parameter(s): sort"},
		{knowledgePath, "truncation_limit=5", 1901, "Unrecognized parameter(s): truncation_limit"},
		{hostsPath, "action=", 1903, "Missing required parameter(s): action"},
		{hostsPath, "action=delete", 1905, "not one of: list"},
		{hostsPath, "details=Everything", 1905, "not one of: Basic"},
		{hostsPath, "id_min=-1", 1905, "parameter id_min"},
		{hostsPath, "truncation_limit=1000001", 1905, "not a number from 0 to 1000000"},
		{hostsPath, "ips=10.0.0.300", 1905, "neither an IP address nor a range"},
		{hostsPath, "vm_scan_since=yesterday", 1905, "YYYY-MM-DD"},
		{hostsPath, "use_tags=1", 1922, "tag_set_include"},
		{detectionsPath, "status=Open", 1905, "not one of: New, Active, Fixed, Re-Opened"},
		{detectionsPath, "show_igs=yes", 1905, "not one of: 0, 1"},
		{detectionsPath, "output_format=CSV", 1905, "not one of: XML"},
	} {
		r := f.refusal(http.StatusBadRequest, f.call(c.path, c.parameter))
		require.Equal(t, c.code, r.Code, c)
		require.Contains(t, r.Text, c.text)
	}
}

func TestRequestsAreTakenByGetAndPostAndTheLastValueWins(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	id := ""
	for h := range f.sim.Hosts(f.user) {
		id = decimal(h.ID)
	}
	headers := []string{"Authorization", basic(f.user.Name, f.user.Password), "X-Requested-With", "test"}
	a, err := f.do(http.MethodGet, hostsPath+"?action=list&ids=1&ids="+id+"&echo_request=1", "", headers...)
	require.NoError(t, err)
	o := f.decode(a.body)
	require.Len(t, o.Hosts, 1)
	require.Contains(t, o.Echo, foKeyPair{"ids", id})

	a, err = f.do(http.MethodPost, hostsPath+"?action=list", url.Values{"ids": {"1", id}}.Encode(),
		append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
	require.NoError(t, err)
	require.Len(t, f.decode(a.body).Hosts, 1)

	a, err = f.do(http.MethodPut, hostsPath+"?action=list", "", headers...)
	require.NoError(t, err)
	require.Equal(t, 1908, f.refusal(http.StatusBadRequest, a).Code)
}

func TestNewerVersionsCanBeUnknown(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	require.Equal(t, http.StatusNotFound, f.call("/api/6.0/fo/asset/host/vm/detection/").status)
	require.Equal(t, http.StatusNotFound, f.call("/api/1.0/fo/asset/host/").status)
	require.NoError(t, f.sim.ConfigureVM(simulator.VMSettings{Requests: -1, HostVersion: 2, DetectionVersion: 3, KnowledgeVersion: 2, WithoutUniqueID: true}))
	for path, status := range map[string]int{
		hostsPath: 404, detectionsPath: 404, knowledgePath: 404,
		"/api/2.0/fo/asset/host/": 200, "/api/3.0/fo/asset/host/vm/detection/": 200, "/api/2.0/fo/knowledge_base/vuln/": 200,
	} {
		require.Equal(t, status, f.call(path).status, path)
	}
	require.NotContains(t, string(f.call("/api/2.0/fo/asset/host/vm/detection/").body), "UNIQUE_VULN_ID")
}
