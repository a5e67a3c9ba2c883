package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/inventory"
)

// recentChanges is how many changes 'assets show' shows.
const recentChanges = 20

func newAssets(a *app) *cobra.Command {
	return group("assets", "Assets in the inventory", "Assets of all connectors, as the last run that saw them left them.",
		"  sluice assets list --class application",
		newAssetsList(a), newAssetsShow(a))
}

var assetColumns = []column[inventory.AssetRow]{
	{"id", func(r inventory.AssetRow) any { return r.ID }},
	{"connector", func(r inventory.AssetRow) any { return r.Connector }},
	{"class", func(r inventory.AssetRow) any { return r.Class }},
	{"externalId", func(r inventory.AssetRow) any { return r.ExternalID }},
	{"name", func(r inventory.AssetRow) any { return r.Name }},
	{"status", func(r inventory.AssetRow) any { return r.Status }},
	{"url", func(r inventory.AssetRow) any {
		if r.BaseURL != nil {
			return r.BaseURL
		}
		return r.SpecificationURL
	}},
	{"ipAddress", func(r inventory.AssetRow) any { return r.IPAddress }},
	{"dnsName", func(r inventory.AssetRow) any { return r.DNSName }},
	{"operatingSystem", func(r inventory.AssetRow) any { return r.OperatingSystem }},
	{"lastScannedAt", func(r inventory.AssetRow) any { return r.LastScannedAt }},
	{"sourceUpdatedAt", func(r inventory.AssetRow) any { return r.SourceUpdatedAt }},
	{"lastSeen", func(r inventory.AssetRow) any { return r.LastSeen }},
}

var assetDetailColumns = []column[inventory.AssetRow]{
	{"kind", func(r inventory.AssetRow) any { return r.Kind }},
	{"sourceCreatedAt", func(r inventory.AssetRow) any { return r.SourceCreatedAt }},
	{"firstSeen", func(r inventory.AssetRow) any { return r.FirstSeen }},
	{"staleSince", func(r inventory.AssetRow) any { return r.StaleSince }},
	{"attributes", func(r inventory.AssetRow) any { return r.Attributes }},
	{"writtenBy", func(r inventory.AssetRow) any { return writtenBy(r.RunID, r.Map, r.MapVersion) }},
}

func newAssetsList(a *app) *cobra.Command {
	var f inventory.Filter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List assets",
		Example: `  sluice assets list
  sluice assets list --class application --name checkout
  sluice assets list --class host --ip 192.0.2.17
  sluice assets list --status stale --limit 1000 --output csv`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOneOf(cmd, "status", f.Status, "active", "stale", "retired"); err != nil {
				return err
			}
			if _, err := netip.ParseAddr(f.IPAddress); f.IPAddress != "" && err != nil {
				return wrongUsage(cmd, "--ip %q is no IP address", f.IPAddress)
			}
			rows, err := readPage(a, cmd, f, inventory.Assets)
			if err != nil {
				return err
			}
			columns := withoutEmpty(a, rows, assetColumns, "url", "ipAddress", "dnsName", "operatingSystem", "lastScannedAt", "sourceUpdatedAt")
			return printPage(a, cmd, rows, "assets", f.Limit, columns, func(r inventory.AssetRow) int64 { return r.ID })
		},
	}
	addFilter(cmd, &f, "active, stale or retired")
	cmd.Flags().StringVar(&f.IPAddress, "ip", "", "with this IP address")
	return cmd
}

// assetView is an asset with what happened to it.
type assetView struct {
	inventory.AssetRow
	Changes []inventory.Change `json:"changes"` // newest first, of its findings too
	Lineage *lineage           `json:"lineage,omitempty"`
}

func newAssetsShow(a *app) *cobra.Command {
	var withLineage bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an asset and what happened to it lately",
		Long: `Show an asset and what happened to it lately. With --lineage, also where its
fields are from: the run and the version of the transform map that wrote it, the
map's row that filled each field and, as long as what the run fetched is kept, the
values that the vendor sent.`,
		Example: "  sluice assets show 7\n  sluice assets show 7 --lineage\n  sluice findings list --asset 7",
		Args:    oneArgument("id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			id, err := rowID(cmd, args[0])
			if err != nil {
				return err
			}
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			row, err := inventory.Asset(ctx, store.Pool(), id)
			if err != nil {
				return err
			}
			changes, err := inventory.Changes(ctx, store.Pool(), id, recentChanges)
			if err != nil {
				return err
			}
			var from *lineage
			if withLineage {
				l, err := a.lineageOf(ctx, store, origin{run: row.RunID, name: row.Map, version: row.MapVersion, class: row.Class, asset: row.ExternalID})
				if err != nil {
					return err
				}
				from = &l
			}
			if from != nil && a.output == formatCSV {
				return a.printLineageCSV(*from)
			}
			if !a.forTables() {
				var columns []column[assetView]
				for _, c := range slices.Concat(assetColumns, assetDetailColumns) {
					columns = append(columns, column[assetView]{c.name, func(v assetView) any { return c.value(v.AssetRow) }})
				}
				return printOne(a, assetView{row, changes, from}, columns)
			}
			if err := printOne(a, row, slices.Concat(assetColumns, assetDetailColumns)); err != nil {
				return err
			}
			a.say("\nLately:")
			if err := printList(a, changes, changeColumns); err != nil {
				return err
			}
			if from != nil {
				if err := a.printLineage(*from); err != nil {
					return err
				}
			}
			a.say("\nIts findings: %s", a.command(fmt.Sprintf("findings list --asset %d", id)))
			return nil
		},
	}
	cmd.Flags().BoolVar(&withLineage, "lineage", false, "say where its fields are from")
	return cmd
}

var changeColumns = []column[inventory.Change]{
	{"at", func(c inventory.Change) any { return c.At }},
	{"run", func(c inventory.Change) any { return c.RunID }},
	{"what", func(c inventory.Change) any {
		if c.FindingID != nil {
			return fmt.Sprintf("finding %d", *c.FindingID)
		}
		return "asset"
	}},
	{"change", func(c inventory.Change) any { return c.Change }},
	{"before", func(c inventory.Change) any { return c.Before }},
}
