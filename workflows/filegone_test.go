package workflows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// openFindings are the inventory's, as "asset/finding".
func (s *stage) openFindings() []string {
	s.t.Helper()
	rows, err := s.store.Pool().Query(s.t.Context(), "SELECT asset_external_id || '/' || external_id FROM finding_list WHERE status = 'open' ORDER BY 1")
	require.NoError(s.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	return list
}

// scans are lines of hosts with their findings, such as "a:1,2".
func scans(hosts ...string) string {
	var b strings.Builder
	for _, h := range hosts {
		id, findings, _ := strings.Cut(h, ":")
		var list []string
		for f := range strings.SplitSeq(findings, ",") {
			list = append(list, fmt.Sprintf(`{"id":%q}`, f))
		}
		fmt.Fprintf(&b, "{\"id\":%q,\"findings\":[%s]}\n", id, strings.Join(list, ","))
	}
	return b.String()
}

func TestAnAssetInSeveralRecordsOfAFileLosesNothing(t *testing.T) {
	t.Parallel()
	var others []string // of more than a batch
	for i := range 5_500 {
		others = append(others, fmt.Sprintf("o%d:1", i))
	}
	for name, between := range map[string][]string{"in one batch": {"b:1"}, "in two batches": others} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFileStage(t, setup{maps: map[string]string{"HOST": "lab-scans"}})
			send := func(a ...string) int64 {
				return s.send("scans.ndjson", scans(append([]string{a[0]}, append(between, a[1:]...)...)...))
			}
			s.requireImported(workflows.Input{Upload: send("a:1,2")}, lifecycle.Succeeded)
			open := s.openFindings()
			require.Contains(t, open, "a/2")

			split := send("a:1", "a:2")
			for _, in := range []workflows.Input{{Upload: split, DryRun: true}, {Upload: split, Mode: lifecycle.Delta}, {Upload: split}} {
				result := s.requireImported(in, lifecycle.Partial)
				require.Contains(t, result.Reason, "HOST: 1 record is of an asset that another record of the file is of, too")
				require.Contains(t, result.Reason, "or bring findings in as HOST_FINDING")
				require.Zero(t, result.Fixed+result.Stale)
				require.Equal(t, open, s.openFindings())
			}
			phases, err := s.store.Phases(t.Context(), s.lastRun().ID)
			require.NoError(t, err)
			require.EqualValues(t, 1, phases[0].Repeated)

			replayed, err := s.replay(activities.ReplayInput{Run: s.lastRun().ID})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Partial, replayed.Outcome)
			require.Equal(t, open, s.openFindings())

			require.EqualValues(t, 1, s.requireImported(workflows.Input{Upload: send("a:1")}, lifecycle.Succeeded).Fixed)
			var kept int64
			require.NoError(t, s.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM recorded_assets").Scan(&kept))
			require.Zero(t, kept, "nothing is left behind")
		})
	}
}

func TestRowsThatSayTheSameOfAnAssetContradictNothing(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{maps: map[string]string{"HOST": "lab-rows", "HOST_FINDING": "lab-findings"}})
	result := s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,name,severity\n1,a,A,5\n2,a,A,1\n1,b,B,3\n")}, lifecycle.Succeeded)
	require.EqualValues(t, 2, result.Assets.Created)
	require.EqualValues(t, 3, result.Findings.Created)
	result = s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,name,severity\n1,a,A,5\n2,a,Z,1\n")}, lifecycle.Partial)
	require.Contains(t, result.Reason, "HOST: 1 record is of an asset")
	require.Zero(t, result.Stale)
	result = s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,name,severity\n1,a,A,5\n1,a,A,1\n")}, lifecycle.Partial)
	require.Contains(t, result.Reason, "HOST_FINDING: 1 record is of a finding that another record of the file is of, too")
	require.Zero(t, result.Fixed)
}

func TestWhatAFileOfFindingsHasNoMoreIsFixed(t *testing.T) {
	t.Parallel()
	policy := catalog.DefaultPolicy
	policy.ShrinkPercent = 50
	s := newFileStage(t, setup{maps: map[string]string{"HOST_FINDING": "lab-findings"}, policy: policy})
	imported := func(content string, want lifecycle.Outcome) workflows.Result {
		upload := s.send("f.csv", content)
		dry := s.requireImported(workflows.Input{Upload: upload, DryRun: true}, want)
		real := s.requireImported(workflows.Input{Upload: upload}, want)
		require.Equal(t, []int64{real.Fixed, real.Stale}, []int64{dry.Fixed, dry.Stale})
		return real
	}
	imported("id,host,severity\n1,a,5\n1,b,5\n2,b,5\n1,c,3\n", lifecycle.Succeeded)
	require.EqualValues(t, 3, imported("id,host,severity\n1,a,5\n", lifecycle.Succeeded).Fixed, "b and c are not in the file at all")
	require.Equal(t, []string{"a/1"}, s.openFindings())
	added := s.requireImported(workflows.Input{Upload: s.send("f.csv", "id,host,severity\n1,b,5\n"), Mode: lifecycle.Delta}, lifecycle.Succeeded)
	require.Zero(t, added.Fixed, "the file adds")
	require.Equal(t, []string{"a/1", "b/1"}, s.openFindings())
	require.Contains(t, imported("[]", lifecycle.Partial).Reason, "2 of 2 known open findings", "a file of nothing fixes nothing unasked")
	accepted := s.requireImported(workflows.Input{Upload: s.send("f.csv", "[]"), AcceptShrink: true}, lifecycle.Succeeded)
	require.EqualValues(t, 2, accepted.Fixed)
	require.Empty(t, s.openFindings())

	many := "id,host,severity\n"
	for i := range 40 {
		many += fmt.Sprintf("%d,h%d,3\n", i, i%7)
	}
	imported(many, lifecycle.Succeeded)
	for _, empty := range []string{"id,host,severity\n", "[]"} {
		result := imported(empty, lifecycle.Partial)
		require.Contains(t, result.Reason, "40 of 40 known open findings were not delivered any more")
		require.Len(t, s.openFindings(), 40)
	}
}
