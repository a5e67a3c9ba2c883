package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/azure"
	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/source/kinds"
)

func newConnectorsCreate(a *app) *cobra.Command {
	var provider, file string
	var flags connectorFlags
	var test testFlags
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Create a connector",
		Long: `Create a connector, with what it signs in by. On a terminal, what is missing is
asked for. At Qualys it signs in as a client, or a user, or both:

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

With --file, the connector is what a file says that 'sluice apply' reads.

With --test, the connector is kept only if it connects.
` + connectsHelp,
		Example: `  sluice connectors create
  sluice connectors create acme --platform EU2 --client-id 4e1c0f --test
  sluice connectors create acme-azure --tenant-id contoso.onmicrosoft.com --client-id 6f1c1a52-0a0b-4c6e-9f53-1f0f3b1f7c11 --test
  sluice connectors create acme-vm --platform EU2 --username acme_api --test --application VMDR
  sluice connectors create acme --base-url https://gateway.qg2.apps.qualys.eu --client-id 4e1c0f --client-secret-file ./secret
  SLUICE_CLIENT_SECRET=... sluice connectors create acme --platform US1 --client-id 4e1c0f --retest 6h
  sluice connectors create acme --platform US1 --client-id 4e1c0f --client-secret-ref env:QUALYS_SECRET
  sluice connectors create acme --platform US1 --username acme_api --password-ref file:/run/secrets/qualys
  sluice connectors create --file acme.yaml --test`,
		Args: atMostOne("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n := newConnector{app: a}
			var err error
			if file != "" {
				err = n.fromFile(cmd, file, args)
			} else {
				err = n.fromFlags(cmd, args, provider, &flags)
			}
			if err != nil {
				return err
			}
			if err := test.check(cmd, n.provider); err != nil {
				return err
			}
			return n.create(cmd.Context(), test)
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "whom the connector talks to: "+inWords(providerNames())+"; not needed where the settings given tell")
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the connector, as 'sluice export --connectors' writes it; - is standard input")
	test.add(cmd, "test the connection, and keep the connector only if it connects")
	flags.add(cmd)
	return cmd
}

// newConnector is a connector that is about to be created.
type newConnector struct {
	app      *app
	provider source.Provider
	draft    catalog.Connector
	secrets  map[string]givenSecret
	asked    bool // a person was asked for some of it
}

// fromFlags takes it from flags, the environment and, on a terminal, a person.
func (n *newConnector) fromFlags(cmd *cobra.Command, args []string, provider string, flags *connectorFlags) (err error) {
	a, ctx := n.app, cmd.Context()
	name := ""
	switch {
	case len(args) == 1:
		name = args[0]
	case !a.asks():
		return oneArgument("connector name")(cmd, args)
	default:
		n.asked = true
		if name, err = a.askName(ctx); err != nil {
			return err
		}
	}
	n.provider, err = flags.provider(cmd, provider)
	if errors.Is(err, errUnclear) && a.asks() {
		n.asked = true
		n.provider, err = a.askProvider(ctx)
	}
	if err != nil {
		return err
	}
	if err := flags.check(cmd, n.provider); err != nil {
		return err
	}
	n.draft = catalog.Connector{Name: name, Description: flags.description, Provider: n.provider.Name, Active: true, Settings: make(map[string]string)}
	if err := catalog.CheckConnectorName(n.draft.Name); err != nil {
		return err
	}
	if err := flags.settings(cmd, a, n.provider, &n.draft); err != nil {
		return err
	}
	if n.secrets, err = flags.secrets(cmd, a, n.provider, nil); err != nil {
		return err
	}
	if !a.asks() {
		return a.addMissing(ctx, n.provider, n.draft, n.secrets)
	}
	i := interview{app: a, provider: n.provider, draft: n.draft, secrets: n.secrets, typed: make(map[string]bool)}
	err = i.complete(ctx)
	n.asked = n.asked || len(i.typed) > 0
	return err
}

