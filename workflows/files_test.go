package workflows_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source/file"
	"sluice/internal/transform"
	"sluice/workflows"
)

// fileModels and fileMaps are of hosts, and of findings of hosts.
var (
	fileModels = []string{`
name: file.hosts
title: Hosts
role: source
description: Hosts of a lab.
fields:
  - {path: id, type: string, required: true, description: Id., evidence: inferred}
  - {path: name, type: string, description: Name., evidence: inferred}
  - {path: Risk_Score, type: float, description: Risk., evidence: inferred}
`, `
name: file.findings
title: Findings
role: source
description: Findings of hosts of a lab.
records: findings
fields:
  - {path: id, type: string, required: true, description: Id., evidence: inferred}
  - {path: host, type: string, required: true, description: Id of the host., evidence: inferred}
  - {path: severity, type: severity, description: Severity., evidence: inferred}
`, `
name: file.scans
title: Hosts with their findings
role: source
description: Hosts of a lab with their findings.
fields:
  - {path: id, type: string, required: true, description: Id., evidence: inferred}
  - {path: findings, type: array, description: Findings., evidence: inferred}
  - {path: "findings[].id", type: string, required: true, description: Id., evidence: inferred}
`, `
name: file.rows
title: Hosts, in rows of findings
role: source
description: Hosts of a lab, in rows of findings.
fields:
  - {path: host, type: string, required: true, description: Id., evidence: inferred}
  - {path: name, type: string, description: Name., evidence: inferred}
`}
	fileMaps = []string{`
name: lab-hosts
source: file.hosts
target: inventory
assetClass: host
rows:
  - {from: id, to: asset.assetHeader.externalAssetId}
  - {from: name, to: asset.assetDetail.name}
  - {from: Risk_Score, to: asset.assetDetail.attributes.risk, convert: float}
`, `
name: lab-findings
source: file.findings
target: inventory
assetClass: host
rows:
  - {from: host, to: asset.assetHeader.externalAssetId}
  - {from: id, to: "findingGroup.findings[].externalFindingId"}
  - {from: severity, to: "findingGroup.findings[].severity"}
`, `
name: lab-scans
source: file.scans
target: inventory
assetClass: host
rows:
  - {from: id, to: asset.assetHeader.externalAssetId}
  - {from: "findings[].id", to: "findingGroup.findings[].externalFindingId"}
`, `
name: lab-rows
source: file.rows
target: inventory
assetClass: host
rows:
  - {from: host, to: asset.assetHeader.externalAssetId}
  - {from: name, to: asset.assetDetail.name}
`}
)

// newFileStage sets up a stage with a profile that reads files of one asset
// type.
func newFileStage(t *testing.T, with setup) *stage {
	with.kind = "file"
	with.database = migrated.Database(t)
	store, err := catalog.Open(t.Context(), with.database)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	for _, text := range fileModels {
		model, err := transform.ParseModel("model", []byte(text))
		require.NoError(t, err)
		_, err = store.SaveModel(t.Context(), model)
		require.NoError(t, err)
	}
	for _, text := range fileMaps {
		require.NoError(t, store.AddMap(t.Context(), []byte(text)))
	}
	if with.maps == nil {
		with.maps = map[string]string{"HOST": "lab-hosts"}
	}
	return stageOf(t, with, catalog.Connector{Name: "lab", Provider: "file", Active: true, Settings: map[string]string{}}, nil)
}

// send sends a file for the stage's profile, as 'sluice import' does.
func (s *stage) send(name, content string) int64 {
	s.t.Helper()
	p, err := s.store.Profile(s.t.Context(), s.profile)
	require.NoError(s.t, err)
	text, o, err := file.Detect(name, strings.NewReader(content), file.Options{})
	require.NoError(s.t, err)
	w, err := s.store.BeginUpload(s.t.Context(), catalog.Upload{ProfileID: p.ID, Name: name, Reading: o.Reading()})
	require.NoError(s.t, err)
	records, err := file.Scan(func(int64) io.Reader { return io.TeeReader(text, w) }, o, file.Position{})
	require.NoError(s.t, err)
	for {
		if _, err := records.Next(); errors.Is(err, io.EOF) {
			break
		}
		require.NoError(s.t, err)
	}
	u, err := w.End(records.Position().Records)
	require.NoError(s.t, err)
	return u.ID
}

