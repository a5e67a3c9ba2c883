package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"sluice/internal/inventory"
)

func newFindings(a *app) *cobra.Command {
	return group("findings", "Findings in the inventory", "Findings of all assets: what scanners found wrong with them.",
		"  sluice findings list --severity 4 --status open",
		newFindingsList(a), newFindingsShow(a))
}

var findingColumns = []column[inventory.FindingRow]{
	{"id", func(r inventory.FindingRow) any { return r.ID }},
	{"severity", func(r inventory.FindingRow) any { return r.Severity }},
	{"status", func(r inventory.FindingRow) any { return r.Status }},
	{"vendorStatus", func(r inventory.FindingRow) any { return r.VendorStatus }},
	{"qid", func(r inventory.FindingRow) any { return r.QID }},
	{"name", func(r inventory.FindingRow) any { return r.Name }},
	{"cvss", func(r inventory.FindingRow) any { return r.CVSS }},
	{"patchable", func(r inventory.FindingRow) any { return r.Patchable }},
	{"asset", func(r inventory.FindingRow) any { return r.AssetID }},
	{"assetName", func(r inventory.FindingRow) any { return r.AssetName }},
	{"class", func(r inventory.FindingRow) any { return r.Class }},
	{"connector", func(r inventory.FindingRow) any { return r.Connector }},
	{"firstFoundAt", func(r inventory.FindingRow) any { return r.FirstFoundAt }},
	{"lastFoundAt", func(r inventory.FindingRow) any { return r.LastFoundAt }},
	{"firstSeen", func(r inventory.FindingRow) any { return r.FirstSeen }},
}

// findingWideColumns are too many for a table.
var findingWideColumns = []column[inventory.FindingRow]{
	{"kind", func(r inventory.FindingRow) any { return r.Kind }},
	{"externalId", func(r inventory.FindingRow) any { return r.ExternalID }},
	{"assetExternalId", func(r inventory.FindingRow) any { return r.AssetExternalID }},
	{"fixedAt", func(r inventory.FindingRow) any { return r.FixedAt }},
	{"lastTestedAt", func(r inventory.FindingRow) any { return r.LastTestedAt }},
	{"timesFound", func(r inventory.FindingRow) any { return r.TimesFound }},
	{"category", func(r inventory.FindingRow) any { return r.Category }},
	{"cves", func(r inventory.FindingRow) any { return named(r.CVEs) }},
}

var findingDetailColumns = []column[inventory.FindingRow]{
	{"threatIntelligence", func(r inventory.FindingRow) any { return named(r.ThreatIntelligence) }},
	{"solution", func(r inventory.FindingRow) any { return r.Solution }},
	{"attributes", func(r inventory.FindingRow) any { return r.Attributes }},
	{"writtenBy", func(r inventory.FindingRow) any { return writtenBy(r.RunID, r.Map, r.MapVersion) }},
}

func newFindingsList(a *app) *cobra.Command {
	var f inventory.Filter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List findings",
		Example: `  sluice findings list --severity 4
  sluice findings list --asset 7 --status open
  sluice findings list --qid 38739 --status open
  sluice findings list --cve CVE-2024-3094 --kind qualys-vm
  sluice findings list --name injection --output ndjson`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOneOf(cmd, "status", f.Status, "open", "fixed"); err != nil {
				return err
			}
			rows, err := readPage(a, cmd, f, func(ctx context.Context, pool *pgxpool.Pool, f inventory.Filter) ([]inventory.FindingRow, error) {
				if cmd.Flags().Changed("asset") {
					if _, err := inventory.Asset(ctx, pool, f.AssetID); err != nil {
						return nil, err
					}
				}
				return inventory.Findings(ctx, pool, f)
			})
			if err != nil {
				return err
			}
			columns := withoutEmpty(a, rows, findingColumns, "vendorStatus", "qid", "cvss", "patchable", "firstFoundAt", "lastFoundAt")
			if a.output == formatCSV {
				columns = slices.Concat(columns, findingWideColumns)
			}
			return printPage(a, cmd, rows, "findings", f.Limit, columns, func(r inventory.FindingRow) int64 { return r.ID })
		},
	}
	addFilter(cmd, &f, "open or fixed")
	cmd.Flags().Int64Var(&f.AssetID, "asset", 0, "of the asset with this id")
	addKnowledgeFilter(cmd, &f)
	cmd.Flags().Var(qidFlag(&f.QID), "qid", "with this QID")
	return cmd
}

// findingView is a finding with where it is from.
type findingView struct {
	inventory.FindingRow
	Lineage *lineage `json:"lineage"`
}

func newFindingsShow(a *app) *cobra.Command {
	var withLineage bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a finding",
		Long: `Show a finding. With --lineage, also where its fields are from: see
'sluice assets show --help'.`,
		Example: "  sluice findings show 42\n  sluice findings show 42 --lineage",
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
			var from lineage
			if withLineage {
				if from, err = a.lineageOf(cmd.Context(), store, origin{run: row.RunID, name: row.Map, version: row.MapVersion,
					class: row.Class, asset: row.AssetExternalID, finding: row.ExternalID}); err != nil {
					return err
				}
				switch a.output {
				case formatCSV:
					return a.printLineageCSV(from)
				case formatJSON, formatNDJSON:
					return printOne[findingView](a, findingView{row, &from}, nil)
				}
			}
			if err := printOne(a, row, slices.Concat(findingColumns, findingWideColumns, findingDetailColumns)); err != nil || !a.forTables() {
				return err
			}
			if withLineage {
				if err := a.printLineage(from); err != nil {
					return err
				}
			}
			switch {
			case row.QID == nil:
			case *row.Known:
				a.say("\nAll that is known of QID %d: %s", *row.QID, a.command(fmt.Sprintf("knowledge show %d", *row.QID)))
			default:
				a.say("\nThe knowledge base of connector %s has no entry for QID %d yet: what it stands for shows here as soon as\na run of a profile with asset type KNOWLEDGEBASE brings it in.", harmless(row.Connector), *row.QID)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&withLineage, "lineage", false, "say where its fields are from")
	return cmd
}
