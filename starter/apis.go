package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source"
)

func newAPIs(a *app) *cobra.Command {
	return group("apis", "APIs in the inventory, with their specifications",
		`APIs of all connectors, with what their specifications say. An API is ready to be
scanned when it can be reached and its specification says what to call;
otherwise 'sluice apis show' says why it is not.`,
		"  sluice apis list --ready=false\n  sluice apis endpoints 7",
		newAPIsList(a), newAPIsShow(a), newAPIsEndpoints(a), newAPIsSpec(a))
}

var apiColumns = []column[inventory.APIRow]{
	{"id", func(r inventory.APIRow) any { return r.ID }},
	{"name", func(r inventory.APIRow) any { return r.Name }},
	{"status", func(r inventory.APIRow) any { return r.Status }},
	{"url", func(r inventory.APIRow) any { return r.URL }},
	{"endpoints", func(r inventory.APIRow) any { return r.Endpoints }},
	{"service", func(r inventory.APIRow) any { return r.Service }},
	{"type", func(r inventory.APIRow) any { return r.Type }},
	{"ready", func(r inventory.APIRow) any { return r.Ready }},
}

// apiWideColumns are too many for a table.
var apiWideColumns = []column[inventory.APIRow]{
	{"connector", func(r inventory.APIRow) any { return r.Connector }},
	{"resourceGroup", func(r inventory.APIRow) any { return r.ResourceGroup }},
	{"subscriptionId", func(r inventory.APIRow) any { return r.SubscriptionID }},
	{"revision", func(r inventory.APIRow) any { return r.Revision }},
	{"readinessReasons", func(r inventory.APIRow) any { return listed(r.ReadinessReason) }},
	{"flags", func(r inventory.APIRow) any { return listed(r.Flags) }},
	{"format", func(r inventory.APIRow) any { return r.Format }},
	{"bytes", func(r inventory.APIRow) any { return r.Bytes }},
	{"specificationReason", func(r inventory.APIRow) any { return r.SpecificationReason }},
	{"specificationHash", func(r inventory.APIRow) any { return r.SpecificationHash }},
	{"kind", func(r inventory.APIRow) any { return r.Kind }},
	{"externalId", func(r inventory.APIRow) any { return r.ExternalID }},
	{"sourceUpdatedAt", func(r inventory.APIRow) any { return r.SourceUpdatedAt }},
	{"lastSeen", func(r inventory.APIRow) any { return r.LastSeen }},
}

var apiDetailColumns = []column[inventory.APIRow]{
	{"firstSeen", func(r inventory.APIRow) any { return r.FirstSeen }},
	{"attributes", func(r inventory.APIRow) any { return r.Attributes }},
	{"writtenBy", func(r inventory.APIRow) any { return writtenBy(r.RunID, r.Map, r.MapVersion) }},
}

// listed is a list of texts from JSON as people read it. What has another form
// is left as it is.
func listed(value any) string {
	if value == nil {
		return ""
	}
	list, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return named(list)
}

func newAPIsList(a *app) *cobra.Command {
	var f inventory.Filter
	var ready bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List APIs",
		Long: `List APIs. The other formats than the table have more columns, such as connector,
resource group, and why an API is not ready to be scanned.`,
		Example: `  sluice apis list
  sluice apis list --service apim-prod --type http
  sluice apis list --ready --output csv
  sluice apis list --ready=false --name checkout`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOneOf(cmd, "status", f.Status, "active", "stale", "retired"); err != nil {
				return err
			}
			if cmd.Flags().Changed("ready") {
				f.Ready = &ready
			}
			rows, err := readPage(a, cmd, f, inventory.APIs)
			if err != nil {
				return err
			}
			columns := withoutEmpty(a, rows, apiColumns, "url", "service", "type", "ready")
			if a.output == formatCSV {
				columns = slices.Concat(columns, apiWideColumns)
			}
			return printPage(a, cmd, rows, "APIs", f.Limit, columns, func(r inventory.APIRow) int64 { return r.ID })
		},
	}
	addPage(cmd, &f)
	flags := cmd.Flags()
	flags.StringVar(&f.Service, "service", "", "of the API Management service with this name")
	flags.StringVar(&f.Type, "type", "", "of this type: http, soap, graphql, websocket, odata, grpc, mcp, a2a")
	flags.BoolVar(&ready, "ready", false, "that are ready to be scanned; --ready=false: that are not")
	flags.StringVar(&f.Status, "status", "", "active, stale or retired")
	flags.StringVar(&f.Name, "name", "", "with this in the name, in small or capital letters")
	return cmd
}

func newAPIsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show an API: what is known of it and its specification, and whether it is ready to be scanned",
		Long: `Show an API: what its source says of it, whether it is ready to be scanned and
otherwise why not, what is unusual about its specification (flags), and why there
is no specification where there is none.`,
		Example: "  sluice apis show 7\n  sluice apis show 7 --output json",
		Args:    oneArgument("id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, row, err := a.readAPI(cmd, args[0])
			if err != nil {
				return err
			}
			columns := slices.Concat(apiColumns, apiWideColumns, apiDetailColumns)
			if !a.forTables() {
				return printOne(a, row, columns)
			}
			row.Attributes = withoutMembers(row.Attributes, "resourceGroups", "notReadyReasons", "specificationFormat")
			if err := printOne(a, row, columns); err != nil {
				return err
			}
			if row.SpecificationHash == nil {
				a.say("\n%s", harmless(withoutSpecification(row)))
				return nil
			}
			a.say("\nIts endpoints:     %s", a.command(fmt.Sprintf("apis endpoints %d", row.ID)))
			a.say("Its specification: %s", a.command(fmt.Sprintf("apis spec %d", row.ID)))
			return nil
		},
	}
}

// withoutMembers is a JSON object without some of its members; what is no
// object stays as it is.
func withoutMembers(object json.RawMessage, names ...string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return object
	}
	for _, name := range names {
		delete(members, name)
	}
	left, err := json.Marshal(members)
	if err != nil {
		return object
	}
	return left
}

// readAPI reads the API whose id is an argument.
func (a *app) readAPI(cmd *cobra.Command, arg string) (*catalog.Store, inventory.APIRow, error) {
	id, err := rowID(cmd, arg)
	if err != nil {
		return nil, inventory.APIRow{}, err
	}
	store, err := a.catalog(cmd.Context())
	if err != nil {
		return nil, inventory.APIRow{}, err
	}
	row, err := inventory.API(cmd.Context(), store.Pool(), id)
	return store, row, err
}

// withoutSpecification says that there is no specification, and why.
func withoutSpecification(row inventory.APIRow) string {
	why := "its source has none"
	if row.SpecificationReason != nil && strings.TrimSpace(*row.SpecificationReason) != "" {
		why = *row.SpecificationReason
	}
	return fmt.Sprintf("API %d has no specification: %s", row.ID, why)
}

// specification reads an API's specification; it is an error that there is
// none.
func specification(ctx context.Context, store *catalog.Store, row inventory.APIRow) (source.Document, error) {
	if row.SpecificationHash == nil {
		return source.Document{}, fmt.Errorf("%s", withoutSpecification(row))
	}
	return store.Document(ctx, *row.SpecificationHash)
}
