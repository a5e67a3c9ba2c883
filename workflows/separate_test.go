package workflows_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// These tests run the kinds whose findings come apart from their assets.

// separateAsset and separateFinding are what both kinds have, as the inventory
// should show it.
type separateAsset struct {
	Name, URL, IP, DNS, OS string
	Created, Updated       time.Time
}

type separateFinding struct {
	Asset, Name, Status, Type, URL string
	QID, Severity, Times           int
	Ignored                        bool
	First, Last, Tested            time.Time
}

// requireSameAssets holds the inventory's active assets of a class against the
// truth, and requireSameFindings their findings that have not vanished.
func requireSameAssets(t *testing.T, s *stage, class string, truth map[string]separateAsset) {
	rows, err := s.store.Pool().Query(t.Context(), `
		SELECT external_id, coalesce(name, ''), coalesce(base_url, ''), coalesce(ip_address, ''), coalesce(dns_name, ''), coalesce(operating_system, ''),
		       coalesce(source_created_at, '0001-01-01Z'), coalesce(source_updated_at, '0001-01-01Z')
		  FROM assets WHERE class = $1 AND stale_since IS NULL AND ($2 = 0 OR connector_id = $2)`, class, s.of)
	require.NoError(t, err)
	var id string
	var a separateAsset
	stored := make(map[string]separateAsset)
	_, err = pgx.ForEachRow(rows, []any{&id, &a.Name, &a.URL, &a.IP, &a.DNS, &a.OS, &a.Created, &a.Updated}, func() error {
		a.Created, a.Updated = a.Created.UTC(), a.Updated.UTC()
		stored[id] = a
		return nil
	})
	require.NoError(t, err)
	requireSame(t, truth, stored)
}

func requireSameFindings(t *testing.T, s *stage, class string, truth map[string]separateFinding) {
	rows, err := s.store.Pool().Query(t.Context(), `
		SELECT a.external_id, f.external_id, coalesce(f.name, ''), coalesce(f.status, ''), coalesce(f.attributes->>'type', ''), coalesce(f.attributes->>'url', ''),
		       coalesce(f.qid, 0), coalesce(f.severity, 0), coalesce(s.times_found, 0), coalesce((f.attributes->>'ignored')::bool, false),
		       coalesce(f.first_found_at, '0001-01-01Z'), coalesce(s.last_found_at, '0001-01-01Z'), coalesce(s.last_tested_at, '0001-01-01Z')
		  FROM findings f JOIN assets a ON a.id = f.asset_id LEFT JOIN finding_sightings s ON s.finding_id = f.id
		 WHERE a.class = $1 AND a.stale_since IS NULL AND f.absent_since IS NULL AND ($2 = 0 OR a.connector_id = $2)`, class, s.of)
	require.NoError(t, err)
	var id string
	var f separateFinding
	stored := make(map[string]separateFinding, len(truth))
	_, err = pgx.ForEachRow(rows, []any{&f.Asset, &id, &f.Name, &f.Status, &f.Type, &f.URL, &f.QID, &f.Severity, &f.Times, &f.Ignored,
		&f.First, &f.Last, &f.Tested}, func() error {
		if _, twice := stored[id]; twice {
			return fmt.Errorf("finding %s is there twice", id)
		}
		f.First, f.Last, f.Tested = f.First.UTC(), f.Last.UTC(), f.Tested.UTC()
		stored[id] = f
		return nil
	})
	require.NoError(t, err)
	for id, f := range stored { // what was closed before it vanished stays closed
		if _, there := truth[id]; !there && f.Status == "FIXED" {
			delete(stored, id)
		}
	}
	requireSame(t, truth, stored)
}

// requireSame compares two tables, and names a few differences.
func requireSame[T comparable](t *testing.T, truth, stored map[string]T) {
	t.Helper()
	var differences []string
	for id, want := range truth {
		if got, ok := stored[id]; !ok {
			differences = append(differences, fmt.Sprintf("%s is missing: %+v", id, want))
		} else if got != want {
			differences = append(differences, fmt.Sprintf("%s differs:\n  vendor    %+v\n  inventory %+v", id, want, got))
		}
	}
	for id, got := range stored {
		if _, ok := truth[id]; !ok {
			differences = append(differences, fmt.Sprintf("%s is not the vendor's: %+v", id, got))
		}
	}
	if n := len(differences); n > 0 {
		t.Fatalf("%d of %d differ:\n%s", n, len(truth), strings.Join(differences[:min(n, 5)], "\n"))
	}
}

