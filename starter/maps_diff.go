package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/transform"
)

// comparison is what two maps make differently of some records.
type comparison struct {
	Before      string      `json:"before"`
	After       string      `json:"after"`
	Compared    int         `json:"compared"` // records
	Differ      int         `json:"differ"`
	Differences []different `json:"differences"` // the first of them
	Totals      []total     `json:"totals"`      // of all of them
}

// total says in how many records and findings something differs: a target of
// those that both maps take, or the fate.
type total struct {
	What     string `json:"what"`
	Records  int    `json:"records"`
	Findings int    `json:"findings"`
}

// different is a record of which two maps make something else.
type different struct {
	From string `json:"from"` // where the record is from
	*transform.Difference
}

// difference is a target that two maps fill differently, or the fate of a
// record or finding; with another fate, its targets and findings go without
// saying.
type difference struct {
	from, id, finding, target, before, after string
}

var differenceColumns = []column[difference]{
	{"from", func(d difference) any { return d.from }},
	{"id", func(d difference) any { return d.id }},
	{"finding", func(d difference) any { return d.finding }},
	{"target", func(d difference) any { return d.target }},
	{"before", func(d difference) any { return jsonText(d.before) }},
	{"after", func(d difference) any { return jsonText(d.after) }},
}

func newMapsDiff(a *app) *cobra.Command {
	s := sample{stored: true}
	var show int
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show what a transform map makes differently of records than another one",
		Long: `Show what map B makes differently of records than map A: targets with another value,
and records and findings that one of them rejects or leaves out; at the end, how
many there are of each. The records are those that are kept of a profile's last run,
or those of a file, which is read as 'sluice import' reads it (--list is what
'import' calls --records). Nothing is written. A and B can be versions (NAME@2) and
files.`,
		Example: `  sluice maps diff acme-apps@1 acme-apps --profile acme
  sluice maps diff qualys-tas-application acme-apps --profile acme --records 10000
  sluice maps diff acme-apps acme-apps.yaml --file records.ndjson --output json
  sluice maps diff file-scans scans.yaml --file scans.csv`,
		Args: twoArguments("two maps, such as acme-apps@1 acme-apps@2"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			if show < 0 {
				return wrongUsage(cmd, "--show %d cannot be used: give 0 or more", show)
			}
			m, before, err := a.compiled(cmd, args[0])
			if err != nil {
				return err
			}
			other, after, err := a.compiled(cmd, args[1])
			if err != nil {
				return err
			}
			if m.Source != other.Source || m.Target != other.Target {
				return fmt.Errorf("%s goes from %s to %s, and %s from %s to %s: they cannot be compared", args[0], m.Source, m.Target, args[1], other.Source, other.Target)
			}
			c := comparison{Before: args[0], After: args[1], Differences: []different{}}
			totals := make(totals)
			if err := s.read(cmd.Context(), a, m, func(from string, record []byte) {
				c.Compared++
				d := transform.Diff(before, after, record)
				if d.Same() {
					return
				}
				totals.add(d)
				if c.Differ++; c.Differ <= show {
					c.Differences = append(c.Differences, different{from, d})
				}
			}); err != nil {
				return err
			}
			c.Totals = totals.sorted()
			return a.printComparison(c)
		},
	}
	s.add(cmd, 1000, 100_000)
	cmd.Flags().IntVar(&show, "show", 20, "records to show of those that differ")
	return cmd
}

func (a *app) printComparison(c comparison) error {
	switch a.output {
	case formatJSON:
		return printJSON(a.out, c, "  ")
	case formatNDJSON:
		return printList[different](a, c.Differences, nil)
	case formatCSV:
		return printCSV(a.out, c.lines(), differenceColumns)
	}
	lines := c.lines()
	if err := printList(a, lines, slices.DeleteFunc(slices.Clone(differenceColumns), func(col column[difference]) bool { return col.name == "from" })); err != nil {
		return err
	}
	if len(lines) > 0 {
		a.say("")
	}
	compared := counted(c.Compared, "records")
	switch {
	case c.Differ == 0:
		a.say("%s compared: %s makes the same of all of them as %s.", compared, c.After, c.Before)
		return nil
	case c.Differ > len(c.Differences):
		a.say("%s compared: %d differ; shown are the first %d. In all of them:\n", compared, c.Differ, len(c.Differences))
	default:
		a.say("%s compared: %d differ. In all:\n", compared, c.Differ)
	}
	return printList(a, c.Totals, totalColumns)
}

// lines are all that differs, one a line.
func (c comparison) lines() (lines []difference) {
	for _, d := range c.Differences {
		of := difference{from: d.From, id: d.ID}
		lines = append(lines, of.with(d.Before, d.After, d.Targets)...)
		if d.Before.Fate != d.After.Fate {
			continue
		}
		for _, f := range d.Findings {
			of.finding = f.ID
			lines = append(lines, of.with(f.Before, f.After, f.Targets)...)
		}
		if d.MoreFindings > 0 {
			lines = append(lines, difference{from: d.From, id: d.ID, target: fmt.Sprintf("(%d more findings differ)", d.MoreFindings)})
		}
	}
	return lines
}

// with has a line for another fate, or one a target.
func (d difference) with(before, after transform.Outcome, targets []transform.ChangedTarget) (lines []difference) {
	if before != after {
		d.target, d.before, d.after = "(fate)", fateText(before), fateText(after)
		lines = append(lines, d)
	}
	if before.Fate != after.Fate {
		return lines
	}
	for _, t := range targets {
		d.target, d.before, d.after = t.Target, t.Before, t.After
		lines = append(lines, d)
	}
	return lines
}

func fateText(o transform.Outcome) string {
	if o.Fate == "" {
		return "not there"
	}
	return becomes("", o.Fate, o.Row, o.Reason)
}

var totalColumns = []column[total]{
	{"difference", func(t total) any { return t.What }},
	{"records", func(t total) any { return t.Records }},
	{"findings", func(t total) any { return t.Findings }},
}

// totals counts what differs, by what it is.
type totals map[string]*total

func (t totals) of(what string) *total {
	if t[what] == nil {
		t[what] = &total{What: what}
	}
	return t[what]
}

func (t totals) add(d *transform.Difference) {
	for _, what := range whatDiffers(d.Before, d.After, d.Targets) {
		t.of(what).Records++
	}
	if d.Before.Fate != d.After.Fate {
		return
	}
	for _, f := range d.Findings {
		for _, what := range whatDiffers(f.Before, f.After, f.Targets) {
			t.of(what).Findings++
		}
	}
	if d.MoreFindings > 0 {
		t.of("(not looked at: more than 100 findings of a record)").Findings += d.MoreFindings
	}
}

// whatDiffers names what differs of a record or a finding.
func whatDiffers(before, after transform.Outcome, targets []transform.ChangedTarget) (what []string) {
	fate := func(o transform.Outcome) string { return cmp.Or(string(o.Fate), "not there") }
	switch {
	case before.Fate != after.Fate:
		return []string{fmt.Sprintf("(fate: %s, then %s)", fate(before), fate(after))}
	case before != after:
		return []string{fmt.Sprintf("(fate: %s otherwise)", fate(before))}
	}
	for _, t := range targets {
		what = append(what, t.Target)
	}
	return what
}

// sorted are the totals, the fates first.
func (t totals) sorted() []total {
	list := []total{}
	for _, what := range slices.Sorted(maps.Keys(t)) {
		list = append(list, *t[what])
	}
	return list
}
