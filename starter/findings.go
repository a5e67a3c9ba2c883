package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/internal/inventory"
)

// The severities that the inventory knows.
const minSeverity, maxSeverity = 1, 5

// severityFlag is a severity on the command line.
type severityFlag int

func (s *severityFlag) String() string {
	if *s == 0 {
		return "" // none is asked for
	}
	return strconv.Itoa(int(*s))
}

func (*severityFlag) Type() string { return "int" }

// Set reads what a person wrote.
func (s *severityFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < minSeverity || n > maxSeverity {
		return fmt.Errorf("give %d to %d", minSeverity, maxSeverity)
	}
	*s = severityFlag(n)
	return nil
}

func newFindings(a *app) *cobra.Command {
	return group("findings", "Findings in the inventory", "Findings of all assets: what scanners found wrong with them.",
		"  sluice findings list --severity 4 --status open",
		newFindingsList(a), newFindingsShow(a))
}

var findingColumns = []column[inventory.FindingRow]{
	{"id", func(r inventory.FindingRow) any { return r.ID }},
	{"severity", func(r inventory.FindingRow) any { return r.Severity }},
	{"status", func(r inventory.FindingRow) any { return r.Status }},
	{"name", func(r inventory.FindingRow) any { return r.Name }},
	{"externalId", func(r inventory.FindingRow) any { return r.ExternalID }},
	{"asset", func(r inventory.FindingRow) any { return r.AssetID }},
	{"assetName", func(r inventory.FindingRow) any { return r.AssetName }},
	{"class", func(r inventory.FindingRow) any { return r.Class }},
	{"connector", func(r inventory.FindingRow) any { return r.Connector }},
	{"firstSeen", func(r inventory.FindingRow) any { return r.FirstSeen }},
}

var findingDetailColumns = []column[inventory.FindingRow]{
	{"kind", func(r inventory.FindingRow) any { return r.Kind }},
	{"assetExternalId", func(r inventory.FindingRow) any { return r.AssetExternalID }},
	{"fixedAt", func(r inventory.FindingRow) any { return r.FixedAt }},
	{"attributes", func(r inventory.FindingRow) any { return r.Attributes }},
	{"writtenBy", func(r inventory.FindingRow) any {
		return fmt.Sprintf("run %d, map %s v%d", r.RunID, r.Map, r.MapVersion)
	}},
}

func newFindingsList(a *app) *cobra.Command {
	var f inventory.Filter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List findings",
		Example: `  sluice findings list --severity 4
  sluice findings list --asset 7 --status open
  sluice findings list --name injection --output ndjson`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := checkOneOf(cmd, "status", f.Status, "open", "fixed"); err != nil {
				return err
			}
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			if err := checkFilter(ctx, cmd, store, f); err != nil {
				return err
			}
			if cmd.Flags().Changed("asset") {
				if _, err := inventory.Asset(ctx, store.Pool(), f.AssetID); err != nil {
					return err
				}
			}
			ask := f
			ask.Limit++ // to know whether there is more
			rows, err := inventory.Findings(ctx, store.Pool(), ask)
			if err != nil {
				return err
			}
			if len(rows) == 0 && a.forTables() {
				a.note("no findings match")
			}
			return printPage(a, cmd, rows, f.Limit, findingColumns, func(r inventory.FindingRow) int64 { return r.ID })
		},
	}
	addFilter(cmd, &f, "open or fixed")
	cmd.Flags().Int64Var(&f.AssetID, "asset", 0, "of the asset with this id")
	cmd.Flags().Var((*severityFlag)(&f.MinSeverity), "severity", fmt.Sprintf("of this severity or above, %d to %d", minSeverity, maxSeverity))
	return cmd
}

func newFindingsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a finding",
		Example: "  sluice findings show 42",
		Args:    oneArgument("id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := rowID(cmd, args[0])
			if err != nil {
				return err
			}
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			row, err := inventory.FindingByID(cmd.Context(), store.Pool(), id)
			if err != nil {
				return err
			}
			return printOne(a, row, slices.Concat(findingColumns, findingDetailColumns))
		},
	}
}
