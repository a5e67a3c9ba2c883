package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

// lineage says where a row of the inventory is from: the run that wrote it, and
// the rows of the transform map that filled its fields.
type lineage struct {
	RunID int64 `json:"runId"`
	// ReplayOf is the run that fetched the record, where RunID is a replay.
	ReplayOf   int64  `json:"replayOf,omitempty"`
	Profile    string `json:"profile"`
	Stream     string `json:"stream"`
	Map        string `json:"map"`
	MapVersion int32  `json:"mapVersion"`
	// Batch is where the record is among what the run fetched; 0: it is not
	// known, and the fields have no values.
	Batch  int                      `json:"batch,omitempty"`
	Note   string                   `json:"note,omitempty"` // why there are no values
	Fields []transform.ExplainedRow `json:"fields"`
}

// origin is what a row of the inventory says of its origin.
type origin struct {
	run     int64
	name    string // of the map
	version int32
	class   string
	asset   string // external ids
	finding string // empty: the row is an asset
}

// lineageOf finds where a row is from.
func (a *app) lineageOf(ctx context.Context, store *catalog.Store, w origin) (lineage, error) {
	l := lineage{RunID: w.run, Map: w.name, MapVersion: w.version}
	version, err := store.MapAt(ctx, w.name, w.version)
	if err != nil {
		return l, err
	}
	m, err := transform.ParseMap(version.Ref(), []byte(version.Body))
	if err != nil {
		return l, err
	}
	l.Fields = w.rowsOf(m)
	plan, err := store.PlanOf(ctx, w.run)
	if err != nil {
		return l, err
	}
	l.Profile = plan.Profile
	fetched := w.run
	if plan.Replay != nil {
		l.ReplayOf, fetched = plan.Replay.Run, plan.Replay.Run
	}
	i := slices.IndexFunc(plan.Streams, func(s catalog.PlannedStream) bool { return s.MapID == version.ID && s.Class == w.class })
	if i < 0 {
		l.Note = "the run has not kept which of its records were mapped by this map"
		return l, nil
	}
	l.Stream = plan.Streams[i].Name
	models, err := store.Models(ctx)
	if err != nil {
		return l, err
	}
	program, err := transform.Compile(m, models)
	if err != nil { // a model has changed since
		l.Note = "this version of Sluice cannot apply the map: " + err.Error()
		return l, nil
	}
	return l, w.find(ctx, store, program, m, fetched, &l)
}

// rowsOf are the rows of a map that fill such a row.
func (w origin) rowsOf(m *transform.Map) []transform.ExplainedRow {
	rows := []transform.ExplainedRow{}
	for i, r := range m.Rows {
		if strings.HasPrefix(r.To, "findingGroup.") != (w.finding != "") {
			continue
		}
		e := transform.ExplainedRow{Row: i + 1, From: r.From, Expr: r.Expr, To: r.To, Conversion: r.Convert}
		if r.Values != nil {
			e.Conversion = "values"
		}
		rows = append(rows, e)
	}
	return rows
}

// find looks for the record among what the run fetched, and says by it what
// each field was made of. Of a record that came several times the last counts.
func (w origin) find(ctx context.Context, store *catalog.Store, program *transform.Program, m *transform.Map, run int64, l *lineage) error {
	batches, err := store.KeptBatchesOf(ctx, run, l.Stream)
	if err != nil {
		return err
	}
	search := w.searchFor(m)
	applier := program.NewApplier()
	var raw []byte
	for _, batch := range slices.Backward(batches) {
		var last []byte
		err := store.Chunks(ctx, batch, func(c catalog.Chunk) (err error) {
			if raw, err = s2.Decode(raw[:cap(raw)], c.Data); err != nil {
				return fmt.Errorf("unpack records of run %d: %w", run, err)
			}
			if !bytes.Contains(raw, search) {
				return nil
			}
			for record := range bytes.Lines(raw) {
				if bytes.Contains(record, search) && w.isOf(applier, record) {
					last = bytes.Clone(record)
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		if last != nil {
			l.Batch = batch.Batch
			w.explain(program, last, l)
			return nil
		}
	}
	l.Note = fmt.Sprintf("what run %d fetched is kept no more: the values that the fields were made of are not known", run)
	if len(batches) > 0 {
		l.Note = fmt.Sprintf("the record is not among what is kept of run %d", run)
	}
	return nil
}

// searchFor is a text that the record has for sure; empty where its id is not
// taken as it is.
func (w origin) searchFor(m *transform.Map) []byte {
	id, target := w.asset, ".externalAssetId"
	if w.finding != "" {
		id, target = w.finding, ".externalFindingId"
	}
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\/<>&'`, r) }) {
		return nil // JSON may write it otherwise
	}
	for _, r := range m.Rows {
		if strings.HasSuffix(r.To, target) && r.From != "" && r.Values == nil && r.Default == "" && r.Convert == "" {
			return []byte(id)
		}
	}
	return nil
}

// isOf says whether a record makes the row.
func (w origin) isOf(applier *transform.Applier, record []byte) bool {
	asset, _ := applier.Apply(record)
	if asset == nil || asset.ExternalID != w.asset {
		return false
	}
	return w.finding == "" || slices.ContainsFunc(asset.Findings, func(f transform.Finding) bool { return f.ExternalID == w.finding })
}

// explain fills in what the fields were made of.
func (w origin) explain(program *transform.Program, record []byte, l *lineage) {
	e := program.Explain(record)
	if w.finding == "" {
		l.Fields = e.Rows
		return
	}
	for _, f := range e.Findings {
		if f.ID == w.finding {
			l.Fields = f.Rows
			return
		}
	}
	l.Note = fmt.Sprintf("the finding is one of the last of a record with %d of them: the values that its fields were made of are not shown", len(e.Findings)+e.MoreFindings)
}

// printLineage prints it for people.
func (a *app) printLineage(l lineage) error {
	by := fmt.Sprintf("run %d of %s", l.RunID, harmless(l.Profile))
	if l.ReplayOf != 0 {
		by += fmt.Sprintf(", a replay of run %d,", l.ReplayOf)
	}
	a.say("\nLineage: written by %s from %s by map %s@%d", by, harmless(l.Stream), harmless(l.Map), l.MapVersion)
	if err := a.printRows(l.Fields); err != nil {
		return err
	}
	if l.Note != "" {
		a.note("%s", l.Note)
	}
	return nil
}

// printLineageCSV prints its fields as a table for spreadsheets.
func (a *app) printLineageCSV(l lineage) error {
	rows := make([]previewRow, len(l.Fields))
	for i, f := range l.Fields {
		rows[i].ExplainedRow = f
	}
	return printCSV(a.out, rows, previewColumns)
}
