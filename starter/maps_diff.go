package main

import (
	"fmt"
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
}

// different is a record of which two maps make something else.
type different struct {
	From string `json:"from"` // where the record is from
	*transform.Difference
}

// difference is a target that two maps fill differently, or the fate of a
// record or finding.
type difference struct {
	from, id, finding, target, before, after string
}

var differenceColumns = []column[difference]{
	{"from", func(d difference) any { return d.from }},
	{"id", func(d difference) any { return d.id }},
	{"finding", func(d difference) any { return d.finding }},
	{"target", func(d difference) any { return d.target }},
	{"before", func(d difference) any { return d.before }},
	{"after", func(d difference) any { return d.after }},
}

func newMapsDiff(a *app) *cobra.Command {
	s := sample{stored: true}
	var show int
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show what a transform map makes differently of records than another one",
		Long: `Show what map B makes differently of records than map A: targets with another value,
and records and findings that one of them rejects or leaves out. The records are
those that are kept of a profile's last run, or those of a file, a JSON object a
line. Nothing is written. A and B can be versions (NAME@2) and files.`,
		Example: `  sluice maps diff acme-apps@1 acme-apps --profile acme
  sluice maps diff qualys-tas-application acme-apps --profile acme --records 10000
  sluice maps diff acme-apps acme-apps.yaml --file records.ndjson --output json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return wrongUsage(cmd, "'%s' needs two maps, such as acme-apps@1 acme-apps@2", cmd.CommandPath())
			}
			return nil
		},
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
			if err := s.read(cmd.Context(), a, m, func(from string, record []byte) {
				c.Compared++
				d := transform.Diff(before, after, record)
				if d.Same() {
					return
				}
				if c.Differ++; c.Differ <= show {
					c.Differences = append(c.Differences, different{from, d})
				}
			}); err != nil {
				return err
			}
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
	switch {
	case c.Differ == 0:
		a.say("%d records compared: %s makes the same of all of them as %s.", c.Compared, c.After, c.Before)
	case c.Differ > len(c.Differences):
		a.say("%d records compared: %d differ; shown are the first %d.", c.Compared, c.Differ, len(c.Differences))
	default:
		a.say("%d records compared: %d differ.", c.Compared, c.Differ)
	}
	return nil
}

// lines are all that differs, one a line.
func (c comparison) lines() (lines []difference) {
	for _, d := range c.Differences {
		of := difference{from: d.From, id: d.ID}
		lines = append(lines, of.with(d.Before, d.After, d.Targets)...)
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

// with has a line for another fate, and one a target.
func (d difference) with(before, after transform.Outcome, targets []transform.ChangedTarget) (lines []difference) {
	fate := func(o transform.Outcome) string {
		if o.Fate == "" {
			return "not there"
		}
		return becomes("", o.Fate, o.Row, o.Reason)
	}
	if before != after {
		d.target, d.before, d.after = "(fate)", fate(before), fate(after)
		lines = append(lines, d)
	}
	for _, t := range targets {
		d.target, d.before, d.after = t.Target, t.Before, t.After
		lines = append(lines, d)
	}
	return lines
}
