package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
)

func TestANameAndPasswordGetABareToken(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	user := v.sim.DefaultUser()
	a := v.signIn(user.Name, user.Password)
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, "application/json", a.header.Get("Content-Type"), "though it is none")
	require.Len(t, strings.Split(string(a.body), "."), 3)

	a = v.signIn(user.Name, "guess")
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.JSONEq(t, invalidCredentials, string(a.body))
	require.Equal(t, http.StatusUnauthorized, v.signIn(simulator.DefaultSubscriptionClientID, "").status)
	a = v.post("/auth", "username=a&password=b", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusBadRequest, a.status)
}

func TestFailedSignInsAreCountedByUser(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{WebApps: 1})
	user := v.sim.DefaultUser()
	v.signIn(user.Name, "guess")
	v.ask(account.WAS, basic(user.Name, "guess"))
	v.ask(account.VM, basic(user.Name, "guess"))
	v.ask(account.VM, basic(user.Name, user.Password))
	v.post("/auth/oidc", "", "clientId", user.ClientID, "clientSecret", "guess")
	v.post("/auth/oauth", "", "clientId", simulator.DefaultSubscriptionClientID, "clientSecret", "guess")
	v.post("/auth/oauth", "", "clientId", user.ClientID, "clientSecret", user.ClientSecret) // a client of the other level
	v.signIn("nobody", "guess")
	v.ask(account.VM, "Bearer guess") // no sign-in
	v.ask(account.FIM, basic(user.Name, "guess"))
	want := map[string]int{user.Name: 5, simulator.DefaultSubscriptionClientID: 1, "": 1}
	require.Equal(t, want, v.sim.FailedSignIns())
	require.Equal(t, want, v.state().FailedSignIns)
}

func TestAnAccountLocksAfterFailedSignIns(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{LockAfter: 3})
	user := v.sim.DefaultUser()
	good := basic(user.Name, user.Password)
	fail := func(times int) {
		for range times {
			v.signIn(user.Name, "guess")
		}
	}
	fail(2)
	require.Equal(t, http.StatusOK, v.ask(account.VM, good).status, "begins again")
	fail(2)
	require.Equal(t, http.StatusOK, v.ask(account.VM, good).status)
	require.Equal(t, http.StatusOK, v.ask(account.PM, "Bearer "+v.token).status)
	fail(3)
	for _, c := range []struct {
		app           account.App
		authorization string
		status        int
	}{
		{account.VM, good, 401}, {account.VM, basic(user.Name, "guess"), 401}, {account.VM, "Bearer " + v.token, 401},
		{account.WAS, good, 200}, {account.WAS, "Bearer " + v.token, 401},
		{account.TAS, "Bearer " + v.token, 401}, {account.PM, "Bearer " + v.token, 401},
	} {
		a := v.ask(c.app, c.authorization)
		require.Equal(t, c.status, a.status, c)
		require.Contains(t, string(a.body), "account is locked", c)
	}
	a := v.signIn(user.Name, user.Password)
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Contains(t, string(a.body), "AccountLockedException")
	a = v.post("/auth/oidc", "", "clientId", user.ClientID, "clientSecret", user.ClientSecret)
	require.Contains(t, string(a.body), "AccountLockedException")
	require.Equal(t, map[string]int{user.Name: 7}, v.sim.FailedSignIns(), "what a locked account is offered is not looked at")

	v.control("settings", `{"lockAfter":0}`)
	v.control("users", `{"name":"`+user.Name+`","locked":false}`)
	fail(5)
	require.Equal(t, http.StatusOK, v.ask(account.VM, good).status)
	require.Error(t, v.sim.LockAfter(-1))
}

func TestAnAccountThatWillNotDoGetsNoToken(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	user := v.sim.DefaultUser()
	token := "Bearer " + v.token
	for exception, c := range map[string]struct {
		change   func(*simulator.User)
		byClient bool
		fim      int // with a token from before
	}{
		"AccountExpiredException":       {func(u *simulator.User) { u.Expired = true }, true, 401},
		"AccountDisabledException":      {func(u *simulator.User) { u.Inactive = true }, true, 401},
		"TermsNotAcceptedException":     {func(u *simulator.User) { u.TermsNotAccepted = true }, true, 403},
		"SecondFactorRequiredException": {func(u *simulator.User) { u.SecureID = true }, false, 200},
	} {
		require.NoError(t, v.sim.ChangeUser(user.Name, func(u *simulator.User) { *u = user; c.change(u) }))
		a := v.signIn(user.Name, user.Password)
		require.Equal(t, http.StatusUnauthorized, a.status)
		require.Contains(t, string(a.body), exception)
		a = v.post("/auth/oidc", "", "clientId", user.ClientID, "clientSecret", user.ClientSecret)
		require.Equal(t, c.byClient, strings.Contains(string(a.body), exception), exception)
		require.Equal(t, c.fim, v.ask(account.FIM, token).status, exception)
		require.NotContains(t, string(v.ask(account.WAS, basic(user.Name, user.Password)).body), "SUCCESS", exception)
	}
	require.Equal(t, http.StatusOK, v.ask(account.FIM, "Bearer "+v.subscriptionToken()).status, "a client of the subscription outlives its users")
}

func TestAnotherProcessCanChangeAUser(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	user := v.sim.DefaultUser()
	body := v.control("users", `{"name":"`+user.Name+`","password":"changed","notPermitted":["pm"]}`)
	require.NotContains(t, body, "changed")
	require.Equal(t, http.StatusUnauthorized, v.signIn(user.Name, user.Password).status)
	require.Equal(t, http.StatusCreated, v.signIn(user.Name, "changed").status)
	require.Equal(t, http.StatusForbidden, v.ask(account.PM, "Bearer "+v.token).status)
	v.control("users", `{"name":"`+user.Name+`","notPermitted":[]}`)
	require.Equal(t, http.StatusOK, v.ask(account.PM, "Bearer "+v.token).status)
	v.control("users", `{"name":"`+simulator.DefaultSubscriptionClientID+`","clientSecret":"changed","notLicensed":["fim"]}`)
	a := v.post("/auth/oauth", "", "clientId", simulator.DefaultSubscriptionClientID, "clientSecret", "changed")
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, http.StatusForbidden, v.ask(account.FIM, "Bearer "+string(a.body)).status)

	before := v.sim.Users()
	for body, want := range map[string]string{
		`{"name":"nobody","locked":true}`:                     "there is no user",
		`{"name":"` + user.Name + `","notLicensed":["mail"]}`: "no application",
		`{"name":"` + user.Name + `","lock":true}`:            "unknown field",
		`{"name":"` + user.Name + `","password":""}`:          "needs a name and a password",
	} {
		a := v.post("/simulator/users", body)
		require.Equal(t, http.StatusBadRequest, a.status, body)
		require.Contains(t, string(a.body), want)
	}
	require.Equal(t, before, v.sim.Users())
}
