package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

func newProfiles(a *app) *cobra.Command {
	return group("profiles", "What connectors bring in, and how",
		"A profile says which asset types of which kind a connector brings into the\ninventory, by which transform maps, and when to doubt what arrives.",
		newProfilesCreate(a), newProfilesList(a), newProfilesShow(a), newProfilesDelete(a))
}

var profileColumns = []column[catalog.Profile]{
	{"name", func(p catalog.Profile) any { return p.Name }},
	{"connector", func(p catalog.Profile) any { return p.Connector }},
	{"kind", func(p catalog.Profile) any { return p.Kind }},
	{"assetTypes", func(p catalog.Profile) any { return p.AssetTypes }},
	{"active", func(p catalog.Profile) any { return p.Active }},
	{"description", func(p catalog.Profile) any { return p.Description }},
}

var profilePolicyColumns = []column[catalog.Profile]{
	{"maps", func(p catalog.Profile) any { return assignments(p.Maps) }},
	{"fullEvery", func(p catalog.Profile) any { return fmt.Sprintf("%dh", p.FullEveryHours) }},
	{"retireAfter", func(p catalog.Profile) any { return p.RetireAfter }},
	{"shrinkLimit", func(p catalog.Profile) any { return p.ShrinkPercent }},
	{"rejectLimit", func(p catalog.Profile) any { return p.RejectPercent }},
	{"absentFindings", func(p catalog.Profile) any { return p.AbsentFindings }},
	{"createdAt", func(p catalog.Profile) any { return p.CreatedAt }},
}

func newProfilesCreate(a *app) *cobra.Command {
	var (
		connector, kind, description, status string
		assetTypes                           []string
		fullEvery                            time.Duration
	)
	policy := catalog.DefaultPolicy
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a profile",
		Long: `Create a profile. Its name becomes part of workflow ids: small letters, digits,
'.', '_' and '-'. Records are mapped by the default transform map of their asset
type.`,
		Example: `  sluice profiles create acme-apps --connector acme --kind qualys-tas
  sluice profiles create acme-apis --connector acme --kind qualys-tas --asset-types APICOLLECTION --full-every 24h
  sluice profiles create later --connector acme --kind qualys-tas --status inactive`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkProfileFlags(cmd, connector, kind, status, fullEvery, policy); err != nil {
				return err
			}
			if err := catalog.CheckProfileName(args[0]); err != nil {
				return err
			}
			k, err := kinds.Find(kind)
			if err != nil {
				return err
			}
			types, maps, err := chooseAssetTypes(k, assetTypes)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			c, err := store.Connector(ctx, connector)
			if err != nil {
				return err
			}
			if c.Provider != k.Provider() {
				return fmt.Errorf("connector %s talks to %s, kind %s needs one to %s", c.Name, c.Provider, k.Name(), k.Provider())
			}
			policy.FullEveryHours = int32(fullEvery / time.Hour)
			if err := store.CreateProfile(ctx, catalog.Profile{
				Name: args[0], Description: description, ConnectorID: c.ID, Kind: k.Name(), AssetTypes: types, Maps: maps,
				Active: status == "active", Policy: policy,
			}); err != nil {
				return err
			}
			if a.forTables() {
				a.say("created profile %s\nRun it: %s", args[0], a.command("run "+args[0]+" --wait"))
				return nil
			}
			p, err := store.Profile(ctx, args[0])
			if err != nil {
				return err
			}
			return printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&connector, "connector", "", "connector to bring in from")
	flags.StringVar(&kind, "kind", "", "what to bring in: "+strings.Join(kindNames(), ", "))
	flags.StringSliceVar(&assetTypes, "asset-types", nil, "asset types, with commas between (default: all of the kind)")
	flags.StringVar(&description, "description", "", "what the profile is for")
	flags.StringVar(&status, "status", "active", "active or inactive; an inactive profile does not run")
	flags.DurationVar(&fullEvery, "full-every", time.Duration(policy.FullEveryHours)*time.Hour, "age of the last full run at which mode auto reads everything again")
	flags.Int32Var(&policy.RetireAfter, "retire-after", policy.RetireAfter, "further complete full runs after which a stale asset is retired")
	flags.Int32Var(&policy.ShrinkPercent, "shrink-limit", policy.ShrinkPercent, "percent of the known assets that may go stale in one run; more is not believed")
	flags.Int32Var(&policy.RejectPercent, "reject-limit", policy.RejectPercent, "percent of the records that may be rejected; more fails the run")
	flags.StringVar(&policy.AbsentFindings, "absent-findings", policy.AbsentFindings, "what becomes of findings that their asset no longer has: fixed or preserve")
	return cmd
}

