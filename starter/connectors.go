package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
)

func newConnectors(a *app) *cobra.Command {
	return group("connectors", "Connections to vendors",
		"A connector is a configured connection to a vendor. It serves every kind of the\nvendor's products, so that a secret is entered once.",
		"  sluice connectors create acme --platform EU2 --client-id ID --test\n  sluice connectors list",
		newConnectorsCreate(a), newConnectorsUpdate(a), newConnectorsRename(a), newConnectorsRotateSecret(a), newConnectorsEnable(a, true), newConnectorsEnable(a, false),
		newConnectorsList(a), newConnectorsShow(a), newConnectorsDelete(a), newConnectorsTest(a), newConnectorsTests(a), newConnectorsLimits(a), newConnectorsLogs(a))
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
			c, err := store.Connector(ctx, name)
			if err != nil {
				return err
			}
			assets, err := inventory.Assets(ctx, store.Pool(), inventory.Filter{Connector: name, Limit: 1})
			if err != nil {
				return err
			}
			if len(assets) > 0 && !yes {
				if err := a.confirm(ctx, "assets and findings", fmt.Sprintf("This deletes all assets and findings that came from %s. Type its name to go on: ", name), name); err != nil {
					return err
				}
			}
			if err := store.DeleteConnector(ctx, name); err != nil {
				return err
			}
			a.note("deleted connector %s", name)
			return a.endTests(ctx, c)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks for a word to be typed before something is deleted.
func (a *app) confirm(ctx context.Context, what, question, word string) error {
	if _, ok := isTerminal(a.in); !ok {
		return fmt.Errorf("this deletes %s, and nobody can be asked: add --yes if that is meant", what)
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