func (s *stage) requireWebTruth() {
	s.t.Helper()
	apps := make(map[string]separateAsset)
	for a := range s.sim.WebApps(simulator.User{}) {
		apps[a.ID] = separateAsset{Name: a.Name, URL: a.URL, Created: a.Created.UTC(), Updated: a.Updated.UTC()}
	}
	requireSameAssets(s.t, s, "application", apps)
	findings := make(map[string]separateFinding)
	for f := range s.sim.WebFindings(simulator.User{}) {
		findings[f.ID] = separateFinding{
			Asset: f.WebAppID, Name: f.Name, Status: f.Status, Type: f.Type, URL: f.URL, QID: f.QID, Severity: f.Severity, Times: f.TimesDetected,
			Ignored: f.Ignored, First: f.FirstDetected.UTC(), Last: f.LastDetected.UTC(), Tested: f.LastTested.UTC(),
		}
	}
	requireSameFindings(s.t, s, "application", findings)
}

func (s *stage) requireHostTruth() {
	s.t.Helper()
	hosts := make(map[string]separateAsset)
	for h := range s.sim.Hosts(simulator.User{}) {
		hosts[strconv.FormatInt(h.ID, 10)] = separateAsset{Name: h.DNS, IP: h.IP, DNS: h.DNS, OS: h.OS, Created: h.FirstFound.UTC()}
	}
	requireSameAssets(s.t, s, "host", hosts)
	status := map[string]string{"New": "NEW", "Active": "ACTIVE", "Fixed": "FIXED", "Re-Opened": "REOPENED"}
	findings := make(map[string]separateFinding)
	for d := range s.sim.Detections(simulator.User{}) {
		findings[strconv.FormatInt(d.ID, 10)] = separateFinding{
			Asset: strconv.FormatInt(d.HostID, 10), Status: status[d.Status], Type: d.Type, QID: int(d.QID), Severity: d.Severity, Times: d.TimesFound,
			Ignored: d.Ignored, First: d.FirstFound.UTC(), Last: d.LastFound.UTC(), Tested: d.LastTest.UTC(),
		}
	}
	requireSameFindings(s.t, s, "host", findings)
}

func (s *stage) requireKnowledge() {
	s.t.Helper()
	type entry struct {
		Title, Category string
		Severity        int
		Patchable       bool
		Modified        time.Time
	}
	truth, stored := make(map[string]entry), make(map[string]entry)
	for k := range s.sim.Knowledge() {
		truth[strconv.FormatInt(k.QID, 10)] = entry{k.Title, k.Category, k.Severity, k.Patchable, k.Modified.UTC()}
	}
	rows, err := s.store.Pool().Query(s.t.Context(), "SELECT qid::text, coalesce(title, ''), coalesce(category, ''), severity, patchable, modified_at FROM knowledge_list")
	require.NoError(s.t, err)
	var qid string
	var e entry
	_, err = pgx.ForEachRow(rows, []any{&qid, &e.Title, &e.Category, &e.Severity, &e.Patchable, &e.Modified}, func() error {
		e.Modified = e.Modified.UTC()
		stored[qid] = e
		return nil
	})
	require.NoError(s.t, err)
	requireSame(s.t, truth, stored)
}

// webEstate and hostEstate are smaller than those of the long test, which has
// the same course.
var (
	webEstate  = simulator.Config{Seed: 11, WebApps: 60, WebFindings: 2_400}
	hostEstate = simulator.Config{Seed: 12, Hosts: 300, DetectionsPerHost: 30, KnowledgeEntries: 600, UnpublishedEntries: 0.03}
)

// visible is what a delta run sees; unseen is not, and a full run finds it.
var (
	visible = simulator.Change{
		Web:       simulator.WebChange{UpdatedWebApps: 0.1, AddedWebApps: 0.03, New: 0.02, Fixed: 0.05, Reopened: 0.2, Retested: 0.2},
		VM:        simulator.VMChange{Scanned: 0.2, New: 0.05, Fixed: 0.1, Reopened: 0.2, Ignored: 0.02, Rescored: 0.02, Renamed: 0.03, Added: 0.02},
		Knowledge: simulator.KnowledgeChange{Updated: 0.05, Published: 0.3},
	}
	unseen = simulator.Change{
		Web: simulator.WebChange{RemovedWebApps: 0.05, Edited: 0.1, Gone: 0.02},
		VM:  simulator.VMChange{Removed: 0.02, Silent: 0.02, Purged: 0.02},
	}
)

