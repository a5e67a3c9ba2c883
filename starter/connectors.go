package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/secret"
	"sluice/internal/source"
)

func newConnectors(a *app) *cobra.Command {
	return group("connectors", "Connections to vendors",
		"A connector is a configured connection to a vendor. It serves every kind of the\nvendor's products, so that a secret is entered once.",
		"  sluice connectors create acme --platform EU2 --client-id ID --test\n  sluice connectors list",
		newConnectorsCreate(a), newConnectorsUpdate(a), newConnectorsList(a), newConnectorsShow(a), newConnectorsDelete(a), newConnectorsTest(a), newConnectorsLogs(a))
}

// connectorView is a connector as it is shown: secrets only by where they are.
type connectorView struct {
	catalog.Connector
	Secrets map[string]string `json:"secrets"` // field -> "sealed", or a reference env:NAME or file:PATH
	// Health is the worst of the last test, of the kinds that its profiles bring
	// in; before it has any, that of the kind that is best; unknown before a test.
	Health   source.Health `json:"health"`
	TestedAt *time.Time    `json:"testedAt"`
	Checks   []checkView   `json:"checks,omitempty"`
	Profiles []string      `json:"profiles"`
}

var connectorColumns = []column[connectorView]{
	{"name", func(c connectorView) any { return c.Name }},
	{"provider", func(c connectorView) any { return c.Provider }},
	{"health", func(c connectorView) any { return string(c.Health) }},
	{"testedAt", func(c connectorView) any { return c.TestedAt }},
	{"active", func(c connectorView) any { return c.Active }},
	{"settings", func(c connectorView) any { return assignments(c.Settings) }},
	{"profiles", func(c connectorView) any { return c.Profiles }},
	{"description", func(c connectorView) any { return c.Description }},
}

// assignments writes settings as "baseURL=... clientId=...", sorted.
func assignments(settings map[string]string) string {
	var parts []string
	for name, value := range settings {
		parts = append(parts, name+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// viewConnector gathers what is shown of a connector.
func viewConnector(ctx context.Context, store *catalog.Store, c catalog.Connector, profiles []catalog.Profile) (connectorView, error) {
	v := connectorView{Connector: c, Secrets: make(map[string]string), Health: source.Unknown, Profiles: []string{}}
	for field, stored := range c.Secrets {
		v.Secrets[field] = "sealed"
		if secret.IsReference(stored) {
			v.Secrets[field] = stored
		}
	}
	used := make(map[string]bool) // kinds
	for _, p := range profiles {
		if p.ConnectorID == c.ID {
			v.Profiles = append(v.Profiles, p.Name)
			used[p.Kind] = true
		}
	}
	checks, err := store.LatestChecks(ctx, c.ID)
	if err != nil {
		return v, err
	}
	for _, check := range checks {
		at := check.At
		v.TestedAt = &at
		v.Checks = append(v.Checks, viewCheck(check.Kind, check.Check))
	}
	v.Health = healthOf(v.Checks, used)
	return v, nil
}

// healthOf sums a test up: an account need not have all of a vendor's
// products, but those that are used have to be healthy.
func healthOf(checks []checkView, used map[string]bool) source.Health {
	worse := func(sum, h source.Health) source.Health {
		if sum == "" || sum == source.Unknown || sum == source.Healthy {
			return h
		}
		return sum
	}
	kinds := make(map[string]source.Health)
	for _, c := range checks {
		kinds[c.Kind] = worse(kinds[c.Kind], c.Health)
	}
	sum := source.Unknown
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if len(used) == 0 && kinds[kind] == source.Healthy {
			return source.Healthy
		}
		if len(used) == 0 || used[kind] {
			sum = worse(sum, kinds[kind])
		}
	}
	return sum
}

// connectors opens the database and lists the connectors.
func (a *app) connectors(ctx context.Context) (*catalog.Store, []catalog.Connector, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return nil, nil, err
	}
	connectors, err := store.Connectors(ctx)
	return store, connectors, err
}

func newConnectorsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List connectors with their health",
		Example: "  sluice connectors list\n  sluice connectors list --output json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			store, connectors, err := a.connectors(ctx)
			if err != nil {
				return err
			}
			profiles, err := store.Profiles(ctx)
			if err != nil {
				return err
			}
			var views []connectorView
			for _, c := range connectors {
				v, err := viewConnector(ctx, store, c, profiles)
				if err != nil {
					return err
				}
				views = append(views, v)
			}
			return printListOr(a, views, connectorColumns, "no connectors yet: '%s' shows how to make one", a.command("connectors create --help"))
		},
	}
}

func newConnectorsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a connector and what its last test found",
		Example: "  sluice connectors show acme",
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
			profiles, err := store.Profiles(ctx)
			if err != nil {
				return err
			}
			v, err := viewConnector(ctx, store, c, profiles)
			if err != nil {
				return err
			}
			columns := slices.Concat(connectorColumns, []column[connectorView]{
				{"secrets", func(c connectorView) any { return assignments(c.Secrets) }},
				{"createdAt", func(c connectorView) any { return c.CreatedAt }},
				{"updatedAt", func(c connectorView) any { return c.UpdatedAt }},
			})
			if err := printOne(a, v, columns); err != nil || !a.forTables() {
				return err
			}
			if len(v.Checks) == 0 {
				a.note("never tested: '%s' does", a.command("connectors test "+shellWord(v.Name)))
				return nil
			}
			a.say("")
			return a.printChecks(v.Checks)
		},
	}
}

func newConnectorsDelete(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a connector with everything the inventory has from it",
		Long: `Delete a connector with everything the inventory has from it. Its profiles have
to be deleted before. When the inventory has something from it, this asks first;
where nobody can be asked, --yes is needed.`,
		Example: "  sluice connectors delete acme",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, name := cmd.Context(), args[0]
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			if _, err := store.Connector(ctx, name); err != nil {
				return err
			}
			assets, err := inventory.Assets(ctx, store.Pool(), inventory.Filter{Connector: name, Limit: 1})
			if err != nil {
				return err
			}
			if len(assets) > 0 && !yes {
				if err := a.confirm(ctx, fmt.Sprintf("This deletes all assets and findings that came from %s. Type its name to go on: ", name), name); err != nil {
					return err
				}
			}
			if err := store.DeleteConnector(ctx, name); err != nil {
				return err
			}
			a.note("deleted connector %s", name)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks for a word to be typed.
func (a *app) confirm(ctx context.Context, question, word string) error {
	if _, ok := isTerminal(a.in); !ok {
		return errors.New("this deletes assets and findings, and nobody can be asked: add --yes if that is meant")
	}
	line, err := a.askLine(ctx, question)
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("%w: nothing was deleted", err)
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(line) != word {
		return errors.New("not confirmed: nothing was deleted")
	}
	return nil
}

func newConnectorsLogs(a *app) *cobra.Command {
	var flags logFlags
	cmd := &cobra.Command{
		Use:     "logs NAME",
		Short:   "Show the log of a connector's tests, runs and schedules",
		Example: "  sluice connectors logs acme --limit 20\n  sluice connectors logs acme --level warn --follow",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := flags.filter(cmd)
			if err != nil {
				return err
			}
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			c, err := store.Connector(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return flags.show(cmd.Context(), a, filter,
				func(ctx context.Context, f catalog.LogFilter) ([]catalog.LogEntry, error) {
					return store.ConnectorLog(ctx, c.ID, f)
				},
				func(context.Context) (bool, error) { return false, nil })
		},
	}
	flags.add(cmd, 100)
	return cmd
}

// maxLimit bounds what a list holds in memory.
const maxLimit = 10000

func addLimit(cmd *cobra.Command, limit *int, standard int, help string) {
	cmd.Flags().IntVar(limit, "limit", standard, fmt.Sprintf("%s, at most %d", help, maxLimit))
}

func checkLimit(cmd *cobra.Command, limit int) error {
	if limit < 1 || limit > maxLimit {
		return wrongUsage(cmd, "--limit %d is out of range: give 1 to %d", limit, maxLimit)
	}
	return nil
}
