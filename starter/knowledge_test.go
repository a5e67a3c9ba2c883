package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/source"
)

// hosts is an estate in which some QIDs have no entry in the knowledge base
// until the vendor publishes them.
var hosts = simulator.Config{Seed: 5, Hosts: 20, DetectionsPerHost: 12, KnowledgeEntries: 60, UnpublishedEntries: 0.3, WebApps: 6, WebFindings: 60}

// withHosts is a house with profiles of VM and WAS that have been run.
func withHosts(t *testing.T) (h *house, sim *simulator.Simulator, connector, profile string) {
	t.Helper()
	h = newHouse(t)
	h.startWorker()
	sim, connector = h.withConnector(hosts)
	profile = h.name + "-hosts"
	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-vm")
	h.ok("profiles", "create", "--force", h.name+"-web", "--connector", connector, "--kind", "qualys-was")
	h.ok("run", profile, "--wait")
	h.ok("run", h.name+"-web", "--wait")
	return h, sim, connector, profile
}

func TestAFindingSaysWhatItsQIDStandsForAsSoonAsThatIsKnown(t *testing.T) {
	t.Parallel()
	h, sim, connector, profile := withHosts(t)
	findings := okJSON[[]inventory.FindingRow](h, "findings", "list", "--kind", "qualys-vm", "--limit", "1000")
	known := slices.IndexFunc(findings, func(r inventory.FindingRow) bool { return *r.Known && r.Solution != nil })
	unknown := slices.IndexFunc(findings, func(r inventory.FindingRow) bool { return !*r.Known })
	require.NotEqual(t, -1, known)
	require.NotEqual(t, -1, unknown)

	told := findings[known]
	shown := h.ok("findings", "show", fmt.Sprint(told.ID))
	require.Regexp(t, `(?m)^NAME +\S`, shown)
	require.Regexp(t, `(?m)^SOLUTION +\S`, shown)
	require.Contains(t, shown, fmt.Sprintf("knowledge show %d", *told.QID))
	entry := okJSON[inventory.KnowledgeRow](h, "knowledge", "show", fmt.Sprint(*told.QID))
	require.Equal(t, told.Name, entry.Title)
	require.Contains(t, h.ok("knowledge", "show", fmt.Sprint(*told.QID)), fmt.Sprintf("findings list --qid %d", *told.QID))

	bare := findings[unknown]
	require.Nil(t, bare.Name)
	require.Contains(t, h.ok("findings", "show", fmt.Sprint(bare.ID)), fmt.Sprintf("The knowledge base of connector %s has no entry for QID %d yet", connector, *bare.QID))
	missing := okJSON[[]missingView](h, "knowledge", "missing", "--connector", connector)
	require.Contains(t, missing, missingView{connector, inventory.UnknownQID{QID: *bare.QID, Findings: openWith(h, *bare.QID)}})
	require.Contains(t, h.run("knowledge", "show", fmt.Sprint(*bare.QID)).err, "knowledge missing")

	_, err := sim.Advance(simulator.Change{Knowledge: simulator.KnowledgeChange{Published: 1}})
	require.NoError(t, err)
	h.ok("run", profile, "--wait")
	require.NotNil(t, okJSON[inventory.FindingRow](h, "findings", "show", fmt.Sprint(bare.ID)).Name)
	require.Contains(t, h.run("knowledge", "missing").err, "every QID of an open finding is known")
}

func openWith(h *house, qid int32) int64 {
	return int64(len(okJSON[[]inventory.FindingRow](h, "findings", "list", "--qid", fmt.Sprint(qid), "--status", "open", "--limit", "1000")))
}