// passable are faults that a run gets over, each on a share of the calls.
func passable(share float64) []simulator.Fault {
	faults := []simulator.Fault{
		{Kind: "http-error", Status: 503}, {Kind: "http-error", Status: 500, HTML: true}, {Kind: "hang-up"}, {Kind: "cut"}, {Kind: "truncate"},
		{Kind: "error-body", Code: "OTHER_ERROR", Endpoint: "was-findings"}, {Kind: "error-body", Code: "OTHER_ERROR", Endpoint: "was-webapps"},
		{Kind: "throttle", RetryAfter: 1}, {Kind: "throttle", Status: 409, RetryAfter: 1},
		{Kind: "duplicate"}, {Kind: "shift-count", Endpoint: "was-findings"}, {Kind: "without-marker", Endpoint: "was-webapps"},
		{Kind: "comments"}, {Kind: "padded-cdata"}, {Kind: "revoke-tokens"},
	}
	for i := range faults {
		faults[i].Share = share
	}
	return faults
}

func (s *stage) faults(list []simulator.Fault) { require.NoError(s.t, s.sim.SetFaults(list...)) }

// requireCourse runs a profile in full, then three times for what changed, then
// in full again for what delta runs cannot see, and holds the inventory against
// the vendor's truth after each run.
func (s *stage) requireCourse(truth func()) {
	t := s.t
	run := func(mode lifecycle.Mode) workflows.Result {
		result, err := s.run(workflows.Input{Profile: s.profile, Mode: mode})
		require.NoError(t, err)
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
		truth()
		s.requireKnowledge()
		return result
	}
	first := run(lifecycle.Auto)
	require.Equal(t, lifecycle.Full, first.Mode)
	require.Positive(t, first.Findings.Created)
	for range 3 {
		s.sim.Pass(24 * time.Hour)
		_, err := s.sim.Advance(visible)
		require.NoError(t, err)
		delta := run(lifecycle.Auto)
		require.Equal(t, lifecycle.Delta, delta.Mode)
		require.Positive(t, delta.Assets.Created)
		require.Positive(t, delta.Findings.Created)
		require.Positive(t, delta.Findings.Updated)
		require.Less(t, delta.Findings.Total(), first.Findings.Total()*3/4, "it read only what changed")
	}
	s.sim.Pass(24 * time.Hour)
	_, err := s.sim.Advance(unseen)
	require.NoError(t, err)
	full := run(lifecycle.Full)
	require.Positive(t, full.Stale)
	require.Positive(t, full.Fixed, "findings that vanished without being closed")
}

func TestWebApplicationsAndTheirFindingsEqualTheVendorsTruth(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "xml"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: webEstate, kind: "qualys-was", settings: map[string]string{"wasFormat": format, "pageSize": "200"}})
			s.faults(passable(0.01))
			s.requireCourse(s.requireWebTruth)
		})
	}
}

func TestHostsAndTheirDetectionsEqualTheVendorsTruth(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: hostEstate, kind: "qualys-vm", settings: map[string]string{"pageSize": "20"}, filters: map[string][]string{"information": {"true"}}})
	s.faults(passable(0.01))
	s.requireCourse(s.requireHostTruth)
}

