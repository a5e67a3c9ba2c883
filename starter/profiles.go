package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

func newProfiles(a *app) *cobra.Command {
	return group("profiles", "What connectors bring in, and how",
		"A profile says which asset types of which kind a connector brings into the\ninventory, by which transform maps, when it runs by itself, and when to doubt\nwhat arrives.",
		"  sluice profiles create acme-apps --connector acme --kind qualys-tas\n  sluice profiles update acme-apps --schedule \"daily at 02:30\"",
		newProfilesCreate(a), newProfilesUpdate(a), newProfilesList(a), newProfilesShow(a), newProfilesDelete(a),
		newProfilesActivate(a, true), newProfilesActivate(a, false),
		newProfilesNext(a), newProfilesTrigger(a), newProfilesPause(a), newProfilesResume(a))
}

var profileColumns = []column[catalog.Profile]{
	{"name", func(p catalog.Profile) any { return p.Name }},
	{"connector", func(p catalog.Profile) any { return p.Connector }},
	{"kind", func(p catalog.Profile) any { return p.Kind }},
	{"assetTypes", func(p catalog.Profile) any { return p.AssetTypes }},
	{"filters", func(p catalog.Profile) any { return filtersText(p.Filters) }},
	{"active", func(p catalog.Profile) any { return p.Active }},
	{"schedule", func(p catalog.Profile) any {
		if p.Schedule == nil {
			return ""
		}
		return p.Schedule.String()
	}},
	{"description", func(p catalog.Profile) any { return p.Description }},
}

var profilePolicyColumns = []column[catalog.Profile]{
	{"maps", func(p catalog.Profile) any { return assignments(p.Maps) }},
	{"fullEvery", func(p catalog.Profile) any { return hours(p.FullEveryHours).String() }},
	{"retireAfter", func(p catalog.Profile) any { return p.RetireAfter }},
	{"shrinkLimit", func(p catalog.Profile) any { return p.ShrinkPercent }},
	{"rejectLimit", func(p catalog.Profile) any { return p.RejectPercent }},
	{"absentFindings", func(p catalog.Profile) any { return p.AbsentFindings }},
	{"createdAt", func(p catalog.Profile) any { return p.CreatedAt }},
}

func newProfilesCreate(a *app) *cobra.Command {
	var connector, kind, status string
	var force bool
	var flags profileFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a profile",
		Long: `Create a profile. Its name becomes part of workflow ids: small letters, digits,
'.', '_' and '-'. Records are mapped by the default transform map of their asset
type, or by the one that --map names ('sluice maps list' shows them). Its connector has to be tested before, unless it is created inactive.

` + filtersHelp() + `

` + scheduleHelp,
		Example: `  sluice profiles create acme-apps --connector acme --kind qualys-tas
  sluice profiles create acme-apps --connector acme --kind qualys-tas --schedule "daily at 02:30" --time-zone Europe/Berlin
  sluice profiles create acme-apis --connector acme --kind qualys-tas --asset-types APICOLLECTION --full-every 24h
  sluice profiles create acme-web --connector acme --kind qualys-was --filter severities=4,5 --filter tags=prod
  sluice profiles create acme-cloud --connector acme-azure --kind azure-apim --filter services=apim-prod
  sluice profiles create lab-hosts --connector lab --kind file --map HOST=lab-hosts
  sluice profiles create later --connector acme --kind qualys-tas --status inactive`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNewProfile(cmd, connector, kind, status); err != nil {
				return err
			}
			if err := flags.check(cmd); err != nil {
				return err
			}
			if err := catalog.CheckProfileName(args[0]); err != nil {
				return err
			}
			spec, err := flags.schedule.over(cmd, nil)
			if err != nil {
				return err
			}
			k, err := kinds.Find(kind)
			if err != nil {
				return err
			}
			if len(flags.assetTypes) == 0 && source.ReadsUploads(k) {
				flags.assetTypes = flags.maps.types()
			}
			types, maps, err := chooseAssetTypes(k, flags.assetTypes)
			if err != nil {
				return err
			}
			filters, err := flags.filters.over(cmd, k, nil)
			if err != nil {
				return err
			}
			if err := flags.maps.find(cmd, a); err != nil {
				return err
			}
			if maps, err = flags.maps.over(cmd, k, maps); err != nil {
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
			if spec != nil && source.ReadsUploads(k) {
				return errNoSchedule(k)
			}
			if c.Provider != k.Provider() {
				return fmt.Errorf("connector %s talks to %s, kind %s needs one to %s", c.Name, c.Provider, k.Name(), k.Provider())
			}
			if status == "active" {
				if err := a.checkTested(ctx, store, c, force); err != nil {
					return err
				}
				if err := a.warnUnhealthy(ctx, store, c, k.Name()); err != nil {
					return err
				}
			}
			if spec != nil { // without Temporal nothing is begun
				if _, err := a.dial(ctx); err != nil {
					return err
				}
			}
			if err := store.CreateProfile(ctx, catalog.Profile{
				Name: args[0], Description: flags.description, ConnectorID: c.ID, Kind: k.Name(), AssetTypes: types, Maps: maps, Filters: filters,
				Active: status == "active", Schedule: spec, Policy: flags.policy,
			}); err != nil {
				return a.adviseRivals(err)
			}
			p, err := store.Profile(ctx, args[0])
			if err != nil {
				return err
			}
			if spec != nil {
				if err := a.keepInStep(ctx, store, p); err != nil {
					return err
				}
			}
			if a.forTables() {
				if p.Active && source.ReadsUploads(k) {
					a.say("created profile %s\nImport a file: %s", p.Name, a.command("import FILE --profile "+p.Name+" --wait"))
				} else if p.Active {
					a.say("created profile %s\nRun it: %s", p.Name, a.command("run "+p.Name+" --wait"))
				} else {
					a.say("created profile %s, which is inactive\nLet it run: %s", p.Name, a.command("profiles activate "+p.Name))
				}
				a.noteAssetTypes(p)
				a.noteSchedule(p)
				a.noteDisabled(p)
				return nil
			}
			return printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns))
		},
	}
	cmd.Flags().StringVar(&connector, "connector", "", "connector to bring in from")
	cmd.Flags().StringVar(&kind, "kind", "", "what to bring in: "+strings.Join(kindNames(), ", "))
	cmd.Flags().StringVar(&status, "status", "active", "active or inactive; an inactive profile does not run")
	cmd.Flags().BoolVar(&force, "force", false, "make it active although its connector was never tested")
	flags.add(cmd)
	return cmd
}

