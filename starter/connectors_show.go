package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// connectorView is a connector as it is shown: secrets only by where they are.
type connectorView struct {
	catalog.Connector
	Secrets map[string]string `json:"secrets"` // field -> "sealed", or a reference env:NAME or file:PATH
	// Health is catalog.Connector.Health of the last tests, for the applications
	// that its profiles use.
	Health   source.Health `json:"health"`
	TestedAt *time.Time    `json:"testedAt"`
	// Changed: its settings or secrets have changed since its last test.
	Changed      bool              `json:"changedSinceTest"`
	Applications []applicationView `json:"applications"`
	Checks       []checkView       `json:"checks,omitempty"`
	Profiles     []string          `json:"profiles"`
	// Warning is what has to be said of its settings.
	Warning string `json:"warning,omitempty"`
}

// applicationView is what the last test of one application found.
type applicationView struct {
	Application string        `json:"application"`
	Used        bool          `json:"used"` // by a profile
	Health      source.Health `json:"health"`
	TestedAt    *time.Time    `json:"testedAt"`
	Changed     bool          `json:"changedSinceTest"`
	LatencyMS   int64         `json:"latencyMs"` // of all steps
	Message     string        `json:"message"`   // of the worst step; when all are healthy, of the last
	Advice      string        `json:"advice"`
}

var connectorColumns = []column[connectorView]{
	{"name", func(c connectorView) any { return c.Name }},
	{"provider", func(c connectorView) any { return c.Provider }},
	{"health", func(c connectorView) any { return string(c.Health) }},
	{"applications", func(c connectorView) any {
		var parts []string
		for _, v := range c.Applications {
			if v.Changed && !v.Used {
				continue // nothing is known of it as it is now
			}
			parts = append(parts, v.Application+" "+string(v.Health))
		}
		return strings.Join(parts, ", ")
	}},
	{"testedAt", func(c connectorView) any { return c.TestedAt }},
	{"untested", func(c connectorView) any { return c.untested() }},
	{"retest", func(c connectorView) any { return retestText(c.Connector) }},
	{"active", func(c connectorView) any { return c.Active }},
	{"network", func(c connectorView) any { return c.network() }},
	{"settings", func(c connectorView) any { return assignments(c.Settings) }},
	{"profiles", func(c connectorView) any { return c.Profiles }},
	{"description", func(c connectorView) any { return c.Description }},
}

// untested says why nothing is known of a connector as it is now; empty when it
// was tested.
func (c connectorView) untested() string {
	switch {
	case c.TestedAt == nil:
		return "never tested"
	case c.Changed:
		return "changed since its last test"
	}
	return ""
}

// retestText is how often a connector is tested by itself; empty: never.
func retestText(c catalog.Connector) string {
	if c.TestEvery.IsZero() {
		return ""
	}
	return "every " + c.TestEvery.String()
}

// network says how the vendor is reached, where that is not directly.
func (c connectorView) network() string {
	var parts []string
	if c.Warning != "" {
		parts = append(parts, "CERTIFICATE NOT CHECKED (ipRestricted)")
	}
	if pool := c.Settings[source.FieldPool]; pool != "" {
		parts = append(parts, "worker pool "+pool)
	}
	if proxy := c.Settings[source.FieldProxyURL]; proxy != "" {
		parts = append(parts, "proxy "+proxy)
	}
	return strings.Join(parts, ", ")
}