// fromFile takes it from a file as 'sluice apply' reads it.
func (n *newConnector) fromFile(cmd *cobra.Command, file string, args []string) error {
	var beside string // a flag that says what the file says
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if known := []string{"file", "test", "all", "application", "kind"}; cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil && !slices.Contains(known, f.Name) {
			beside = f.Name
		}
	})
	if beside != "" {
		return wrongUsage(cmd, "--file says all of the connector: leave --%s out", beside)
	}
	files, err := n.app.readFiles([]string{file})
	if err != nil {
		return err
	}
	documents, err := declare.Parse(files...)
	if err != nil {
		return err
	}
	if len(documents) != 1 || documents[0].Connector == nil {
		return fmt.Errorf("%s has to hold one connector and nothing else; '%s' takes files with more", file, n.app.command("apply -f "+shellWord(file)))
	}
	n.draft = *documents[0].Connector
	if len(args) == 1 && args[0] != n.draft.Name {
		return wrongUsage(cmd, "the connector in %s is called %q, not %q", file, n.draft.Name, args[0])
	}
	if n.provider, err = kinds.FindProvider(n.draft.Provider); err != nil {
		return err
	}
	n.secrets = make(map[string]givenSecret)
	for field, stored := range n.draft.Secrets {
		switch {
		case secret.IsReference(stored):
			n.secrets[field] = givenSecret{plain: n.app.resolve(stored), reference: stored}
		case stored != "":
			return fmt.Errorf("connector %s: %s is sealed for another connector, and sealed text opens nowhere else: give a reference instead, or leave it out and give it by the environment variable %s", n.draft.Name, field, variable(field))
		}
	}
	n.draft.Secrets = nil
	return n.app.addMissing(cmd.Context(), n.provider, n.draft, n.secrets)
}

// create creates the connector and, with test, keeps it only if it connects. A
// person who was asked for it is asked for that too.
func (n *newConnector) create(ctx context.Context, test testFlags) error {
	a := n.app
	if err := a.checkConnector(n.provider, n.draft, n.secrets); err != nil {
		return err
	}
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	if err := a.readyForTests(ctx, n.draft); err != nil {
		return err
	}
	offered := n.asked && !test.wanted && a.forTables()
	if offered {
		answer, err := a.askOne(ctx, "test it now", "yes", "no")
		if err != nil {
			return err
		}
		test.wanted = answer == "yes"
	}
	c, err := a.createConnector(ctx, store, n.draft, n.secrets)
	if err != nil {
		return err
	}
	var usable []string // applications; empty: it was not tested
	if test.wanted {
		if usable, err = a.connects(ctx, store, c, test); err != nil && (!offered || !a.keepsAnyway(ctx)) {
			// Also after Ctrl-C: what was not tested is not kept.
			if derr := store.DeleteConnector(context.WithoutCancel(ctx), c.Name); derr != nil {
				return errors.Join(err, derr)
			}
			a.note("connector %s was not kept, because the test did not succeed", c.Name)
			return err
		}
	}
	if err := a.keepTestsInStep(ctx, store, c); err != nil {
		return err
	}
	if a.forTables() {
		a.say("created connector %s", c.Name)
		a.sayWhatNext(c, usable)
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

// keepsAnyway asks whether a new connector that does not connect is to be kept.
func (a *app) keepsAnyway(ctx context.Context) bool {
	answer, err := a.askOne(ctx, "it does not connect; keep it all the same", "no", "yes")
	return err == nil && answer == "yes"
}

// sayWhatNext tells what can be done with a new connector, by the applications
// that a test found it good for.
func (a *app) sayWhatNext(c catalog.Connector, usable []string) {
	if c.Provider == file.Provider().Name {
		a.say("Propose a map:    %s", a.command("models infer FILE --save"))
		a.say("Create a profile: %s", a.command(fmt.Sprintf("profiles create NAME --connector %s --kind file --map TYPE=MAP", shellWord(c.Name))))
		return
	}
	if len(usable) == 0 {
		a.say("Test it:          %s", a.command("connectors test "+shellWord(c.Name)))
	}
	var names []string // of kinds
	for _, application := range kinds.Applications(c.Provider) {
		if application.Kind != "" && (len(usable) == 0 || slices.Contains(usable, application.Name)) {
			names = append(names, application.Kind)
		}
	}
	switch len(names) {
	case 0:
	case 1:
		a.say("Create a profile: %s", a.command(fmt.Sprintf("profiles create NAME --connector %s --kind %s", shellWord(c.Name), names[0])))
	default:
		a.say("Create a profile: %s\n(KIND is %s)", a.command(fmt.Sprintf("profiles create NAME --connector %s --kind KIND", shellWord(c.Name))), inWords(names))
	}
}
