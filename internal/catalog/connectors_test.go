package catalog_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/catalog"
	"sluice/internal/schedule"
	"sluice/internal/source"
)

func TestConnectors(t *testing.T) {
	store := open(t)
	c := connector(t, store, "tas")
	_, err := store.CreateConnector(t.Context(), catalog.Connector{Name: "tas", Provider: "qualys", Settings: map[string]string{}},
		func(int64) (map[string]string, error) { return nil, nil })
	require.ErrorContains(t, err, "already")
	_, err = store.Connector(t.Context(), "tsa")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.ErrorContains(t, err, "did you mean tas?")

	got, err := store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	require.Equal(t, "US1", got.Settings["platform"])
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.NotContains(t, string(text), "sealed", "not even sealed secrets are shown")

	profile(t, store, c, "nightly")
	require.ErrorContains(t, store.DeleteConnector(t.Context(), "tas"), "nightly")
	require.NoError(t, store.DeleteProfile(t.Context(), "nightly"))
	require.NoError(t, store.DeleteConnector(t.Context(), "tas"))
	list, err := store.Connectors(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestARenamedConnectorKeepsItsIDSecretsAndProfiles(t *testing.T) {
	store := open(t)
	before := connector(t, store, "acme")
	connector(t, store, "other")
	profile(t, store, before, "nightly")
	after, err := store.RenameConnector(t.Context(), "acme", "acme europe")
	require.NoError(t, err)
	require.Equal(t, "acme europe", after.Name)
	require.Equal(t, before.ID, after.ID)
	require.Equal(t, before.Secrets, after.Secrets)
	require.Equal(t, before.Version+1, after.Version, "workers open it anew")
	require.True(t, before.ChangedAt.Equal(after.ChangedAt), "what tests found still holds")
	p, err := store.Profile(t.Context(), "nightly")
	require.NoError(t, err)
	require.Equal(t, "acme europe", p.Connector)

	for _, wrong := range []struct{ old, name, says string }{
		{"acme", "new", `unknown connector "acme" (known: acme europe, other)`},
		{"acme europe", "other", `there is a connector "other" already`},
		{"acme europe", "acme europe", "has that name already"},
		{"acme europe", " x", "cannot be used"},
	} {
		_, err := store.RenameConnector(t.Context(), wrong.old, wrong.name)
		require.ErrorContains(t, err, wrong.says)
	}
}

func TestOnlySettingsAndSecretsMakeTestsWorthless(t *testing.T) {
	store := open(t)
	before := connector(t, store, "acme")
	for _, change := range []struct {
		what    string
		moves   bool
		changed func(*catalog.Connector)
	}{
		{"nothing", false, func(*catalog.Connector) {}},
		{"description", false, func(c *catalog.Connector) { c.Description = "ours" }},
		{"active", false, func(c *catalog.Connector) { c.Active = false }},
		{"retest", false, func(c *catalog.Connector) { c.TestEvery = schedule.Duration(6 * time.Hour) }},
		{"setting", true, func(c *catalog.Connector) { c.Settings = map[string]string{"platform": "EU1"} }},
		{"secret", true, func(c *catalog.Connector) { c.Secrets = map[string]string{"clientSecret": "env:A"} }},
	} {
		c := before
		change.changed(&c)
		require.NoError(t, store.UpdateConnector(t.Context(), c))
		after, err := store.Connector(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, change.moves, after.ChangedAt.After(before.ChangedAt), change.what)
		require.Equal(t, c.TestEvery, after.TestEvery, change.what)
		before = after
	}
}

func TestAnUpdateThatIsNotKeptLeavesNothing(t *testing.T) {
	store := open(t)
	before := connector(t, store, "acme")
	healthy := []source.Check{{Step: "token", Health: source.Healthy, Seen: -1}}
	require.NoError(t, store.SaveChecks(t.Context(), before, "TAS", healthy))
	c := before
	c.Description, c.Settings = "changed", map[string]string{"platform": "EU1"}
	require.NoError(t, store.UpdateConnector(t.Context(), c))
	changed, err := store.Connector(t.Context(), "acme")
	require.NoError(t, err)
	require.NoError(t, store.SaveChecks(t.Context(), changed, "TAS", []source.Check{{Step: "token", Health: source.Unauthorised, Seen: -1}}))
	require.NoError(t, store.RevertConnector(t.Context(), before))

	after, err := store.Connector(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, before.Version+2, after.Version)
	checks, err := store.LatestChecks(t.Context(), before.ID)
	require.NoError(t, err)
	require.Equal(t, source.Healthy, after.Health(checks, nil), "the test from before holds again")
	after.Version, after.UpdatedAt = before.Version, before.UpdatedAt
	require.Equal(t, before, after)
	require.ErrorContains(t, store.RevertConnector(t.Context(), before), "changed or deleted by somebody else")
}

func TestATestOfSettingsThatHaveChangedMeanwhileIsDropped(t *testing.T) {
	store := open(t)
	c := connector(t, store, "acme")
	changed := c
	changed.Settings = map[string]string{"platform": "EU1"}
	require.NoError(t, store.UpdateConnector(t.Context(), changed))
	require.NoError(t, store.SaveChecks(t.Context(), c, "TAS", []source.Check{{Step: "token", Health: source.Healthy, Seen: -1}}))
	checks, err := store.LatestChecks(t.Context(), c.ID)
	require.NoError(t, err)
	require.Empty(t, checks)
	require.NoError(t, store.DeleteConnector(t.Context(), "acme"))
	require.NoError(t, store.SaveChecks(t.Context(), c, "TAS", nil), "nor of one that is gone")
}

func TestTheTimeBetweenTestsHasBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "5m": 5 * time.Minute, "6h": 6 * time.Hour, "30d": 30 * 24 * time.Hour} {
		every, err := catalog.ParseTestEvery(text)
		require.NoError(t, err, text)
		require.Equal(t, want, time.Duration(every))
	}
	for _, wrong := range []string{"4m", "31d", "0s", "-6h", "often", "6"} {
		_, err := catalog.ParseTestEvery(wrong)
		require.ErrorContains(t, err, "give 5m to 30d, such as 6h; empty ends them", wrong)
	}
}