// host is a host of a file, and of the inventory.
type host struct {
	Name string
	Risk string // JSON
}

func hosts(n int) map[string]host {
	all := make(map[string]host)
	for i := range n {
		all[fmt.Sprintf("h%06d", i)] = host{fmt.Sprintf("Host %d, \"the\nüber\" one", i), fmt.Sprintf("%d.5", i)}
	}
	return all
}

func hostsCSV(t *testing.T, all map[string]host) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	require.NoError(t, w.Write([]string{"id", "name", "Risk Score"}))
	for id, h := range all {
		require.NoError(t, w.Write([]string{id, h.Name, h.Risk}))
	}
	w.Flush()
	return b.String()
}

func hostsJSON(t *testing.T, all map[string]host, head, between, tail string) string {
	var records []string
	for id, h := range all {
		record, err := json.Marshal(map[string]any{"id": id, "name": h.Name, "Risk Score": json.RawMessage(h.Risk)})
		require.NoError(t, err)
		records = append(records, string(record))
	}
	return head + strings.Join(records, between) + tail
}

// requireHosts holds the inventory against what a file had.
func (s *stage) requireHosts(want map[string]host) {
	s.t.Helper()
	got := make(map[string]host)
	rows, err := s.store.Pool().Query(s.t.Context(), "SELECT external_id, name, attributes->>'risk' FROM assets WHERE kind = 'file' AND class = 'host' AND stale_since IS NULL")
	require.NoError(s.t, err)
	var id string
	var h host
	_, err = pgx.ForEachRow(rows, []any{&id, &h.Name, &h.Risk}, func() error {
		got[id] = h
		return nil
	})
	require.NoError(s.t, err)
	require.Equal(s.t, len(want), len(got))
	for id, h := range want {
		require.Equal(s.t, h, got[id], id)
	}
}

func (s *stage) requireImported(in workflows.Input, want lifecycle.Outcome) workflows.Result {
	s.t.Helper()
	in.Profile = s.profile
	result, err := s.run(in)
	require.NoError(s.t, err)
	require.Equal(s.t, want, result.Outcome, result.Reason)
	return result
}

func TestTheInventoryIsWhatAFileHasInEveryFormat(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{})
	all := hosts(12_000) // of several batches
	for i, f := range []struct{ name, content string }{
		{"hosts.csv", hostsCSV(t, all)},
		{"hosts.ndjson", hostsJSON(t, all, "", "\n", "\n")},
		{"hosts.json", hostsJSON(t, all, "[", ",\n", "]")},
		{"export.json", hostsJSON(t, all, `{"count":1,"data":{"items":[`, ",", `]},"tags":["a"]}`)},
	} {
		result := s.requireImported(workflows.Input{Upload: s.send(f.name, f.content)}, lifecycle.Succeeded)
		want := lifecycle.Counts{Unchanged: int64(len(all))}
		if i == 0 {
			want = lifecycle.Counts{Created: int64(len(all))}
		}
		require.Equal(t, want, result.Assets, f.name)
		require.Equal(t, lifecycle.Full, result.Mode)
		s.requireHosts(all)
	}
}

func TestTheSameUploadReadAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{})
	upload := s.send("hosts.csv", hostsCSV(t, hosts(50)))
	s.requireImported(workflows.Input{Upload: upload}, lifecycle.Succeeded)
	result := s.requireImported(workflows.Input{Upload: upload}, lifecycle.Succeeded)
	require.Equal(t, lifecycle.Counts{Unchanged: 50}, result.Assets)
	s.requireHosts(hosts(50))
}

func TestAFileIsAllThatThereIsUnlessItAdds(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{policy: catalog.Policy{FullEveryHours: 1, RetireAfter: 2, ShrinkPercent: 50, RejectPercent: 5, AbsentFindings: "fixed"}})
	s.requireImported(workflows.Input{Upload: s.send("a.csv", hostsCSV(t, hosts(10)))}, lifecycle.Succeeded)
	fewer := hosts(8)
	added := s.requireImported(workflows.Input{Upload: s.send("b.csv", hostsCSV(t, fewer)), Mode: lifecycle.Delta}, lifecycle.Succeeded)
	require.Zero(t, added.Stale)
	s.requireHosts(hosts(10))
	all := s.requireImported(workflows.Input{Upload: s.send("b.csv", hostsCSV(t, fewer))}, lifecycle.Succeeded)
	require.EqualValues(t, 2, all.Stale)
	s.requireHosts(fewer)
	s.requireImported(workflows.Input{Upload: s.send("c.csv", "id\n")}, lifecycle.Partial) // more than the shrink limit
	s.requireHosts(fewer)
}

