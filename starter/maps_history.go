package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

// historyView is a version in the history of a map.
type historyView struct {
	catalog.MapHistory
	Changes []mapChange `json:"changes"` // against the version before
}

// mapChange is a part of a map, or the row that fills a target, before and
// after; empty where there is none.
type mapChange struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// String is the change in short: "+ target", "- target" or "~ target".
func (c mapChange) String() string {
	switch {
	case c.Before == "":
		return "+ " + c.What
	case c.After == "":
		return "- " + c.What
	}
	return "~ " + c.What
}

var historyColumns = []column[historyView]{
	{"version", func(h historyView) any { return h.Version }},
	{"createdAt", func(h historyView) any { return h.CreatedAt }},
	{"origin", func(h historyView) any { return h.Origin }},
	{"runs", func(h historyView) any { return h.Runs }},
	{"lastRun", func(h historyView) any { return h.LastRun }},
	{"deletedAt", func(h historyView) any { return h.DeletedAt }},
	{"digest", func(h historyView) any { return h.Digest[:min(len(h.Digest), 12)] }},
	{"changes", func(h historyView) any { return changesText(h.Changes) }},
}

// changesText is "~ target, - target".
func changesText(changes []mapChange) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = c.String()
	}
	return strings.Join(parts, ", ")
}

func newMapsHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME",
		Short: "List the versions of a transform map: what each changed, and which runs went by it",
		Long: `List the versions of a transform map, the newest first: what each changed against the
one before (+ a row was added, - taken away, ~ changed), and how many runs went by
it. Versions of the same digest do the same. Of a map that was deleted the versions
stay, for the runs and rows of the inventory that were made by them.`,
		Example: "  sluice maps history acme-apps\n  sluice maps history acme-apps --output json",
		Args:    oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			history, err := store.HistoryOfMap(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			views := make([]historyView, len(history))
			for i, h := range history {
				views[i] = historyView{h, []mapChange{}}
				if i == len(history)-1 {
					continue
				}
				if views[i].Changes, err = compareMaps(history[i+1].MapVersion, h.MapVersion); err != nil {
					return err
				}
			}
			return printList(a, views, withoutEmpty(a, views, historyColumns, "origin", "lastRun", "deletedAt", "changes"))
		},
	}
}

// compareMaps says what one version of a map changed against another.
func compareMaps(before, after catalog.MapVersion) ([]mapChange, error) {
	old, err := transform.ParseMap(before.Ref(), []byte(before.Body))
	if err != nil {
		return nil, err
	}
	now, err := transform.ParseMap(after.Ref(), []byte(after.Body))
	if err != nil {
		return nil, err
	}
	changes := []mapChange{}
	for _, part := range []mapChange{
		{"description", old.Description, now.Description}, {"source", old.Source, now.Source}, {"target", old.Target, now.Target},
		{"assetClass", old.AssetClass, now.AssetClass}, {"when", old.When, now.When}, {"whenFindings", old.WhenFindings, now.WhenFindings},
	} {
		if part.Before != part.After {
			changes = append(changes, part)
		}
	}
	changes = append(changes, compareRows(viewRows(old), viewRows(now))...)
	if len(changes) == 0 && before.Body != after.Body {
		changes = append(changes, mapChange{"comments or order", "other", "other"})
	}
	return changes, nil
}

// compareRows compares the rows of two maps by what they fill: no two rows of a
// map fill the same.
func compareRows(old, now []rowView) (changes []mapChange) {
	byTarget := func(rows []rowView, target string) string {
		i := slices.IndexFunc(rows, func(r rowView) bool { return r.To == target })
		if i < 0 {
			return ""
		}
		return rows[i].text()
	}
	for _, r := range now {
		if before := byTarget(old, r.To); before != r.text() {
			changes = append(changes, mapChange{r.To, before, r.text()})
		}
	}
	for _, r := range old {
		if byTarget(now, r.To) == "" {
			changes = append(changes, mapChange{r.To, r.text(), ""})
		}
	}
	return changes
}

// text is what a row takes, and what it makes of it.
func (r rowView) text() string {
	text := "from " + r.From
	if r.Expr != "" {
		text = "expr " + r.Expr
	}
	if r.Convert != "" {
		text += ", convert " + r.Convert
	}
	if r.Default != "" {
		text += ", default " + r.Default
	}
	if r.Values != nil {
		text += ", values " + valuesText(r.Values)
	}
	return text
}

func newMapsRollback(a *app) *cobra.Command {
	var to int32
	cmd := &cobra.Command{
		Use:   "rollback NAME --to VERSION",
		Short: "Make an earlier version of a transform map the latest one again",
		Long: `Make an earlier version of a transform map the latest one again: it is stored as a
new version, so that the history stays true. A map that was deleted is there again
then. 'sluice maps history' shows the versions.`,
		Example: "  sluice maps rollback acme-apps --to 1",
		Args:    oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("to") {
				return wrongUsage(cmd, "--to is missing: the version to go back to ('%s' shows them)", a.command("maps history "+shellWord(args[0])))
			}
			if to < 1 {
				return wrongUsage(cmd, "--to %d is no version: versions are numbered from 1", to)
			}
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			m, saved, err := store.RollBackMap(ctx, args[0], to)
			if err != nil {
				return err
			}
			if !saved && a.forTables() {
				a.note("nothing changed: the latest version of map %s, %d, is the same as version %d", m.Name, m.Version, to)
				return nil
			}
			return a.sayMap(ctx, store, fmt.Sprintf("version %d of map %s is the latest one again, as version %d", to, m.Name, m.Version), m)
		},
	}
	cmd.Flags().Int32Var(&to, "to", 0, "version to go back to")
	return cmd
}

func newMapsDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a transform map that no profile uses",
		Long: `Delete a transform map that no profile uses. Its versions can still be shown, for the
runs and the rows of the inventory that were made by them, and 'sluice maps rollback'
brings it back.`,
		Example: "  sluice maps delete acme-apps",
		Args:    oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			m, err := store.DeleteMap(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !a.forTables() {
				return printOne(a, m, mapVersionColumns)
			}
			a.note("deleted map %s; it comes back by '%s'", m.Name, a.command(fmt.Sprintf("maps rollback %s --to %d", m.Name, m.Version)))
			return nil
		},
	}
}
