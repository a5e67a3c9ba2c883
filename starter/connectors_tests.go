package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// checkView is a step of a connection test as it is shown.
type checkView struct {
	At          *time.Time    `json:"at,omitempty"` // of a stored test
	Application string        `json:"application"`
	Step        string        `json:"step"`
	Health      source.Health `json:"health"`
	Changed     bool          `json:"changedSinceTest"` // the connector's settings or secrets
	LatencyMS   int64         `json:"latencyMs"`
	Seen        *int64        `json:"seen"` // records the account sees; null: not said
	Message     string        `json:"message"`
	Advice      string        `json:"advice"`
}

// viewCheck shows a check of a connector whose settings and secrets last
// changed at a time.
func viewCheck(c catalog.ConnectorCheck, changed time.Time) checkView {
	v := checkView{Application: c.Application, Step: c.Step, Health: c.Health, LatencyMS: c.Latency.Milliseconds(), Message: c.Message, Advice: c.Advice}
	if c.Seen >= 0 {
		v.Seen = &c.Seen
	}
	if !c.At.IsZero() {
		v.At, v.Changed = &c.At, c.At.Before(changed)
	}
	return v
}

var checkColumns = []column[checkView]{
	{"at", func(c checkView) any { return c.At }},
	{"application", func(c checkView) any { return c.Application }},
	{"step", func(c checkView) any { return c.Step }},
	{"health", func(c checkView) any { return string(c.Health) }},
	{"note", func(c checkView) any {
		if c.Changed {
			return "from before it changed"
		}
		return ""
	}},
	{"seen", func(c checkView) any { return c.Seen }},
	{"latencyMs", func(c checkView) any { return c.LatencyMS }},
	{"message", func(c checkView) any { return c.Message }},
}

// printChecks prints the steps of tests, with the advice below the table: it is
// too long for a cell.
func (a *app) printChecks(views []checkView) error {
	if !a.forTables() {
		return printList(a, views, slices.Concat(checkColumns, []column[checkView]{{"advice", func(c checkView) any { return c.Advice }}}))
	}
	if err := printList(a, views, withoutEmpty(a, views, checkColumns, "at", "note")); err != nil {
		return err
	}
	about := make(map[string][]string) // steps by advice
	var advice []string
	for _, v := range views {
		if v.Advice == "" {
			continue
		}
		if about[v.Advice] == nil {
			advice = append(advice, v.Advice)
		}
		if !slices.Contains(about[v.Advice], v.Step) {
			about[v.Advice] = append(about[v.Advice], v.Step)
		}
	}
	for _, text := range advice {
		a.say("%s: %s", harmless(strings.Join(about[text], ", ")), harmless(text))
	}
	return nil
}

func newConnectorsTests(a *app) *cobra.Command {
	var limit int
	var application, since string
	cmd := &cobra.Command{
		Use:   "tests NAME",
		Short: "Show what past tests of a connector found, the newest first",
		Long: `Show what past tests of a connector found, step by step, the newest first. They
are kept as long as the log, and the last of each application for good.`,
		Example: "  sluice connectors tests acme\n  sluice connectors tests acme --application WAS --since 2027-01-31 --limit 200 --output csv",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLimit(cmd, limit); err != nil {
				return err
			}
			filter := catalog.CheckFilter{Limit: limit}
			if since != "" {
				var err error
				if filter.Since, err = time.ParseInLocation(time.DateOnly, since, time.Local); err != nil {
					return wrongUsage(cmd, "--since %q is no date: write it as 2027-01-31", since)
				}
			}
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			c, err := store.Connector(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if application != "" {
				known, err := kinds.FindApplication(c.Provider, application)
				if err != nil {
					return err
				}
				filter.Application = known.Name
			}
			checks, err := store.Checks(cmd.Context(), c.ID, filter)
			if err != nil {
				return err
			}
			if len(checks) == 0 && a.forTables() {
				a.note("no such tests: '%s' tests it", a.command("connectors test "+shellWord(c.Name)))
				return nil
			}
			var views []checkView
			for _, check := range checks {
				views = append(views, viewCheck(check, c.ChangedAt))
			}
			return a.printChecks(views)
		},
	}
	cmd.Flags().StringVar(&application, "application", "", "of this application only")
	cmd.Flags().StringVar(&since, "since", "", "since this day, such as 2027-01-31")
	addLimit(cmd, &limit, 50, "steps to show")
	return cmd
}
