package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/governor"
	"sluice/internal/schedule"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// limitView is what the governor knows of an API, with the window as a text.
type limitView struct {
	governor.Status
	Window schedule.Duration `json:"window,omitzero"` // such as "1h"
}

// limitColumns show what the governor knows of an API; times are worked out
// for the moment it was read.
var limitColumns = []column[limitView]{
	{"api", func(s limitView) any { return s.API }},
	{"limit", func(s limitView) any { return limitText(s.Calls, s.Window, s.Concurrent) }},
	{"mayUse", func(s limitView) any { return limitText(s.MayCall, s.Window, s.MayRun) }},
	{"used", func(s limitView) any { return s.Used }},
	{"byOthers", func(s limitView) any { return s.Others }},
	{"running", func(s limitView) any { return len(s.Running) }},
	{"waiting", func(s limitView) any { return len(s.Waiting) }},
	{"nextCall", func(s limitView) any {
		if s.Next.After(s.At) {
			return s.Next
		}
		return "now"
	}},
	{"told", func(s limitView) any { return s.Told }},
	{"why", func(s limitView) any { return s.Why }},
}

// limitText is "300 calls in 1h, 2 at the same time"; what is 0 has no
// limit that is known.
func limitText(calls int, window schedule.Duration, concurrent int) string {
	var parts []string
	switch {
	case calls > 0 && window <= 0: // as long as the vendor has not told both
		parts = append(parts, fmt.Sprintf("%d calls in a time that is not told", calls))
	case calls > 0:
		parts = append(parts, fmt.Sprintf("%d calls in %s", calls, max(window, schedule.Duration(time.Second))))
	}
	if concurrent > 0 {
		parts = append(parts, fmt.Sprintf("%d at the same time", concurrent))
	}
	return strings.Join(parts, ", ")
}

func newConnectorsLimits(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "limits NAME",
		Short: "Show the vendor's limits as they are now, and who uses them",
		Long: `Show what is known of the vendor's limits, API by API: what the vendor has told,
what may be used of it (less the reserve for other tools, and what the vendor
refused), how much is used in the present window, by us and by others, which calls
are running, who waits, and until when the vendor asks for no call. The limits are
those of a subscription: all of its connectors share them.`,
		Example: "  sluice connectors limits acme\n  sluice connectors limits acme --output json",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			c, err := store.Connector(ctx, args[0])
			if err != nil {
				return err
			}
			p, err := kinds.FindProvider(c.Provider)
			if err != nil {
				return err
			}
			conn := connection(c, nil)
			list, err := governor.Statuses(ctx, store.Governor(), p.Subscription(conn), source.Reserve(conn))
			if err != nil {
				return err
			}
			var views []limitView
			for _, s := range list {
				views = append(views, limitView{s, schedule.Duration(s.Window)})
			}
			if err := printListOr(a, views, withoutEmpty(a, views, limitColumns, "told", "why"), "no limits are known yet: no call was made, or the vendor tells none"); err != nil || !a.forTables() {
				return err
			}
			for _, s := range list {
				a.sayUsers(s)
			}
			return nil
		},
	}
}

// sayUsers tells who calls an API and who waits to, and what holds them up.
func (a *app) sayUsers(s governor.Status) {
	for _, r := range s.Running {
		a.say("%s: %s is calling since %s (worker %s)", harmless(s.API), harmless(r.Who), forPeople(r.Since), harmless(r.Worker))
	}
	for _, w := range s.Waiting {
		a.say("%s: %s waits since %s (worker %s)", harmless(s.API), harmless(w.Who), forPeople(w.Since), harmless(w.Worker))
	}
	if !s.Blocked.IsZero() {
		a.say("%s: the vendor asks for no call before %s: %s", harmless(s.API), forPeople(s.Blocked), harmless(s.Why))
	}
	if !s.Lowered.IsZero() {
		a.say("%s: the vendor refused more than %d at the same time, at %s", harmless(s.API), s.MayRun, forPeople(s.Lowered))
	}
}
