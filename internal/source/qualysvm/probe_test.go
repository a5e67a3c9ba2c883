package qualysvm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

func TestAConnectionTestSaysWhatTheAccountSees(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	checks := v.Probe(t.Context())
	seen := map[string]int64{}
	for _, c := range checks {
		require.Equal(t, source.Healthy, c.Health, "%s: %s", c.Step, c.Message)
		require.NotEmpty(t, c.Message)
		seen[c.Step] = c.Seen
	}
	require.Len(t, checks, 5)
	require.EqualValues(t, 60, seen["hosts"])
	require.EqualValues(t, -1, seen["detections"])
	require.Positive(t, seen["tags in scope"])

	narrow := openAs(t, v.url, pages, account.NarrowName, account.NarrowPassword, nil).Probe(t.Context())
	require.Less(t, narrow[1].Seen, int64(60))
}

func TestAConnectionTestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	checks := openAs(t, v.url, pages, account.DefaultName, "wrong", nil).Probe(t.Context())
	require.Len(t, checks, 1, "a wrong password is offered once")
	require.Equal(t, source.Unauthorised, checks[0].Health)

	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.ErrorBody, Code: "2012", Endpoint: faults.KnowledgeBase}))
	checks = v.Probe(t.Context())
	require.Equal(t, source.NotLicensed, checks[3].Health)
	require.Contains(t, checks[3].Advice, "knowledge base API")
	for i, c := range checks {
		if i != 3 {
			require.Equal(t, source.Healthy, c.Health, c.Step)
		}
	}
}

// TestEachStateOfAnAccountHasAMessageOfItsOwn, under whatever status the vendor
// tells it, and a password that will not do is offered once.
func TestEachStateOfAnAccountHasAMessageOfItsOwn(t *testing.T) {
	t.Parallel()
	cfg := estate
	cfg.Users = append(account.Defaults("id", "secret"),
		simulator.User{Name: "inactive", Password: "p", Inactive: true}, simulator.User{Name: "locked", Password: "p", Locked: true},
		simulator.User{Name: "secureid", Password: "p", SecureID: true},
		simulator.User{Name: "unlicensed", Password: "p", NotLicensed: []account.App{account.VM}})
	for name, c := range map[string]struct {
		user, password string
		health         source.Health
		says, advice   string
	}{
		"wrong password":     {account.DefaultName, "wrong", source.Unauthorised, "2000", "check username and password"},
		"expired":            {account.ExpiredName, account.ExpiredPassword, source.Unauthorised, "the account has expired", "renew"},
		"inactive":           {"inactive", "p", source.Unauthorised, "the account is not active", "activate"},
		"locked":             {"locked", "p", source.Unauthorised, "the account is locked", "unlock"},
		"terms not accepted": {account.NewName, account.NewPassword, source.Unauthorised, "has not accepted the terms", "accept the terms"},
		"SecureID":           {"secureid", "p", source.Unauthorised, "SecureID", "without SecureID"},
		"not licensed":       {"unlicensed", "p", source.NotLicensed, "not licensed", "does not include"},
	} {
		v := simulate(t, cfg, pages, nil)
		checks := openAs(t, v.url, pages, c.user, c.password, nil).Probe(t.Context())
		var first source.Check
		for _, check := range checks {
			if check.Health != source.Healthy {
				first = check
				break
			}
		}
		require.Equal(t, c.health, first.Health, "%s: %+v", name, checks)
		require.Contains(t, first.Message, c.says, name)
		require.Contains(t, first.Advice, c.advice, name)
		if c.health == source.Unauthorised {
			require.Len(t, checks, 1, name)
			require.EqualValues(t, 1, v.Counts().Calls[faults.About], name)
		}
	}
}

func TestTheCardSaysWhatTheKindDoes(t *testing.T) {
	t.Parallel()
	card := qualysvm.New(pages).Card()
	require.Equal(t, "VMDR", card.Application)
	for name, text := range map[string]string{
		"vendor": card.Vendor, "product": card.Product, "category": card.Category, "assets": card.Assets, "findings": card.Findings,
		"version": card.Version, "type": card.IntegrationType, "direction": card.Direction, "delta": card.Delta,
	} {
		require.NotEmpty(t, text, name)
	}
	require.Len(t, card.Authentication, 3)
	require.NotEmpty(t, card.Permissions)
}

func TestSettingsAndFiltersAreChecked(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]string{
		qualys.FieldConcurrency: "11", qualys.FieldPageSize: "0",
	} {
		_, err := qualysvm.New(pages).Open(source.Connection{
			Settings: map[string]string{qualys.FieldPlatform: "US1", qualys.FieldUsername: "u", field: value},
			Secrets:  map[string]string{qualys.FieldPassword: "p"},
		})
		require.ErrorContains(t, err, field)
	}
	kind := qualysvm.New(pages)
	for name, values := range map[string][2][]string{ // right, wrong
		"tags":        {{"Data center", "Production"}, {"a,b", " "}},
		"ids":         {{"1", "5-9"}, {"0", "x", "9-5", "1-2-3", "-1"}},
		"ips":         {{"10.0.0.1", "10.0.0.1-10.0.0.9"}, {"10.0.0.0/8", "host", "10.0.0.9-10.0.0.1", "::1"}},
		"severities":  {{"1", "5"}, {"0", "6", "high"}},
		"statuses":    {{"New", "Active", "Re-Opened", "Fixed"}, {"Closed", "NEW"}},
		"information": {{"true", "false"}, {"yes", "1"}},
		"results":     {{"true", "false"}, {"yes", "1"}},
	} {
		for _, v := range values[0] {
			require.NoError(t, source.CheckFilters(kind, map[string][]string{name: {v}}), v)
		}
		for _, v := range values[1] {
			require.ErrorContains(t, source.CheckFilters(kind, map[string][]string{name: {v}}), "filter "+name, v)
		}
	}
	require.True(t, source.Drifts(kind, map[string][]string{"severities": {"5"}}))
	require.True(t, source.Drifts(kind, map[string][]string{"statuses": {"New", "Active"}}), "one that is absent may be open again")
	require.False(t, source.Drifts(kind, map[string][]string{"tags": {"a"}, "statuses": {"New", "Active", "Re-Opened"}}), "one that is absent is closed")
}

func TestATokenOfAClientIsTaken(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	session, err := qualysvm.New(pages).Open(source.Connection{
		Settings: map[string]string{qualys.FieldBaseURL: v.url, qualys.FieldClientID: simulator.DefaultClientID},
		Secrets:  map[string]string{qualys.FieldClientSecret: simulator.DefaultClientSecret},
	})
	require.NoError(t, err)
	require.Len(t, full(t, session, qualysvm.Host).records, 60)
	v.RevokeTokens()
	require.Equal(t, trueDetections(v, known, false), detectionLines(t, full(t, session, qualysvm.Detection).records))
	for _, c := range session.Probe(t.Context()) {
		require.Equal(t, source.Healthy, c.Health, c.Step)
	}
}