func TestTheHistoryOfTestsIsReadByApplicationNewestFirst(t *testing.T) {
	store := open(t)
	c := connector(t, store, "acme")
	save := func(application string, checks ...source.Check) {
		require.NoError(t, store.SaveChecks(t.Context(), c, application, checks))
	}
	save("TAS", source.Check{Step: "token", Health: source.Unauthorised, Seen: -1})
	save("WAS", source.Check{Step: "applications", Health: source.NotLicensed, Seen: -1})
	save("TAS", source.Check{Step: "token", Health: source.Healthy, Seen: -1, Latency: 5 * time.Millisecond}, source.Check{Step: "applications", Health: source.Healthy, Seen: 7})

	latest, err := store.LatestChecks(t.Context(), c.ID)
	require.NoError(t, err)
	steps := func(checks []catalog.ConnectorCheck) (of []string) {
		for _, check := range checks {
			of = append(of, check.Application+" "+check.Step+" "+string(check.Health))
		}
		return of
	}
	require.Equal(t, []string{"TAS token healthy", "TAS applications healthy", "WAS applications not licensed"}, steps(latest))
	require.Equal(t, int64(-1), latest[0].Seen)
	require.Equal(t, int64(7), latest[1].Seen)
	require.Equal(t, 5*time.Millisecond, latest[0].Latency)

	past := func(f catalog.CheckFilter) []string {
		checks, err := store.Checks(t.Context(), c.ID, f)
		require.NoError(t, err)
		return steps(checks)
	}
	require.Equal(t, []string{"TAS applications healthy", "TAS token healthy", "WAS applications not licensed", "TAS token unauthorised"}, past(catalog.CheckFilter{Limit: 10}))
	require.Equal(t, []string{"TAS applications healthy"}, past(catalog.CheckFilter{Limit: 1}))
	require.Equal(t, []string{"WAS applications not licensed"}, past(catalog.CheckFilter{Application: "WAS", Limit: 10}))
	require.Len(t, past(catalog.CheckFilter{Since: latest[0].At, Limit: 10}), 2)
}

func TestHealthIsThatOfTheApplicationsInUse(t *testing.T) {
	t.Parallel()
	changed := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	c := catalog.Connector{ChangedAt: changed}
	check := func(application string, h source.Health, at time.Time) catalog.ConnectorCheck {
		return catalog.ConnectorCheck{At: at, Application: application, Check: source.Check{Health: h}}
	}
	after, before := changed.Add(time.Minute), changed.Add(-time.Minute)
	mixed := []catalog.ConnectorCheck{
		check("VMDR", source.Healthy, after), check("VMDR", source.Throttled, after),
		check("WAS", source.Healthy, after), check("TAS", source.Unauthorised, after), check("PM", source.NotLicensed, after), check("FIM", source.Healthy, before),
	}
	for _, row := range []struct {
		what   string
		checks []catalog.ConnectorCheck
		used   []string
		want   source.Health
	}{
		{"never tested", nil, nil, source.Unknown},
		{"never tested, in use", nil, []string{"WAS"}, source.Unknown},
		{"no profiles: the best", mixed, nil, source.Healthy},
		{"no profiles, none healthy", mixed[3:5], nil, source.NotLicensed},
		{"one in use", mixed, []string{"WAS"}, source.Healthy},
		{"the worst step counts", mixed, []string{"VMDR"}, source.Throttled},
		{"the worst application in use", mixed, []string{"WAS", "VMDR", "TAS"}, source.Unauthorised},
		{"what is not used does not count", mixed, []string{"WAS", "VMDR"}, source.Throttled},
		{"one in use that was not tested", mixed, []string{"WAS", "ETM"}, source.Unknown},
		{"tested before it changed", mixed, []string{"FIM"}, source.Unknown},
		{"tested before it changed, no profiles", mixed[5:], nil, source.Unknown},
		{"a step of which nothing is known", []catalog.ConnectorCheck{check("WAS", source.Unknown, after), check("WAS", source.Healthy, after)}, []string{"WAS"}, source.Unknown},
	} {
		require.Equal(t, row.want, c.Health(row.checks, row.used), row.what)
	}
}

func TestMoreTestsInUseNeverMakeAConnectorHealthier(t *testing.T) {
	t.Parallel()
	names := []string{"VMDR", "WAS", "TAS"}
	healths := []source.Health{source.Healthy, source.Unauthorised, source.NotLicensed, source.Throttled, source.Unreachable, source.Misconfigured, source.Unknown}
	rapid.Check(t, func(rt *rapid.T) {
		var checks []catalog.ConnectorCheck
		for range rapid.IntRange(0, 6).Draw(rt, "steps") {
			checks = append(checks, catalog.ConnectorCheck{At: time.Unix(1, 0), Application: rapid.SampledFrom(names).Draw(rt, "application"),
				Check: source.Check{Health: rapid.SampledFrom(healths).Draw(rt, "health")}})
		}
		used := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, func(name string) string { return name }).Draw(rt, "used")
		all, first := (catalog.Connector{}).Health(checks, used), (catalog.Connector{}).Health(checks, used[:1])
		require.Equal(rt, all, catalog.Worst(all, first))
		require.Equal(rt, all == source.Healthy, !slices.ContainsFunc(used, func(name string) bool { return catalog.HealthOf(checks, name) != source.Healthy }))
	})
}
