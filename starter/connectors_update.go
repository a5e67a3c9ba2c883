package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/secret"
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
  sluice connectors update acme --platform EU2 --base-url ""
  sluice connectors update acme --proxy-url http://proxy:3128 --ca-bundle-file ./ca.pem --test
  sluice connectors update acme --retest 6h`,
		Args: oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().NFlag() == 0 {
				return wrongUsage(cmd, "there is nothing to change: say what with flags")
			}
			ctx := cmd.Context()
			c, err := a.beginChange(cmd, args[0], &flags, &test)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("description") {
				c.after.Description = flags.description
			}
			if err := flags.settings(cmd, a, c.provider, &c.after); err != nil {
				return err
			}
			if newSecret && len(c.secrets) == 0 {
				if c.secrets, err = a.findSecrets(ctx, c.fieldsOfSecrets()...); err != nil {
					return err
				}
			}
			if err := a.addMissing(ctx, c.provider, c.after, c.secrets); err != nil {
				return err
			}
			return a.updateAndTest(ctx, c, test)
		},
	}
	cmd.Flags().BoolVar(&newSecret, "new-secret", false, "take a new secret from the environment, or ask for it unseen")
	a.addNewKey(cmd)
	test.add(cmd, "test the connection, and keep the change only if it connects")
	flags.add(cmd)
	return cmd
}

// A connectorChange is a connector as it is, as it is to be, and the new secrets
// that are given for that.
type connectorChange struct {
	provider      source.Provider
	before, after catalog.Connector
	secrets       map[string]givenSecret
}

// beginChange finds a connector that is to be changed, and reads what is said of
// its new secrets and of the test.
func (a *app) beginChange(cmd *cobra.Command, name string, flags *connectorFlags, test *testFlags) (*connectorChange, error) {
	store, err := a.catalog(cmd.Context())
	if err != nil {
		return nil, err
	}
	c := &connectorChange{}
	if c.before, err = store.Connector(cmd.Context(), name); err != nil {
		return nil, err
	}
	if c.provider, err = kinds.FindProvider(c.before.Provider); err != nil {
		return nil, err
	}
	if err := flags.check(cmd, c.provider); err != nil {
		return nil, err
	}
	if err := test.check(cmd, c.provider); err != nil {
		return nil, err
	}
	c.after = c.before
	c.after.Settings, c.after.Secrets = maps.Clone(c.before.Settings), maps.Clone(c.before.Secrets)
	c.secrets, err = flags.secrets(cmd, a, c.provider, c.after.Secrets)
	return c, err
}

// fieldsOfSecrets are those that the connector has.
func (c *connectorChange) fieldsOfSecrets() []source.Field {
	return slices.DeleteFunc(slices.Clone(c.provider.Fields), func(f source.Field) bool { return c.after.Secrets[f.Name] == "" })
}

// updateAndTest checks and changes a connector and, with test, undoes it unless
// it connects. Workers test what is stored.
func (a *app) updateAndTest(ctx context.Context, c *connectorChange, test testFlags) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	before, after := c.before, c.after
	if err := a.checkConnector(c.provider, after, c.secrets); err != nil {
		return err
	}
	seal, err := a.sealing(ctx, store, c.secrets)
	if err != nil {
		return err
	}
	if before.TestEvery != after.TestEvery { // without Temporal nothing is begun
		if _, err := a.dial(ctx); err != nil {
			return err
		}
	}
	if after, err = store.UpdateSealed(ctx, after, seal); err != nil {
		return err
	}
	if test.wanted {
		if _, err := a.connects(ctx, store, after, test); err != nil {
			// Also after Ctrl-C: what was not tested is not kept.
			if uerr := store.RevertConnector(context.WithoutCancel(ctx), before); uerr != nil {
				return errors.Join(err, uerr)
			}
			a.note("connector %s is as before, because the test did not succeed", before.Name)
			return err
		}
	}
	if before.TestEvery != after.TestEvery {
		if err := a.keepTestsInStep(ctx, store, after); err != nil {
			return err
		}
	}
	if a.forTables() {
		a.say("updated connector %s", after.Name)
		if !test.wanted && !(maps.Equal(before.Settings, after.Settings) && maps.Equal(before.Secrets, after.Secrets)) {
			a.say("Test it: %s", a.command("connectors test "+shellWord(after.Name)))
		}
		return nil
	}
	if test.wanted {
		return nil // the checks are the result
	}
	v, err := a.view(ctx, store, after.Name)
	if err != nil {
		return err
	}
	return printOne(a, v, connectorColumns)
}

func newConnectorsRotateSecret(a *app) *cobra.Command {
	var untested bool
	var flags connectorFlags
	test := testFlags{wanted: true}
	cmd := &cobra.Command{
		Use:   "rotate-secret NAME",
		Short: "Give a connector a new secret, and keep the old one unless it connects",
		Long: `Give a connector a new secret. It is given by a file or a reference, taken from
the environment, or asked for unseen; of several secrets, those that are not given
stay. It is tested, and the old one is kept unless the connector connects.
` + connectsHelp + `

Where workers read a secret by a reference, change it there first: then this
command, without any other secret, lets the workers read it again, and tests it.`,
		Example: "  sluice connectors rotate-secret acme\n  sluice connectors rotate-secret acme --client-secret-file ./secret\n  SLUICE_PASSWORD=... sluice connectors rotate-secret acme --no-test",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if untested && test.named() {
				return wrongUsage(cmd, "--no-test tests nothing: leave --all, --application and --kind out")
			}
			test.wanted = !untested
			c, err := a.beginChange(cmd, args[0], &flags, &test)
			if err != nil {
				return err
			}
			if len(c.secrets) == 0 {
				if c.secrets, err = a.findRotated(ctx, c); err != nil {
					return err
				}
			}
			return a.updateAndTest(ctx, c, test)
		},
	}
	a.addNewKey(cmd)
	cmd.Flags().BoolVar(&untested, "no-test", false, "do not test it: keep the new secret in any case")
	test.addChoice(cmd)
	flags.addFields(cmd, func(field source.Field) bool { return field.Secret })
	return cmd
}

// findRotated gets new secrets of a connector; none when all that it has are
// references, which are rotated where they point to.
func (a *app) findRotated(ctx context.Context, c *connectorChange) (map[string]givenSecret, error) {
	var sealed []source.Field
	for _, field := range c.fieldsOfSecrets() {
		if stored := c.after.Secrets[field.Name]; secret.IsReference(stored) {
			a.note("workers read %s at %s, and do so again now", field.Name, harmless(stored))
		} else {
			sealed = append(sealed, field)
		}
	}
	if len(sealed) == 0 && len(c.after.Secrets) > 0 {
		return nil, nil
	}
	return a.findSecrets(ctx, sealed...)
}