func TestARowCanBeAFinding(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{maps: map[string]string{"HOST_FINDING": "lab-findings"}})
	first := s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,severity\n1,a,5\n2,a,1\n1,b,3\n")}, lifecycle.Succeeded)
	require.Equal(t, lifecycle.Counts{Created: 3}, first.Findings)
	require.EqualValues(t, 2, first.Assets.Created)
	second := s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,severity\n1,a,5\n1,b,3\n")}, lifecycle.Succeeded)
	require.EqualValues(t, 1, second.Fixed)
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, second.Findings)
}

func TestHostileAndWrongRecordsAreKeptSafelyOrSetAside(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{policy: catalog.Policy{FullEveryHours: 1, RetireAfter: 2, ShrinkPercent: 20, RejectPercent: 90, AbsentFindings: "fixed"}})
	content := "id,name,Risk Score\nh1,=HYPERLINK(\"x\"),1\nh2,\"=cmd|' /C calc'!A0\",1\nh3,a\x00b\u202e,1\nh4\nh5," + strings.Repeat("x", 9<<10) + ",1\nh6,c,many\n,nobody,1\nh7,d,2\n"
	result := s.requireImported(workflows.Input{Upload: s.send("h.csv", content)}, lifecycle.Partial)
	require.Contains(t, result.Reason, "nothing can be said to be gone")
	s.requireHosts(map[string]host{"h2": {"=cmd|' /C calc'!A0", "1"}, "h3": {"a\uFFFDb\u202e", "1"}, "h7": {"d", "2"}})
	rejects, err := s.store.Rejects(t.Context(), result.RunID, 100, 0)
	require.NoError(t, err)
	var reasons []string
	for _, r := range rejects {
		reasons = append(reasons, r.Reason)
	}
	all := strings.Join(reasons, "\n")
	require.Len(t, reasons, 5, all)
	for _, reason := range []string{"row 2 (line 2): a value that is not in quotes", "row 5 (line 5) has 1 values, and the header 3", "longer than", "not a number"} {
		require.Contains(t, all, reason)
	}
}

func TestARunOfAFileSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.ErrorContains(t, err, "was given none ('sluice import FILE --profile "+s.profile+"'")
	_, err = s.run(workflows.Input{Profile: s.profile, Upload: 99})
	require.ErrorContains(t, err, "upload 99: not found: it was deleted after its time")
	upload := s.send("hosts.csv", "id\nh1\n")
	s.createProfile(s.profile+"-b", s.lastConnector(), "file")
	_, err = s.run(workflows.Input{Profile: s.profile + "-b", Upload: upload})
	require.ErrorContains(t, err, "was sent for another profile")
}

// lastConnector is the connector of the stage's profile.
func (s *stage) lastConnector() int64 {
	p, err := s.store.Profile(s.t.Context(), s.profile)
	require.NoError(s.t, err)
	return p.ConnectorID
}

func TestAnImportSurvivesThatItsWorkerIsKilled(t *testing.T) {
	t.Parallel()
	all := hosts(60_000)
	for name, content := range map[string]string{"hosts.csv": hostsCSV(t, all), "hosts.json": hostsJSON(t, all, `{"items":[`, ",", `]}`)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFileStage(t, setup{noWorker: true})
			worker := s.startWorker()
			run := s.start(workflows.Input{Profile: s.profile, Upload: s.send(name, content)})
			for written := range 2 { // twice, at different places
				s.waitForBatches(2 * (written + 1))
				require.NoError(t, worker.Process.Kill())
				worker = s.startWorker()
			}
			var result workflows.Result
			require.NoError(t, run.Get(t.Context(), &result))
			require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
			require.Equal(t, lifecycle.Counts{Created: int64(len(all))}, result.Assets, "every record counts once")
			s.requireHosts(all)
		})
	}
}
