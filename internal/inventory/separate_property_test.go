package inventory_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/transform"
)

// separateModel is what the inventory ought to hold, worked out finding by
// finding.
type separateModel struct {
	findings map[string]*modelFinding // by asset/finding
	assets   map[string]bool
	// Of the run:
	seenAssets map[string]bool
	kept       map[string]bool // by asset/finding, and by asset for all of its findings
	changes    map[string]int  // by what happened and to which finding
}

type modelFinding struct {
	asset   string
	content transform.Finding // what the moving fields are taken out of
	times   int32
	absent  bool
}

func (f *modelFinding) fixed() bool { return f.absent || f.content.Status == transform.Fixed }

func (m *separateModel) run() {
	m.seenAssets, m.kept, m.changes = map[string]bool{}, map[string]bool{}, map[string]int{}
}

// write takes a batch's records and returns what writing it is to count.
func (m *separateModel) write(records []transform.Asset) (counts inventory.Counts) {
	last := map[string]transform.Finding{}
	var order []string
	for _, r := range records {
		if !m.assets[r.ExternalID] {
			m.assets[r.ExternalID] = true
			counts.Assets.Created++
		}
		m.seenAssets[r.ExternalID] = true
		for _, f := range r.Findings {
			key := r.ExternalID + "/" + f.ExternalID
			if _, again := last[key]; !again {
				order = append(order, key)
			}
			last[key] = f
			m.kept[key] = true
		}
	}
	for _, key := range order {
		m.writeFinding(key, last[key], &counts.Findings)
	}
	return counts
}

func (m *separateModel) writeFinding(key string, f transform.Finding, counts *lifecycle.Counts) {
	times := f.TimesFound
	f.TimesFound = 0
	stored := m.findings[key]
	if stored == nil {
		counts.Created++
		m.findings[key] = &modelFinding{asset: key[:1], content: f, times: times}
		return
	}
	was := stored.fixed()
	differs := stored.absent || fmt.Sprint(stored.content) != fmt.Sprint(f)
	stored.content, stored.absent = f, false
	if times != 0 {
		stored.times = times
	}
	switch is := stored.fixed(); {
	case was && !is:
		counts.Returned++
		m.changes["reopened "+key]++
	case !was && is:
		counts.Updated++
		m.changes["fixed "+key]++
	case differs:
		counts.Updated++
		m.changes["updated "+key]++
	default:
		counts.Unchanged++
	}
}

// reject takes a finding that was rejected; without an id it may be any.
func (m *separateModel) reject(asset, finding string) {
	if m.assets[asset] {
		m.seenAssets[asset] = true
	}
	if finding == "" {
		m.kept[asset] = true
	} else {
		m.kept[asset+"/"+finding] = true
	}
}

func (m *separateModel) reconcile() (fixed int64) {
	for key, f := range m.findings {
		if !f.fixed() && m.seenAssets[f.asset] && !m.kept[f.asset] && !m.kept[key] {
			f.absent = true
			fixed++
			m.changes["fixed "+key]++
		}
	}
	return fixed
}

func drawFinding(t *rapid.T) transform.Finding {
	return transform.Finding{
		ExternalID: rapid.StringMatching("[a-f]").Draw(t, "finding"),
		Severity:   int16(rapid.IntRange(1, 2).Draw(t, "severity")),
		Status:     rapid.SampledFrom([]string{"", "NEW", transform.Fixed}).Draw(t, "status"),
		QID:        int32(rapid.IntRange(0, 1).Draw(t, "qid")),
		TimesFound: int32(rapid.IntRange(0, 2).Draw(t, "times")),
	}
}

var drawAsset = rapid.StringMatching("[1-3]")

func drawRecords(t *rapid.T) []transform.Asset {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) transform.Asset {
		a := transform.Asset{ExternalID: drawAsset.Draw(t, "asset")}
		for range rapid.IntRange(1, 3).Draw(t, "findings") {
			a.Findings = append(a.Findings, drawFinding(t))
		}
		return a
	}), 0, 6).Draw(t, "records")
}

// Whatever comes in whatever batches and however often, the inventory, its
// counts and its log are those of the model.
func TestSeparateFindingsEqualTheModel(t *testing.T) {
	e := newSeparateEstate(t)
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range []string{"profile_assets", "assets", "findings", "finding_sightings", "change_log", "seen_findings", "vanished_findings"} {
			_, err := e.store.Pool().Exec(t.Context(), "DELETE FROM "+table)
			require.NoError(rt, err)
		}
		m := &separateModel{findings: map[string]*modelFinding{}, assets: map[string]bool{}}
		for range rapid.IntRange(1, 4).Draw(rt, "runs") {
			e.run()
			m.run()
			e.scope.Full = rapid.Bool().Draw(rt, "full")
			for range rapid.IntRange(0, 3).Draw(rt, "batches") {
				e.checkBatch(rt, m)
			}
			if e.scope.Full {
				require.Equal(rt, m.reconcile(), e.reconcile(nil).Fixed)
			}
			e.checkModel(rt, m)
		}
	})
}

// checkBatch draws a batch and writes it, perhaps twice.
func (e *estate) checkBatch(t *rapid.T, m *separateModel) {
	batch := inventory.NewBatch(e.scope.Role)
	records := drawRecords(t)
	for i := range records {
		batch.Add(&records[i], nil)
	}
	counts := m.write(records)
	for range rapid.IntRange(0, 1).Draw(t, "rejected") {
		asset, finding := drawAsset.Draw(t, "rejected asset"), rapid.StringMatching("[a-f]?").Draw(t, "rejected finding")
		batch.SawFinding(asset, finding)
		m.reject(asset, finding)
	}
	require.Equal(t, counts, e.writeBatch(batch))
	if !rapid.Bool().Draw(t, "again") {
		return
	}
	before := e.versions()
	again := counts.Findings
	require.Equal(t, inventory.Counts{Findings: lifecycle.Counts{Unchanged: again.Total()}}, e.writeBatch(batch))
	require.Equal(t, before, e.versions())
}

func (e *estate) checkModel(t *rapid.T, m *separateModel) {
	findings := e.findings()
	require.Len(t, findings, len(m.findings))
	for key, want := range m.findings {
		got := findings[key]
		require.Equal(t, want.fixed(), got.Status == "fixed", key)
		require.Equal(t, want.content.Status, deref(got.VendorStatus), key)
		require.Equal(t, want.content.Severity, deref(got.Severity), key)
		require.Equal(t, want.content.QID, deref(got.QID), key)
		require.Equal(t, want.times, deref(got.TimesFound), key)
	}
	rows, err := e.store.Pool().Query(e.t.Context(), `
		SELECT c.change || ' ' || a.external_id || '/' || f.external_id FROM change_log c
		  JOIN assets a ON a.id = c.asset_id JOIN findings f ON f.id = c.finding_id WHERE c.run_id = $1`, e.scope.RunID)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	logged := map[string]int{}
	for _, change := range list {
		logged[change]++
	}
	require.Equal(t, m.changes, logged)
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