func TestFindingsAndEntriesAreFound(t *testing.T) {
	t.Parallel()
	h, _, connector, _ := withHosts(t)
	entries := okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--limit", "1000")
	require.NotEmpty(t, entries)
	withCVE := slices.IndexFunc(entries, func(r inventory.KnowledgeRow) bool { return strings.HasPrefix(named(r.CVEs), "CVE-") })
	cve, _, _ := strings.Cut(named(entries[withCVE].CVEs), ", ")
	found := okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--cve", strings.ToLower(cve))
	require.Contains(t, qidsOf(found), entries[withCVE].QID)
	for _, e := range found {
		require.Contains(t, named(e.CVEs), cve)
	}
	require.Empty(t, okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--cve", `CVE-1"]`))
	for _, f := range okJSON[[]inventory.FindingRow](h, "findings", "list", "--cve", cve) {
		require.Contains(t, named(f.CVEs), cve)
	}
	for _, e := range okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--severity", "5") {
		require.EqualValues(t, 5, *e.Severity)
	}
	title := *entries[0].Title
	require.Contains(t, qidsOf(okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--title", strings.ToUpper(title), "--connector", connector)), entries[0].QID)
	require.Empty(t, okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--modified-since", "2999-01-01"))
	require.Len(t, okJSON[[]inventory.KnowledgeRow](h, "knowledge", "list", "--modified-since", "1999-01-01", "--limit", "1000"), len(entries))

	page := h.run("knowledge", "list", "--limit", "3")
	require.Contains(t, page.err, fmt.Sprintf("sluice knowledge list --limit 3 --after %d", entries[2].ID))

	records, err := csv.NewReader(strings.NewReader(h.ok("findings", "list", "--kind", "qualys-vm", "--output", "csv"))).ReadAll()
	require.NoError(t, err)
	for _, name := range []string{"vendorStatus", "qid", "firstFoundAt", "lastFoundAt", "lastTestedAt", "timesFound", "category", "cves", "cvss", "patchable"} {
		require.Contains(t, records[0], name)
	}

	assets := okJSON[[]inventory.AssetRow](h, "assets", "list", "--class", "host")
	require.Len(t, assets, hosts.Hosts)
	require.NotNil(t, assets[0].LastScannedAt)
	for _, a := range okJSON[[]inventory.AssetRow](h, "assets", "list", "--ip", *assets[0].IPAddress) {
		require.Equal(t, assets[0].IPAddress, a.IPAddress)
	}
	table := h.ok("assets", "list", "--class", "application")
	require.NotContains(t, table, "OPERATING SYSTEM", "no application has one")
	require.Contains(t, h.ok("assets", "list", "--class", "host"), "OPERATING SYSTEM")
	require.Contains(t, h.run("assets", "list", "--ip", "10.0.0").err, `--ip "10.0.0" is no IP address`)
}

func qidsOf(rows []inventory.KnowledgeRow) (qids []int32) {
	for _, r := range rows {
		qids = append(qids, r.QID)
	}
	return qids
}

func TestTheKnowledgeBaseOfARunIsCountedApart(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withHosts(t)
	r := h.run("run", profile, "--mode", "full", "--wait")
	require.Zero(t, r.code, r.err)
	require.Regexp(t, `knowledge base +0 +0 +\d+ +0 +0\n`, r.out)
	require.Regexp(t, `KNOWLEDGEBASE done: \d+ of \d+ records, entries \+0 ~0 =\d+\n`, r.err)

	last := okJSON[[]catalog.Run](h, "runs", "list", "--limit", "1")[0]
	require.EqualValues(t, hosts.Hosts, last.Assets.Total(), "entries are no assets")
	view := okJSON[runView](h, "runs", "show", fmt.Sprint(last.ID))
	roles := make(map[string]source.Role)
	for _, s := range view.Streams {
		roles[s.Stream] = s.Role
	}
	require.Equal(t, map[string]source.Role{"HOST": source.Assets, "DETECTION": source.Findings, "KNOWLEDGEBASE": source.Reference}, roles)
	shown := h.ok("runs", "show", fmt.Sprint(last.ID))
	require.Regexp(t, `KNOWLEDGEBASE +reference `, shown)
	require.Regexp(t, `knowledge base +0 +0 +\d+`, shown)
}

func TestAProfileIsNarrowedByFilters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, connector := h.withConnector(hosts)
	profile := h.name + "-severe"
	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-vm", "--filter", "severities=4, 5,4", "--filter", "statuses=New,Active")
	p := okJSON[catalog.Profile](h, "profiles", "show", profile)
	require.Equal(t, map[string][]string{"severities": {"4", "5"}, "statuses": {"New", "Active"}}, p.Filters)
	require.Contains(t, h.ok("profiles", "list"), "severities=4,5 statuses=New,Active")

	h.ok("run", profile, "--wait")
	findings := okJSON[[]inventory.FindingRow](h, "findings", "list", "--limit", "1000")
	require.NotEmpty(t, findings)
	for _, f := range findings {
		require.GreaterOrEqual(t, *f.Severity, int16(4))
		require.Contains(t, []string{"NEW", "ACTIVE"}, *f.VendorStatus)
	}

	h.ok("profiles", "update", profile, "--filter", "severities=5", "--filter", "statuses=", "--filter", "tags=")
	require.Equal(t, map[string][]string{"severities": {"5"}}, okJSON[catalog.Profile](h, "profiles", "show", profile).Filters)
	end := okJSON[ending](h, "run", profile, "--wait")
	require.Equal(t, lifecycle.Full, end.Mode)
	require.Contains(t, h.ok("runs", "show", fmt.Sprint(end.RunID)), "the profile's filters have changed")
	require.Zero(t, end.Fixed, "a severity may have changed")

	exported := h.ok("export")
	require.Contains(t, exported, "filters:\n  severities:\n    - \"5\"\n")
	require.Contains(t, h.applyOK(exported), "nothing changed: 2 as declared\n")
	wrong := h.applyText(strings.Replace(exported, "severities:", "severity:", 1))
	require.Contains(t, wrong.err, `kind qualys-vm has no filter "severity"; did you mean severities?`)
}

func TestWhatAProfileGoesWithoutIsSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(hosts)
	r := h.run("profiles", "create", "--force", "only-findings", "--connector", connector, "--kind", "qualys-was", "--asset-types", "FINDING")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "Without WEBAPP, an asset is known by what its findings say of it")
	require.Contains(t, r.err, "Without KNOWLEDGEBASE, findings have their QID and not what it stands for")
	r = h.run("profiles", "create", "--force", "only-apps", "--connector", connector, "--kind", "qualys-was", "--asset-types", "WEBAPP")
	require.NotContains(t, r.err, "Without")
	require.NotContains(t, h.run("profiles", "update", "only-apps", "--asset-types", "WEBAPP,FINDING,KNOWLEDGEBASE").err, "Without")
}

func TestAKindIsShownWithWhatAProfileCanSayOfIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	list := okJSON[[]kindView](h, "kinds", "list")
	require.Len(t, list, 5)
	require.Equal(t, "qualys-tas", list[0].Name)
	require.Contains(t, h.ok("kinds", "list"), "HOST (assets), DETECTION (findings), KNOWLEDGEBASE (reference)")
	vm := okJSON[kindView](h, "kinds", "show", "qualys-vm")
	require.Contains(t, vm.AssetTypes, assetTypeView{"DETECTION", source.Findings, "host", "qualys-vm.detection", "qualys-vm-detection"})
	require.Regexp(t, `severities +\S.*4,5`, h.ok("kinds", "show", "qualys-vm"))
	require.Contains(t, h.ok("kinds", "show", "qualys-tas"), "It has no filters")
	require.Regexp(t, `qualys-vm +tags, ids, ips, severities, statuses`, h.ok("profiles", "create", "--help"))
}

func TestATestOfAConnectorSaysWhatTheAccountSeesAndWhenThatIsLess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, connector := h.withConnector(hosts)
	require.Regexp(t, `VMDR +hosts +healthy +20 `, h.run("connectors", "test", connector, "--kind", "qualys-vm").out)

	_, err := sim.Advance(simulator.Change{VM: simulator.VMChange{Removed: 0.5}})
	require.NoError(t, err)
	r := h.run("connectors", "test", connector, "--kind", "qualys-vm")
	require.Zero(t, r.code, "it is a warning")
	require.Regexp(t, `hosts +healthy +\d+ .*that is fewer than the 20 of the test of`, r.out)
	require.Contains(t, r.out, "the account's scope, tags or licence may have been narrowed")
}
