package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// fieldFlags are the flags of a provider's field.
type fieldFlags struct {
	value           string // of a field that is no secret
	file, reference string // of a secret
}

func newConnectorsCreate(a *app) *cobra.Command {
	var provider, description string
	var test bool
	fields := make(map[string]*fieldFlags)
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a connector",
		Long: `Create a connector.

A secret is never an argument, which others on the machine could read. It is
taken from a file, from the environment, or typed unseen; it is kept sealed. Or
a reference is kept instead, and every worker reads the secret where the
reference says.

With --test, the connector is kept only if it connects.`,
		Example: `  sluice connectors create acme --platform EU2 --client-id 4e1c0f --test
  sluice connectors create acme --base-url https://gateway.qg2.apps.qualys.eu --client-id 4e1c0f --client-secret-file ./secret
  SLUICE_CLIENT_SECRET=... sluice connectors create acme --platform US1 --client-id 4e1c0f
  sluice connectors create acme --platform US1 --client-id 4e1c0f --client-secret-ref env:QUALYS_SECRET`,
		Args: oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := chooseProvider(provider)
			if err != nil {
				return err
			}
			if err := checkFields(cmd, p); err != nil {
				return err
			}
			draft := catalog.Connector{Name: args[0], Description: description, Provider: p.Name, Active: true, Settings: make(map[string]string)}
			if err := catalog.CheckConnectorName(draft.Name); err != nil {
				return err
			}
			secrets := make(map[string]givenSecret)
			for _, f := range p.Fields {
				given := fields[f.Name]
				if !f.Secret {
					if given.value != "" {
						draft.Settings[f.Name] = given.value
					}
					continue
				}
				if secrets[f.Name], err = a.readSecret(f, given.file, given.reference); err != nil {
					return err
				}
			}
			return a.createAndTest(cmd.Context(), p, draft, secrets, test)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&provider, "provider", "", "whom the connector talks to (default: the only one there is)")
	flags.StringVar(&description, "description", "", "what the connector is for")
	flags.BoolVar(&test, "test", false, "test the connection, and keep the connector only if it connects")
	for _, p := range kinds.Providers() {
		for _, f := range p.Fields {
			if fields[f.Name] != nil {
				continue // another provider has it too
			}
			given := &fieldFlags{}
			fields[f.Name] = given
			name := flagName(f.Name)
			if f.Secret {
				flags.StringVar(&given.file, name+"-file", "", "file with the "+f.Help+"; - is standard input")
				flags.StringVar(&given.reference, name+"-ref", "", "where workers find it: env:NAME or file:PATH")
				continue
			}
			flags.StringVar(&given.value, name, "", f.Help)
		}
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for name := range fields {
			if flag := flagName(name); strings.HasSuffix(err.Error(), "unknown flag: --"+flag) {
				return wrongUsage(cmd, "--%s does not exist: what is given as an argument can be read by others; use --%s-file or the environment variable %s", flag, flag, variable(name))
			}
		}
		return wrongUsage(cmd, "%w", err)
	})
	return cmd
}

// chooseProvider finds the provider; without a name, the only one.
func chooseProvider(name string) (source.Provider, error) {
	if all := kinds.Providers(); name == "" && len(all) == 1 {
		return all[0], nil
	}
	return kinds.FindProvider(name)
}

// checkFields refuses flags that belong to another provider, and says what is
// missing.
func checkFields(cmd *cobra.Command, p source.Provider) error {
	own := make(map[string]bool)
	for _, f := range p.Fields {
		own[f.Name] = true
		if flag := flagName(f.Name); f.Required && !f.Secret && !cmd.Flags().Changed(flag) {
			return wrongUsage(cmd, "--%s is missing: the %s", flag, f.Help)
		}
	}
	for _, other := range kinds.Providers() {
		for _, f := range other.Fields {
			if flag := flagName(f.Name); !own[f.Name] && cmd.Flags().Changed(flag) {
				return wrongUsage(cmd, "--%s is not a setting of provider %s", flag, p.Name)
			}
		}
	}
	return nil
}

// createAndTest creates a connector and, with test, keeps it only if every
// kind of its provider connects.
func (a *app) createAndTest(ctx context.Context, p source.Provider, draft catalog.Connector, secrets map[string]givenSecret, test bool) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	c, err := a.createConnector(ctx, store, p, draft, secrets)
	if err != nil {
		return err
	}
	if test {
		if err := a.testConnector(ctx, c); err != nil {
			// Also after Ctrl-C: what was not tested is not kept.
			if derr := store.DeleteConnector(context.WithoutCancel(ctx), c.Name); derr != nil {
				return errors.Join(err, derr)
			}
			a.note("connector %s was not kept, because the test did not succeed", c.Name)
			return err
		}
	}
	if a.forTables() {
		a.say("created connector %s", c.Name)
		if !test {
			a.say("Test it:          %s", a.command("connectors test "+shellWord(c.Name)))
		}
		a.say("Create a profile: %s", a.command(fmt.Sprintf("profiles create NAME --connector %s --kind %s", shellWord(c.Name), kindsOf(p.Name)[0].Name())))
		return nil
	}
	if test {
		return nil // the checks are the result
	}
	v, err := viewConnector(ctx, store, c, nil)
	if err != nil {
		return err
	}
	return printOne(a, v, connectorColumns)
}

// createConnector checks and stores a connector, with its secrets sealed or
// as references.
func (a *app) createConnector(ctx context.Context, store *catalog.Store, p source.Provider, draft catalog.Connector, secrets map[string]givenSecret) (catalog.Connector, error) {
	conn := source.Connection{Connector: draft.Name, Settings: draft.Settings, Secrets: make(map[string]string)}
	for field, given := range secrets {
		conn.Secrets[field] = given.plain
		if given.reference != "" && given.plain == "" {
			a.note("%s cannot be read here at %s; the workers must find it there", field, given.reference)
			conn.Secrets[field] = "elsewhere" // it is there; more cannot be checked here
		}
	}
	if err := p.Check(conn); err != nil {
		return draft, err
	}
	cfg, err := a.config()
	if err != nil {
		return draft, err
	}
	var key secret.Key
	for _, given := range secrets {
		if given.reference == "" {
			if key, err = cfg.MasterKey(); err != nil {
				return draft, err
			}
		}
	}
	return store.CreateConnector(ctx, draft, func(id int64) (map[string]string, error) {
		stored := make(map[string]string)
		for field, given := range secrets {
			stored[field] = given.reference
			if given.reference == "" {
				stored[field] = key.Seal(secret.Place{ConnectorID: id, Field: field}, given.plain)
			}
		}
		return stored, nil
	})
}

// kindsOf lists the kinds of a provider.
func kindsOf(provider string) []source.Kind {
	var of []source.Kind
	for _, k := range kinds.All() {
		if k.Provider() == provider {
			of = append(of, k)
		}
	}
	return of
}
