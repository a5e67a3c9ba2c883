package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
)

// addFilter gives a list of the inventory its common flags.
func addFilter(cmd *cobra.Command, f *inventory.Filter, statuses string) {
	flags := cmd.Flags()
	flags.StringVar(&f.Connector, "connector", "", "from this connector")
	flags.StringVar(&f.Kind, "kind", "", "of this kind")
	flags.StringVar(&f.Class, "class", "", "of this asset class: "+strings.Join(classes(), ", "))
	flags.StringVar(&f.Status, "status", "", statuses)
	flags.StringVar(&f.Name, "name", "", "with this in the name, in small or capital letters")
	flags.Int64Var(&f.After, "after", 0, "go on after the row with this id")
	addLimit(cmd, &f.Limit, 50, "rows to show")
}

// checkFilter refuses what can match nothing, because it is misspelt.
func checkFilter(ctx context.Context, cmd *cobra.Command, store *catalog.Store, f inventory.Filter) error {
	if err := checkLimit(cmd, f.Limit); err != nil {
		return err
	}
	if f.After < 0 {
		return wrongUsage(cmd, "--after %d is no id", f.After)
	}
	if f.Connector != "" {
		if _, err := store.Connector(ctx, f.Connector); err != nil {
			return err
		}
	}
	if f.Kind != "" {
		if _, err := kinds.Find(f.Kind); err != nil {
			return err
		}
	}
	if known := classes(); f.Class != "" && !slices.Contains(known, f.Class) {
		return fmt.Errorf("unknown asset class %q%s", f.Class, suggest.Ending(f.Class, known))
	}
	return nil
}

// classes lists the asset classes of all kinds.
func classes() []string {
	var all []string
	for _, k := range kinds.All() {
		for _, t := range k.AssetTypes() {
			if !slices.Contains(all, t.Class) {
				all = append(all, t.Class)
			}
		}
	}
	return all
}

// printPage prints a list that was asked for with one row more than a page
// has, without that row; people are told how to see it.
func printPage[T any](a *app, cmd *cobra.Command, rows []T, limit int, columns []column[T], id func(T) int64) error {
	if len(rows) <= limit {
		return printList(a, rows, columns)
	}
	rows = rows[:limit]
	if err := printList(a, rows, columns); err != nil || !a.forTables() {
		return err
	}
	a.note("More: %s", a.nextPage(cmd, id(rows[limit-1])))
	return nil
}

// nextPage is the command line for what comes after an id.
func (a *app) nextPage(cmd *cobra.Command, after int64) string {
	_, line, _ := strings.Cut(cmd.CommandPath(), " ")
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "after" {
			line += " --" + f.Name + " " + shellWord(f.Value.String())
		}
	})
	return a.command(fmt.Sprintf("%s --after %d", line, after))
}

// rowID is an argument that is the id of a row.
func rowID(cmd *cobra.Command, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, wrongUsage(cmd, "%q is no id: the list shows ids in its first column", arg)
	}
	return id, nil
}
