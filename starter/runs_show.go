package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

func newRunsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show RUN",
		Short:   "Show a run",
		Example: "  sluice runs show 12",
		Args:    oneArgument("run number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, r, err := a.oneRun(cmd, args[0])
			if err != nil {
				return err
			}
			columns := slices.Concat(runColumnsFor(a.output), []column[catalog.Run]{
				{"connector", func(r catalog.Run) any { return r.Connector }},
				{"modeReason", func(r catalog.Run) any { return r.ModeReason }},
				{"assetsInAt", func(r catalog.Run) any { return r.AssetsInAt }},
				{"finishedAt", func(r catalog.Run) any { return r.FinishedAt }},
				{"setAside", func(r catalog.Run) any { return r.SetAside }},
				{"workflowId", func(r catalog.Run) any { return r.WorkflowID }},
				{"firstRunId", func(r catalog.Run) any { return r.FirstRunID }},
			}, replayColumns(r))
			if a.forTables() { // elsewhere they are among the counts
				columns = append(columns, slices.DeleteFunc(slices.Clone(goneColumns), func(c column[catalog.Run]) bool { return c.value(r) == int64(0) })...)
			}
			phases, err := store.Phases(cmd.Context(), r.ID)
			if err != nil {
				return err
			}
			if a.output == formatJSON || a.output == formatNDJSON {
				return printOne(a, runView{r, phases}, nil)
			}
			if err := printOne(a, r, columns); err != nil || !a.forTables() {
				return err
			}
			a.say("")
			rows := countsRows(r.Assets, r.Findings, entriesOf(phases))
			if err := printList(a, rows, countColumnsFor(rows)); err != nil {
				return err
			}
			a.say("")
			if err := printList(a, phaseRows(r, phases), phaseColumns); err != nil {
				return err
			}
			a.say("\nIts log:            %s", a.command(fmt.Sprintf("runs logs %d", r.ID)))
			if r.Assets.Rejected+r.Findings.Rejected+r.SetAside > 0 {
				a.say("What was rejected:  %s", a.command(fmt.Sprintf("runs rejects %d", r.ID)))
			}
			return nil
		},
	}
}

// goneColumns are what a run found to be gone.
var goneColumns = []column[catalog.Run]{
	{"stale", func(r catalog.Run) any { return r.Stale }},
	{"retired", func(r catalog.Run) any { return r.Retired }},
	{"fixed", func(r catalog.Run) any { return r.Fixed }},
}

// runView is a run with how its streams went.
type runView struct {
	catalog.Run
	Streams []catalog.Phase `json:"streams"`
}

// entriesOf sums what became of the entries that findings refer to; nil when
// the run had no such stream.
func entriesOf(phases []catalog.Phase) *lifecycle.Counts {
	var sum *lifecycle.Counts
	for _, p := range phases {
		if p.Role == source.Reference {
			if sum == nil {
				sum = new(lifecycle.Counts)
			}
			sum.Add(p.Assets)
		}
	}
	return sum
}

// phaseRow is how a stream of a run went, with its rate over the time from
// the run's start or, of findings that come apart, from the end of the streams
// before them.
type phaseRow struct {
	catalog.Phase
	Rate string
}

func phaseRows(r catalog.Run, phases []catalog.Phase) []phaseRow {
	othersIn := r.StartedAt
	for _, p := range phases {
		if p.Role != source.Findings && p.Written != nil && p.Written.After(othersIn) {
			othersIn = *p.Written
		}
	}
	rows := make([]phaseRow, len(phases))
	for i, p := range phases {
		rows[i].Phase = p
		begin := r.StartedAt
		if p.Role == source.Findings {
			begin = othersIn
		}
		if p.Written == nil || !p.Written.After(begin) {
			continue
		}
		took := p.Written.Sub(begin).Seconds()
		rows[i].Rate = fmt.Sprintf("%.0f records/s", float64(p.Records)/took)
		if p.Findings > 0 {
			rows[i].Rate += fmt.Sprintf(", %.0f findings/s", float64(p.Findings)/took)
		}
	}
	return rows
}

var phaseColumns = []column[phaseRow]{
	{"stream", func(p phaseRow) any { return p.Stream }},
	{"role", func(p phaseRow) any { return string(p.Role) }},
	{"pages", func(p phaseRow) any { return p.Pages }},
	{"batches", func(p phaseRow) any { return p.Batches }},
	{"records", func(p phaseRow) any { return p.Records }},
	{"findings", func(p phaseRow) any { return p.Findings }},
	{"repeated", func(p phaseRow) any { return p.Repeated }},
	{"setAside", func(p phaseRow) any { return p.SetAside }},
	{"ended", func(p phaseRow) any { return p.Ended }},
	{"rate", func(p phaseRow) any { return p.Rate }},
}