func checkProfileFlags(cmd *cobra.Command, connector, kind, status string, fullEvery time.Duration, policy catalog.Policy) error {
	if connector == "" {
		return wrongUsage(cmd, "--connector is missing: the connector to bring in from")
	}
	if kind == "" {
		return wrongUsage(cmd, "--kind is missing: %s", strings.Join(kindNames(), " or "))
	}
	if err := checkOneOf(cmd, "status", status, "active", "inactive"); err != nil {
		return err
	}
	if err := checkOneOf(cmd, "absent-findings", policy.AbsentFindings, "fixed", "preserve"); err != nil {
		return err
	}
	const year = 365 * 24 * time.Hour
	if fullEvery < time.Hour || fullEvery%time.Hour != 0 || fullEvery > year {
		return wrongUsage(cmd, "--full-every %s cannot be used: give whole hours, 1h to %dh", fullEvery, int(year.Hours()))
	}
	if policy.RetireAfter < 0 {
		return wrongUsage(cmd, "--retire-after %d cannot be used: give 0 or more", policy.RetireAfter)
	}
	for _, percent := range []struct {
		flag  string
		value int32
	}{{"shrink-limit", policy.ShrinkPercent}, {"reject-limit", policy.RejectPercent}} {
		if percent.value < 0 || percent.value > 100 {
			return wrongUsage(cmd, "--%s %d cannot be used: give a percentage, 0 to 100", percent.flag, percent.value)
		}
	}
	return nil
}

// chooseAssetTypes finds the named asset types of a kind, all of them when
// none is named, and their default maps.
func chooseAssetTypes(k source.Kind, names []string) ([]string, map[string]string, error) {
	if len(names) == 0 {
		for _, t := range k.AssetTypes() {
			names = append(names, t.Name)
		}
	}
	var types []string
	maps := make(map[string]string)
	for _, name := range names {
		t, err := kinds.AssetType(k, strings.TrimSpace(name))
		if err != nil {
			return nil, nil, err
		}
		if maps[t.Name] == "" { // named twice is meant once
			types, maps[t.Name] = append(types, t.Name), t.Map
		}
	}
	return types, maps, nil
}

func kindNames() []string {
	var names []string
	for _, k := range kinds.All() {
		names = append(names, k.Name())
	}
	return names
}

func newProfilesList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List profiles",
		Example: "  sluice profiles list\n  sluice profiles list --output csv",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			profiles, err := store.Profiles(cmd.Context())
			if err != nil {
				return err
			}
			if len(profiles) == 0 && a.forTables() {
				a.note("no profiles yet: '%s' shows how to make one", a.command("profiles create --help"))
			}
			return printList(a, profiles, profileColumns)
		},
	}
}

func newProfilesShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a profile, and the link that starts it in the Temporal UI",
		Example: "  sluice profiles show acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			p, err := store.Profile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns)); err != nil || !a.forTables() {
				return err
			}
			link, err := a.startLink(p.Name)
			if err != nil {
				return err
			}
			a.say("\nStart it:            %s\nor in a browser at:  %s", a.command("run "+p.Name+" --wait"), link)
			return nil
		},
	}
}

// startLink is where the Temporal UI offers to start a profile's run: its
// form is filled in, and the empty input means the profile of the workflow id.
func (a *app) startLink(profile string) (string, error) {
	cfg, at, err := a.located()
	if err != nil {
		return "", err
	}
	query := url.Values{
		"workflowId":   {workflows.WorkflowID(profile)},
		"taskQueue":    {cfg.TaskQueue},
		"workflowType": {workflows.IngestionType},
	}
	ui := at.UIURL
	if ui == "" {
		ui = "(the address of your Temporal UI)"
	}
	return ui + "/namespaces/" + url.PathEscape(a.namespace(at)) + "/workflows/start-workflow?" + query.Encode(), nil
}

func newProfilesDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a profile; what it brought in stays",
		Long: `Delete a profile. The history of its runs and what they brought into the
inventory stay; 'sluice connectors delete' removes that too.`,
		Example: "  sluice profiles delete acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			if err := store.DeleteProfile(cmd.Context(), args[0]); err != nil {
				return err
			}
			a.note("deleted profile %s", args[0])
			return nil
		},
	}
}
