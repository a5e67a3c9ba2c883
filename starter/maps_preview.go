package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/transform"
)

// preview is what a map makes of some records.
type preview struct {
	Map     string         `json:"map"`
	Records []previewed    `json:"records"`
	Counts  map[string]int `json:"counts"` // of records, and of findings, by fate
}

// previewed is what a map makes of a record.
type previewed struct {
	From string `json:"from"` // where the record is from
	*transform.Explanation
}

// previewRow is a row of a map applied to a record or a finding.
type previewRow struct {
	record      int // from 1
	id, finding string
	fate        transform.Fate
	reason      string // for which the record or the finding is rejected
	transform.ExplainedRow
}

var previewColumns = []column[previewRow]{
	{"row", func(r previewRow) any { return r.Row }},
	{"source", func(r previewRow) any { return r.source() }},
	{"sourceValue", func(r previewRow) any { return jsonText(r.Source) }},
	{"conversion", func(r previewRow) any {
		if r.Default {
			return "default"
		}
		return r.Conversion
	}},
	{"target", func(r previewRow) any { return r.To }},
	{"value", func(r previewRow) any { return jsonText(r.Value) }},
	{"problem", func(r previewRow) any { return r.ExplainedRow.Reason }},
}

// previewWideColumns are for a table of all records.
var previewWideColumns = []column[previewRow]{
	{"record", func(r previewRow) any { return r.record }},
	{"id", func(r previewRow) any { return r.id }},
	{"finding", func(r previewRow) any { return r.finding }},
	{"fate", func(r previewRow) any { return string(r.fate) }},
	{"reason", func(r previewRow) any { return r.reason }},
}

func (r previewRow) source() string {
	if r.Expr != "" {
		return r.Expr
	}
	return r.From
}

// shownFindings are those of a record that a person is shown.
const shownFindings = 3

func newMapsPreview(a *app) *cobra.Command {
	var s sample
	cmd := &cobra.Command{
		Use:   "preview NAME|FILE",
		Short: "Show what a transform map makes of some records, and write nothing",
		Long: `Show what a transform map makes of some records, row by row: the source's value
beside the target's, what was done with it, what is rejected and why, and what the
map's conditions leave out. Nothing is written. The map can be a version (NAME@2), or
a file that was not imported yet.

The records are the first that a profile reads now: a worker fetches them from the
vendor, as a run of the profile would, by its connector and filters. The profile may
be inactive, and a run of it under way. With --stored they are those that are kept
of its last run. A profile of kind file has no vendor: of it, those of its last
import are taken.

With --file they are those of a file, which is read as 'sluice import' reads it: CSV
with a header row, JSON that is or has a list of objects (--list says which, what
'import' calls --records), or NDJSON, an object a line.`,
		Example: `  sluice maps preview acme-apps --profile acme
  sluice maps preview acme-apps.yaml --profile acme --records 20 --output csv
  sluice maps preview acme-apps --profile acme --stored
  sluice maps preview acme-apps --file records.ndjson
  sluice maps preview file-scans --file scans.csv --delimiter ';'
  sluice maps preview file-scans --file export.json --list data.items`,
		Args: oneArgument("map name or file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			m, program, err := a.compiled(cmd, args[0])
			if err != nil {
				return err
			}
			p := preview{Map: args[0], Records: []previewed{}, Counts: make(map[string]int)}
			if err := s.read(cmd.Context(), a, m, func(from string, record []byte) {
				e := program.Explain(record)
				p.Records = append(p.Records, previewed{from, e})
				p.count(e)
			}); err != nil {
				return err
			}
			return a.printPreview(p)
		},
	}
	s.add(cmd, 5, 1000)
	cmd.Flags().BoolVar(&s.stored, "stored", false, "records that are kept of the profile's last run, without asking the vendor")
	return cmd
}

func (p *preview) count(e *transform.Explanation) {
	p.Counts["records "+string(e.Fate)]++
	if e.Fate != transform.Taken { // of which no finding is
		return
	}
	for _, f := range e.Findings {
		p.Counts["findings "+string(f.Fate)]++
	}
	if e.MoreFindings > 0 {
		p.Counts["findings not looked at"] += e.MoreFindings
	}
}

func (a *app) printPreview(p preview) error {
	switch a.output {
	case formatJSON:
		return printJSON(a.out, p, "  ")
	case formatNDJSON:
		return printList[previewed](a, p.Records, nil)
	case formatCSV:
		return printCSV(a.out, p.rows(), slices.Concat(previewWideColumns, previewColumns))
	}
	for i, r := range p.Records {
		a.say("record %d (%s): %s", i+1, harmless(r.From), harmless(becomes(r.ID, r.Fate, r.Row, r.Reason)))
		if err := a.printRows(r.Rows); err != nil {
			return err
		}
		for j, f := range r.Findings {
			if j == shownFindings {
				a.say("  and %d more findings; --output json has more of them", len(r.Findings)+r.MoreFindings-j)
				break
			}
			a.say("  finding %d of record %d: %s", j+1, i+1, harmless(becomes(f.ID, f.Fate, f.Row, f.Reason)))
			if err := a.printRows(f.Rows); err != nil {
				return err
			}
		}
		a.say("")
	}
	a.say("%s: %s. Nothing was written.", p.Map, countsText(p.Counts))
	return nil
}

// printRows prints what became of the rows of a record, or of a finding.
func (a *app) printRows(rows []transform.ExplainedRow) error {
	shown := make([]previewRow, len(rows))
	for i, r := range rows {
		shown[i].ExplainedRow = r
	}
	return printList(a, shown, withoutEmpty(a, shown, previewColumns, "conversion", "problem"))
}

// rows are all rows applied to all records and findings.
func (p preview) rows() (all []previewRow) {
	for i, r := range p.Records {
		of := previewRow{record: i + 1, id: r.ID, fate: r.Fate, reason: r.Reason}
		for _, row := range r.Rows {
			of.ExplainedRow = row
			all = append(all, of)
		}
		for _, f := range r.Findings {
			of := previewRow{record: i + 1, id: r.ID, finding: f.ID, fate: f.Fate, reason: f.Reason}
			for _, row := range f.Rows {
				of.ExplainedRow = row
				all = append(all, of)
			}
		}
	}
	return all
}

// becomes says what becomes of a record, or of a finding.
func becomes(id string, fate transform.Fate, row, reason string) string {
	text := string(fate)
	if id != "" {
		text = id + " is " + text
	}
	if row != "" {
		text += " by " + row
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// countsText is "4 records taken, 1 finding rejected".
func countsText(counts map[string]int) string {
	var parts []string
	for _, what := range []string{"records", "findings"} {
		for _, fate := range []string{string(transform.Taken), string(transform.Rejected), string(transform.Omitted), string(transform.Repeated), "not looked at"} {
			if n := counts[what+" "+fate]; n > 0 {
				parts = append(parts, counted(n, what)+" "+fate)
			}
		}
	}
	return strings.Join(parts, ", ")
}

// counted is "4 records" or "1 record".
func counted(n int, things string) string {
	if n == 1 {
		things = strings.TrimSuffix(things, "s")
	}
	return fmt.Sprintf("%d %s", n, things)
}
