package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
)

// addFilter gives a list of assets or findings its common flags.
func addFilter(cmd *cobra.Command, f *inventory.Filter, statuses string) {
	flags := cmd.Flags()
	addPage(cmd, f)
	flags.StringVar(&f.Kind, "kind", "", "of this kind")
	flags.StringVar(&f.Class, "class", "", "of this asset class: "+strings.Join(classes(), ", "))
	flags.StringVar(&f.Status, "status", "", statuses)
	flags.StringVar(&f.Name, "name", "", "with this in the name, in small or capital letters")
}

// addPage gives a list the flags that all lists of the inventory have.
func addPage(cmd *cobra.Command, f *inventory.Filter) {
	cmd.Flags().StringVar(&f.Connector, "connector", "", "of this connector")
	cmd.Flags().Int64Var(&f.After, "after", 0, "go on after the row with this id")
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
			if t.Class != "" && !slices.Contains(all, t.Class) {
				all = append(all, t.Class)
			}
		}
	}
	return all
}

// readPage reads what a filter lets through, and one row more than it asks
// for: printPage tells by it whether there is more.
func readPage[T any](a *app, cmd *cobra.Command, f inventory.Filter,
	read func(context.Context, *pgxpool.Pool, inventory.Filter) ([]T, error)) ([]T, error) {
	store, err := a.catalog(cmd.Context())
	if err != nil {
		return nil, err
	}
	if err := checkFilter(cmd.Context(), cmd, store, f); err != nil {
		return nil, err
	}
	f.CVE = strings.ToUpper(f.CVE)
	f.Limit++
	return read(cmd.Context(), store.Pool(), f)
}

// printPage prints what readPage read, and tells people how to see more; what
// names the rows.
func printPage[T any](a *app, cmd *cobra.Command, rows []T, what string, limit int, columns []column[T], id func(T) int64) error {
	if len(rows) <= limit {
		return printListOr(a, rows, columns, "no %s match", what)
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
		switch {
		case f.Name == "after":
		case f.NoOptDefVal != "": // its value cannot be a word of its own
			line += " --" + f.Name + "=" + shellWord(f.Value.String())
		default:
			line += " --" + f.Name + " " + shellWord(f.Value.String())
		}
	})
	return a.command(fmt.Sprintf("%s --after %d", line, after))
}

// writtenBy says which run wrote a row, by which map.
func writtenBy(run int64, transformMap string, version int32) string {
	return fmt.Sprintf("run %d, map %s v%d", run, transformMap, version)
}

// rowID is an argument that is the id of a row.
func rowID(cmd *cobra.Command, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, wrongUsage(cmd, "%q is no id: the list shows ids in its first column", arg)
	}
	return id, nil
}