func TestAFindingIsCompleteAsSoonAsTheKnowledgeBaseKnowsItsQID(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 3, Hosts: 40, DetectionsPerHost: 20, KnowledgeEntries: 100, UnpublishedEntries: 0.3}, kind: "qualys-vm"})
	// titles counts the findings that have one, and those whose QID is not known.
	titles := func() (titled, unknown int) {
		require.NoError(t, s.store.Pool().QueryRow(t.Context(), `
			SELECT count(*) FILTER (WHERE name IS NOT NULL), count(*) FILTER (WHERE NOT known AND name IS NULL) FROM finding_list`).Scan(&titled, &unknown))
		return titled, unknown
	}
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	titled, unknown := titles()
	require.Positive(t, titled)
	require.Positive(t, unknown)
	require.Contains(t, s.log(), "the knowledge base has no entry yet for QID")

	s.sim.Pass(24 * time.Hour)
	_, err = s.sim.Advance(simulator.Change{Knowledge: simulator.KnowledgeChange{Published: 1, Updated: 0.2}})
	require.NoError(t, err)
	result, err = s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Delta, result.Mode)
	require.Zero(t, result.Findings.Updated+result.Findings.Created, "a changed entry rewrites no finding")
	all, none := titles()
	require.Equal(t, titled+unknown, all)
	require.Zero(t, none)
	s.requireKnowledge()
	require.NotContains(t, s.log(), "has no entry yet", "in the log of this run")
}

// log is what the last run's log says.
func (s *stage) log() string {
	lines, err := s.store.RunLog(s.t.Context(), s.lastRun().ID, catalog.LogFilter{Limit: 1000})
	require.NoError(s.t, err)
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line.Message + "\n")
	}
	return text.String()
}

func TestANarrowedScopeMarksNothingStaleOrFixed(t *testing.T) {
	t.Parallel()
	for kind, estate := range map[string]simulator.Config{
		"qualys-was": {Seed: 4, WebApps: 40, WebFindings: 400},
		"qualys-vm":  {Seed: 4, Hosts: 40, DetectionsPerHost: 10},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: estate, kind: kind})
			first, err := s.run(workflows.Input{Profile: s.profile})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Succeeded, first.Outcome, first.Reason)
			require.NoError(t, s.sim.Hide(0.4))
			narrowed, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Partial, narrowed.Outcome)
			require.Contains(t, narrowed.Reason, "known assets were not delivered any more")
			require.Zero(t, narrowed.Stale+narrowed.Fixed)

			still, err := s.run(workflows.Input{Profile: s.profile})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Full, still.Mode, "what the full run could not say is still to be said")
			require.Equal(t, lifecycle.Partial, still.Outcome)

			require.NoError(t, s.sim.Hide(0))
			back, err := s.run(workflows.Input{Profile: s.profile})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Full, back.Mode)
			require.Equal(t, lifecycle.Succeeded, back.Outcome, back.Reason)
			require.Equal(t, first.Assets.Created, back.Assets.Unchanged, "as if nothing had happened")
			require.Zero(t, back.Findings.Updated+back.Findings.Returned)
			last, err := s.run(workflows.Input{Profile: s.profile})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Delta, last.Mode)
		})
	}
}

func TestFindingsThatMayHaveLeftTheFilterKeepTheirStatus(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 8, Hosts: 40, DetectionsPerHost: 20}, kind: "qualys-vm",
		filters: map[string][]string{"severities": {"3", "4", "5"}, "information": {"true"}}})
	run := func() workflows.Result {
		result, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
		require.NoError(t, err)
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
		return result
	}
	run()
	_, err := s.sim.Advance(simulator.Change{VM: simulator.VMChange{Purged: 0.05}})
	require.NoError(t, err)
	require.Zero(t, run().Fixed, "it may have got a lower severity")
	_, err = s.store.UpdateProfile(t.Context(), s.profile, func(p *catalog.Profile) error {
		delete(p.Filters, "severities")
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, run().Fixed)
	s.requireHostTruth()
}

func TestProfilesOfOneConnectorShareItsKnowledgeBase(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 6, WebApps: 10, WebFindings: 60, Hosts: 10, DetectionsPerHost: 5}, kind: "qualys-vm"})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	p, err := s.store.Profile(t.Context(), s.profile)
	require.NoError(t, err)
	s.profile += "-web"
	s.createProfile(s.profile, p.ConnectorID, "qualys-was")
	_, err = s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	var read int
	require.NoError(t, s.store.Pool().QueryRow(t.Context(), "SELECT records FROM fetch_checkpoints WHERE run_id = $1 AND stream = 'KNOWLEDGEBASE'", s.lastRun().ID).Scan(&read))
	require.Zero(t, read, "the other profile has just read it")
	var titled int
	require.NoError(t, s.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM finding_list WHERE kind = 'qualys-was' AND known").Scan(&titled))
	require.Positive(t, titled)
}