func checkNewProfile(cmd *cobra.Command, connector, kind, status string) error {
	if connector == "" {
		return wrongUsage(cmd, "--connector is missing: the connector to bring in from")
	}
	if kind == "" {
		return wrongUsage(cmd, "--kind is missing: %s", inWords(kindNames()))
	}
	return checkOneOf(cmd, "status", status, "active", "inactive")
}

// chooseAssetTypes finds the named asset types of a kind, all of them that have
// a default map when none is named, and their default maps.
func chooseAssetTypes(k source.Kind, names []string) ([]string, map[string]string, error) {
	if len(names) == 0 {
		for _, t := range k.AssetTypes() {
			if t.Map != "" {
				names = append(names, t.Name)
			}
		}
	}
	var types []string
	maps := make(map[string]string)
	for _, name := range names {
		t, err := kinds.AssetType(k, strings.TrimSpace(name))
		if err != nil {
			return nil, nil, err
		}
		if _, named := maps[t.Name]; !named { // named twice is meant once
			types, maps[t.Name] = append(types, t.Name), t.Map
		}
	}
	return types, maps, nil
}

// noteAssetTypes says what a profile goes without, where that is not plain to
// see.
func (a *app) noteAssetTypes(p catalog.Profile) {
	k, err := kinds.Find(p.Kind)
	if err != nil || !a.forTables() {
		return
	}
	missing := make(map[source.Role][]string)
	has := make(map[source.Role]bool)
	for _, t := range k.AssetTypes() {
		if slices.Contains(p.AssetTypes, t.Name) {
			has[t.Role] = true
		} else {
			missing[t.Role] = append(missing[t.Role], t.Name)
		}
	}
	if !has[source.Findings] {
		return
	}
	if without := missing[source.Assets]; len(without) > 0 {
		a.note("Without %s, an asset is known by what its findings say of it, and one that is gone is not noticed,\nunless another profile of connector %s brings them in.", strings.Join(without, " and "), p.Connector)
	}
	if without := missing[source.Reference]; len(without) > 0 {
		a.note("Without %s, findings have their QID and not what it stands for,\nunless another profile of connector %s brings it in.", strings.Join(without, " and "), p.Connector)
	}
}

// inWords lists alternatives: "a, b or c".
func inWords(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func kindNames() []string {
	var names []string
	for _, k := range kinds.All() {
		names = append(names, k.Name())
	}
	return names
}

const noProfiles = "no profiles yet: '%s' shows how to make one"

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
			return printListOr(a, profiles, profileColumns, noProfiles, a.command("profiles create --help"))
		},
	}
}