// assignments writes settings as "baseURL=... clientId=...", sorted; those of
// several lines are short.
func assignments(settings map[string]string) string {
	var parts []string
	for name, value := range settings {
		parts = append(parts, name+"="+declare.Short(value))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// viewConnector gathers what is shown of a connector.
func viewConnector(ctx context.Context, store *catalog.Store, c catalog.Connector, profiles []catalog.Profile) (connectorView, error) {
	v := connectorView{Connector: c, Secrets: make(map[string]string), Profiles: []string{}, Warning: source.Warning(source.Connection{Settings: c.Settings})}
	for field, stored := range c.Secrets {
		v.Secrets[field] = "sealed"
		if secret.IsReference(stored) {
			v.Secrets[field] = stored
		}
	}
	for _, p := range profiles {
		if p.ConnectorID == c.ID {
			v.Profiles = append(v.Profiles, p.Name)
		}
	}
	used := usedApplications(profiles, c)
	checks, err := store.LatestChecks(ctx, c.ID)
	if err != nil {
		return v, err
	}
	v.Health = c.Health(checks, used)
	v.Changed = len(checks) > 0 && len(c.Tested(checks)) == 0
	v.Applications = viewApplications(c, checks, used)
	for _, a := range v.Applications {
		for _, check := range checks {
			if check.Application != a.Application {
				continue
			}
			if v.TestedAt == nil || v.TestedAt.Before(check.At) {
				v.TestedAt = &check.At
			}
			v.Checks = append(v.Checks, viewCheck(check, c.ChangedAt))
		}
	}
	return v, nil
}

// viewApplications sums up the last test of each application that was tested or
// that a profile uses, in the order in which a provider's are shown.
func viewApplications(c catalog.Connector, checks []catalog.ConnectorCheck, used []string) []applicationView {
	var names []string
	for _, a := range kinds.Applications(c.Provider) {
		names = append(names, a.Name)
	}
	for _, check := range checks { // of another version of Sluice
		if !slices.Contains(names, check.Application) {
			names = append(names, check.Application)
		}
	}
	views := []applicationView{}
	for _, name := range names {
		v := applicationView{Application: name, Used: slices.Contains(used, name), Health: catalog.HealthOf(c.Tested(checks), name)}
		worst := catalog.HealthOf(checks, name)
		for _, check := range checks {
			if check.Application != name {
				continue
			}
			v.TestedAt, v.Changed = &check.At, check.At.Before(c.ChangedAt)
			v.LatencyMS += check.Latency.Milliseconds()
			if worst == source.Healthy || check.Health == worst && v.Message == "" {
				v.Message, v.Advice = check.Message, check.Advice
			}
		}
		if v.Used || v.TestedAt != nil {
			views = append(views, v)
		}
	}
	return views
}

func newConnectorsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List connectors with their health",
		Long: `List connectors with their health: that of the worst of the vendor's applications
that their profiles use or, without profiles, of the best one tested. Tests from
before settings or secrets changed do not count.`,
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
				a.warn(v)
				views = append(views, v)
			}
			return printListOr(a, views, withoutEmpty(a, views, connectorColumns, "applications", "untested", "retest", "network"),
				"no connectors yet: '%s' shows how to make one", a.command("connectors create --help"))
		},
	}
}

// warn says loudly what has to be said of a connector's settings.
func (a *app) warn(v connectorView) {
	if v.Warning != "" && a.forTables() {
		a.note("connector %s: %s", v.Name, harmless(v.Warning))
	}
}

func newConnectorsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a connector and what the last test of each application found",
		Example: "  sluice connectors show acme",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			v, err := a.view(ctx, store, args[0])
			if err != nil {
				return err
			}
			a.warn(v)
			columns := slices.Concat(connectorColumns, []column[connectorView]{
				{"secrets", func(c connectorView) any { return assignments(c.Secrets) }},
				{"createdAt", func(c connectorView) any { return c.CreatedAt }},
				{"updatedAt", func(c connectorView) any { return c.UpdatedAt }},
				{"changedAt", func(c connectorView) any { return c.ChangedAt }},
			})
			if err := printOne(a, v, columns); err != nil || !a.forTables() {
				return err
			}
			if why := v.untested(); why != "" {
				a.note("%s: '%s' tests it", why, a.command("connectors test "+shellWord(v.Name)))
			}
			if len(v.Checks) == 0 {
				return nil
			}
			a.say("")
			return a.printChecks(v.Checks)
		},
	}
}

// view is the connector of that name as it is shown.
func (a *app) view(ctx context.Context, store *catalog.Store, name string) (connectorView, error) {
	c, err := store.Connector(ctx, name)
	if err != nil {
		return connectorView{}, err
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return connectorView{}, err
	}
	return viewConnector(ctx, store, c, profiles)
}
