package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/azure"
	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

func newConnectorsCreate(a *app) *cobra.Command {
	var provider string
	var flags connectorFlags
	var test testFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a connector",
		Long: `Create a connector, with what it signs in by. At Qualys that is a client, or a
user, or both:

  --client-id   with its secret; serves all kinds. TotalAppSec needs a client
  --username    with its password, of an account with API access; serves WAS and
                VM. With both, --authentication says what these two get

At Azure it is an app registration that has the role ` + azure.ReaderRole + `
on the subscriptions: --tenant-id, and --client-id with its secret or certificate.

Whom it talks to follows from the settings that only one provider has, such as
--platform or --tenant-id; otherwise --provider says it.

A secret is never an argument, which others on the machine could read. It is
taken from a file, from the environment, or typed unseen; it is kept sealed. Or
a reference is kept instead, and every worker reads the secret where the
reference says.

With --test, the connector is kept only if it connects.
` + connectsHelp,
		Example: `  sluice connectors create acme --platform EU2 --client-id 4e1c0f --test
  sluice connectors create acme-azure --tenant-id contoso.onmicrosoft.com --client-id 6f1c1a52-0a0b-4c6e-9f53-1f0f3b1f7c11 --test
  sluice connectors create acme-vm --platform EU2 --username acme_api --test --kind qualys-vm
  sluice connectors create acme --base-url https://gateway.qg2.apps.qualys.eu --client-id 4e1c0f --client-secret-file ./secret
  SLUICE_CLIENT_SECRET=... sluice connectors create acme --platform US1 --client-id 4e1c0f
  sluice connectors create acme --platform US1 --client-id 4e1c0f --client-secret-ref env:QUALYS_SECRET
  sluice connectors create acme --platform US1 --username acme_api --password-ref file:/run/secrets/qualys`,
		Args: oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := flags.provider(cmd, provider)
			if err != nil {
				return err
			}
			if err := flags.check(cmd, p); err != nil {
				return err
			}
			if err := test.check(cmd, p); err != nil {
				return err
			}
			draft := catalog.Connector{Name: args[0], Description: flags.description, Provider: p.Name, Active: true, Settings: make(map[string]string)}
			if err := catalog.CheckConnectorName(draft.Name); err != nil {
				return err
			}
			flags.settings(cmd, p, draft.Settings)
			secrets, err := flags.secrets(cmd, a, p, nil)
			if err != nil {
				return err
			}
			if err := a.addMissing(cmd.Context(), p, draft, secrets); err != nil {
				return err
			}
			return a.createAndTest(cmd.Context(), p, draft, secrets, test)
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "whom the connector talks to: "+inWords(providerNames())+"; not needed where the settings given tell")
	test.add(cmd, "test the connection, and keep the connector only if it connects")
	flags.add(cmd)
	return cmd
}

// createAndTest creates a connector and, with test, keeps it only if it
// connects.
func (a *app) createAndTest(ctx context.Context, p source.Provider, draft catalog.Connector, secrets map[string]givenSecret, test testFlags) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	c, err := a.createConnector(ctx, store, p, draft, secrets)
	if err != nil {
		return err
	}
	usable := test.names(c)
	if test.wanted {
		if usable, err = a.connects(ctx, c, test); err != nil {
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
		if !test.wanted {
			a.say("Test it:          %s", a.command("connectors test "+shellWord(c.Name)))
		}
		kind, which := usable[0], ""
		if len(usable) > 1 {
			kind, which = "KIND", fmt.Sprintf("\n(KIND is %s)", inWords(usable))
		}
		a.say("Create a profile: %s%s", a.command(fmt.Sprintf("profiles create NAME --connector %s --kind %s", shellWord(c.Name), kind)), which)
		return nil
	}
	if test.wanted {
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
	if err := a.checkConnector(p, draft, secrets); err != nil {
		return draft, err
	}
	seal, err := a.sealing(secrets)
	if err != nil {
		return draft, err
	}
	return store.CreateConnector(ctx, draft, func(id int64) (map[string]string, error) { return seal(id), nil })
}

// connection is a connector with what is given of its secrets, as a provider
// checks it without using the network.
func connection(c catalog.Connector, secrets map[string]givenSecret) source.Connection {
	const elsewhere = "elsewhere" // it is there; more cannot be checked here
	conn := source.Connection{Connector: c.Name, Settings: c.Settings, Secrets: make(map[string]string)}
	for field := range c.Secrets {
		conn.Secrets[field] = elsewhere
	}
	for field, given := range secrets {
		conn.Secrets[field] = given.plain
		if given.reference != "" && given.plain == "" {
			conn.Secrets[field] = elsewhere
		}
	}
	return conn
}

// checkConnector checks a connector's settings and what is given of its
// secrets without using the network, and says what was put right.
func (a *app) checkConnector(p source.Provider, c catalog.Connector, secrets map[string]givenSecret) error {
	for field, given := range secrets {
		if given.reference != "" && given.plain == "" {
			a.note("%s cannot be read here at %s; the workers must find it there", field, given.reference)
		}
	}
	conn := connection(c, secrets)
	if err := p.Check(conn); err != nil {
		return withFlag(err, p)
	}
	if p.Note != nil {
		if note := p.Note(conn); note != "" {
			a.note("%s", harmless(note))
		}
	}
	return nil
}

// withFlag adds to an error about a setting by which flag it is given.
func withFlag(err error, p source.Provider) error {
	f := fault.As(err)
	if f == nil {
		return err
	}
	for _, field := range p.Fields {
		switch {
		case f.Code != "connector-"+field.Name:
		case field.Secret:
			return fmt.Errorf("%w; give it by --%s-file or --%s-ref", err, flagName(field.Name), flagName(field.Name))
		default:
			return fmt.Errorf("%w; give it by --%s", err, flagName(field.Name))
		}
	}
	return err
}

// sealing returns what makes of given secrets the texts to store for the
// connector with an id. It reads the master key only if something is sealed.
func (a *app) sealing(secrets map[string]givenSecret) (seal func(id int64) map[string]string, err error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	var key secret.Key
	for _, given := range secrets {
		if given.reference == "" {
			if key, err = cfg.MasterKey(); err != nil {
				return nil, err
			}
			if warning := cfg.KeyWarning(); warning != "" {
				a.note("%s", warning)
			}
		}
	}
	return func(id int64) map[string]string {
		stored := make(map[string]string)
		for field, given := range secrets {
			stored[field] = given.reference
			if given.reference == "" {
				stored[field] = key.Seal(secret.Place{ConnectorID: id, Field: field}, given.plain)
			}
		}
		return stored
	}, nil
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
