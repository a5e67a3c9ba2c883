package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

func newConnectorsUpdate(a *app) *cobra.Command {
	var newSecret bool
	var flags connectorFlags
	var test testFlags
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a connector, such as its secret",
		Long: `Change a connector; what is not given stays, and an empty value takes a setting
or a secret away. Runs under way use it as it is now from their next batch on.

A new secret is given as at 'connectors create'. With --new-secret it is taken
from the environment, or asked for unseen.

With --test, the change is kept only if the connector connects with it;
otherwise it is as before.
` + connectsHelp,
		Example: `  sluice connectors update acme --new-secret --test
  sluice connectors update acme --client-id 4e1c0f --client-secret-file ./secret --test
  sluice connectors update acme --username acme_api --client-id "" --client-secret-ref "" --test
  sluice connectors update acme --platform EU2 --base-url ""`,
		Args: oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().NFlag() == 0 {
				return wrongUsage(cmd, "there is nothing to change: say what with flags")
			}
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			before, err := store.Connector(ctx, args[0])
			if err != nil {
				return err
			}
			p, err := kinds.FindProvider(before.Provider)
			if err != nil {
				return err
			}
			if err := flags.check(cmd, p); err != nil {
				return err
			}
			if err := test.check(cmd, p); err != nil {
				return err
			}
			after := before
			after.Settings, after.Secrets = maps.Clone(before.Settings), maps.Clone(before.Secrets)
			secrets, err := flags.secrets(cmd, a, p, after.Secrets)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("description") {
				after.Description = flags.description
			}
			flags.settings(cmd, p, after.Settings)
			if newSecret && len(secrets) == 0 {
				if secrets, err = a.findSecrets(ctx, secretsOf(p, after)...); err != nil {
					return err
				}
			}
			if err := a.addMissing(ctx, p, after, secrets); err != nil {
				return err
			}
			if err := a.checkConnector(p, after, secrets); err != nil {
				return err
			}
			seal, err := a.sealing(secrets)
			if err != nil {
				return err
			}
			maps.Copy(after.Secrets, seal(after.ID))
			return a.updateAndTest(ctx, store, before, after, test)
		},
	}
	cmd.Flags().BoolVar(&newSecret, "new-secret", false, "take a new secret from the environment, or ask for it unseen")
	test.add(cmd, "test the connection, and keep the change only if it connects")
	flags.add(cmd)
	return cmd
}

// secretsOf are the secrets that a connector has.
func secretsOf(p source.Provider, c catalog.Connector) []source.Field {
	return slices.DeleteFunc(slices.Clone(p.Fields), func(f source.Field) bool { return c.Secrets[f.Name] == "" })
}

// updateAndTest changes a connector and, with test, undoes it unless it
// connects. Workers test what is stored.
func (a *app) updateAndTest(ctx context.Context, store *catalog.Store, before, after catalog.Connector, test testFlags) error {
	if err := store.UpdateConnector(ctx, after); err != nil {
		return err
	}
	if test.wanted {
		if _, err := a.connects(ctx, after, test); err != nil {
			// Also after Ctrl-C: what was not tested is not kept. UpdateConnector
			// refuses if somebody else has changed it meanwhile.
			before.Version = after.Version + 1
			undo := context.WithoutCancel(ctx)
			if uerr := errors.Join(store.ForgetChecks(undo, after.ID), store.UpdateConnector(undo, before)); uerr != nil {
				return errors.Join(err, fmt.Errorf("put connector %s back as it was: %w", before.Name, uerr))
			}
			a.note("connector %s is as before, because the test did not succeed", before.Name)
			return err
		}
	}
	if a.forTables() {
		a.say("updated connector %s", after.Name)
		if !test.wanted {
			a.say("Test it: %s", a.command("connectors test "+shellWord(after.Name)))
		}
		return nil
	}
	if test.wanted {
		return nil // the checks are the result
	}
	now, err := store.Connector(ctx, after.Name)
	if err != nil {
		return err
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return err
	}
	v, err := viewConnector(ctx, store, now, profiles)
	if err != nil {
		return err
	}
	return printOne(a, v, connectorColumns)
}
