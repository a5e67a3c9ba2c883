package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/source"
)

func TestAConnectorIsCreatedTestedShownAndDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, name := h.withConnector(smallEstate)

	before := okJSON[connectorView](h, "connectors", "show", name)
	require.Equal(t, source.Unknown, before.Health)
	require.Equal(t, map[string]string{"clientSecret": "sealed"}, before.Secrets)

	table := h.ok("connectors", "test", name, "--kind", "qualys-tas")
	require.Regexp(t, `TAS +TAS applications +healthy +30 +\d+ +answered, and shows 30 records`, table)
	require.Regexp(t, `TAS +TAS API collections +healthy +10 +\d+`, table)

	after := okJSON[[]connectorView](h, "connectors", "list")
	require.Len(t, after, 1)
	require.Equal(t, source.Healthy, after[0].Health)
	require.NotNil(t, after[0].TestedAt)
	require.Contains(t, h.ok("connectors", "logs", name), "connection test: TAS: TAS applications healthy")

	h.ok("connectors", "delete", name)
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"))
}

func TestASecretIsTakenFromWhereOthersCannotReadItAndNeverShownAgain(t *testing.T) {
	t.Parallel()
	const plain = simulator.DefaultClientSecret
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(plain+"\n"), 0o600))

	for _, way := range []struct {
		name, in, stored string
		env              environment
		args             []string
	}{
		{name: "file", args: []string{"--client-secret-file", file}, stored: "sealed"},
		{name: "standard input", args: []string{"--client-secret-file", "-"}, in: plain + "\n", stored: "sealed"},
		{name: "environment", env: environment{"SLUICE_CLIENT_SECRET": plain}, stored: "sealed"},
		{name: "reference", args: []string{"--client-secret-ref", "file:" + file}, stored: "file:" + file},
	} {
		t.Run(way.name, func(t *testing.T) {
			name := h.name + " " + way.name
			created := h.runWith(t.Context(), way.env, strings.NewReader(way.in),
				append([]string{"connectors", "create", name, "--base-url", baseURL, "--client-id", simulator.DefaultClientID, "--test"}, way.args...)...)
			require.Zero(t, created.code, created.err)
			require.Equal(t, way.stored, okJSON[connectorView](h, "connectors", "show", name).Secrets["clientSecret"])

			said := created.out + created.err
			for _, format := range []string{formatTable, formatJSON, formatNDJSON, formatCSV} {
				for _, args := range [][]string{{"connectors", "list"}, {"connectors", "show", name}, {"connectors", "logs", name}, {"connectors", "test", name}} {
					r := h.run(append(args, "--output", format, "--log-level", "debug")...)
					require.Zero(t, r.code, r.err)
					said += r.out + r.err
				}
			}
			require.NotContains(t, said, plain)
			var stored string
			require.NoError(t, h.open().Pool().QueryRow(t.Context(),
				"SELECT string_agg(c::text, '') || coalesce((SELECT string_agg(l::text, '') FROM log l), '') FROM connectors c").Scan(&stored))
			require.NotContains(t, stored, plain)
		})
	}
}

func TestASecretAsAnArgumentIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, args := range [][]string{
		{"--client-secret", "hunter2hunter2"},
		{"--client-secret=hunter2hunter2"},
		{"--client-secret-ref", "hunter2hunter2"},
	} {
		r := h.run(append([]string{"connectors", "create", "acme", "--platform", "US1", "--client-id", "x"}, args...)...)
		require.NotZero(t, r.code)
		require.NotContains(t, r.out+r.err, "hunter2")
		require.Contains(t, r.err, "secret")
	}
}

func TestWithTestOnlyWhatConnectsIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	name := h.name + "-acme"
	for _, trouble := range []struct{ what, clientID, secret, baseURL, says string }{
		{"a wrong secret", simulator.DefaultClientID, "wrong", baseURL, "unauthorised"},
		{"a subscription-level client", simulator.DefaultSubscriptionClientID, simulator.DefaultSubscriptionClientSecret, baseURL, "user-level"},
		{"nobody at the address", simulator.DefaultClientID, simulator.DefaultClientSecret, "http://127.0.0.1:1", "unreachable"},
	} {
		t.Run(trouble.what, func(t *testing.T) {
			r := h.runWith(t.Context(), environment{"SLUICE_CLIENT_SECRET": trouble.secret}, strings.NewReader(""),
				"connectors", "create", name, "--base-url", trouble.baseURL, "--client-id", trouble.clientID, "--test")
			require.Equal(t, exitFailure, r.code)
			require.Contains(t, r.out, trouble.says)
			require.Contains(t, r.err, "was not kept")
			require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"))
		})
	}
}

func TestATestWithoutAWorkerSaysSoInsteadOfHanging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, name := h.withConnector(smallEstate)
	r := h.run("connectors", "test", name)
	require.Equal(t, exitFailure, r.code)
	require.Equal(t, `sluice: no worker answers on task queue "`+h.name+`": start one with 'sluice dev', or sluice-worker`+"\n", r.err)
}

func TestConnectorsTestFailsWhenSomethingIsNotHealthy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, name := h.withConnector(smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "http-error", Status: 503, Endpoint: "api-collections"}))
	r := h.run("connectors", "test", name, "--output", "json")
	require.Equal(t, exitFailure, r.code)
	var checks []checkView
	require.NoError(t, json.Unmarshal([]byte(r.out), &checks))
	found := make(map[string]checkView) // by step
	for _, check := range checks {
		found[check.Step] = check
	}
	require.Equal(t, source.Healthy, found["TAS applications"].Health)
	require.NotEqual(t, source.Healthy, found["TAS API collections"].Health)
	require.NotEmpty(t, found["TAS API collections"].Advice)
}

func TestAConnectorWithAssetsIsDeletedOnlyOnPurpose(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")

	r := h.run("connectors", "delete", connector, "--yes")
	require.Contains(t, r.err, "is used by ["+profile+"]: delete these profiles first")
	h.ok("profiles", "delete", profile)

	r = h.run("connectors", "delete", connector)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "add --yes")
	require.Contains(t, h.ok("assets", "list"), connector)

	h.ok("connectors", "delete", connector, "--yes")
	require.Empty(t, h.ok("assets", "list"))
}

func TestFieldsHaveFlagsInTheWayOfTheCommandLine(t *testing.T) {
	for field, flag := range map[string]string{"baseURL": "base-url", "clientId": "client-id", "platform": "platform", "clientSecret": "client-secret"} {
		require.Equal(t, flag, flagName(field))
	}
	require.Equal(t, "SLUICE_CLIENT_SECRET", variable("clientSecret"))
}

func TestWhatIsNotTestedBecauseOfCtrlCIsNotKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t) // without a worker, so that the test waits
	_, baseURL := vendor(t, smallEstate)
	h.env["SLUICE_CLIENT_SECRET"] = simulator.DefaultClientSecret
	ctx, interrupt := context.WithCancel(t.Context())
	name := h.name + "-acme"
	done, _, _ := h.inBackground(ctx, "connectors", "create", name, "--base-url", baseURL, "--client-id", simulator.DefaultClientID, "--test")
	require.Eventually(t, func() bool { return len(okJSON[[]connectorView](h, "connectors", "list")) == 1 }, within, every)
	interrupt()
	r := <-done
	require.Equal(t, exitInterrupted, r.code, r.err)
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"))
}

func TestAConnectorIsChangedAndOnlyIfItConnectsWhenItIsTested(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	first := okJSON[connectorView](h, "connectors", "show", connector)
	secretIs := func(value string) environment { return environment{"SLUICE_CLIENT_SECRET": value} }

	wrong := h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "update", connector, "--new-secret", "--description", "changed", "--test")
	require.Equal(t, exitFailure, wrong.code)
	require.Contains(t, wrong.err, "is as before, because the test did not succeed")
	require.Equal(t, first.Description, okJSON[connectorView](h, "connectors", "show", connector).Description)
	h.ok("connectors", "test", connector)

	// A secret in the environment is not taken unless that is said.
	kept := h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "update", connector, "--description", "changed", "--page-size", "7", "--test")
	require.Zero(t, kept.code, kept.out+kept.err)
	after := okJSON[connectorView](h, "connectors", "show", connector)
	require.Equal(t, "changed", after.Description)
	require.Equal(t, "7", after.Settings["pageSize"])
	require.Equal(t, first.Settings["clientId"], after.Settings["clientId"])
	require.Greater(t, after.Version, first.Version)

	require.Zero(t, h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "update", connector, "--new-secret", "--page-size", "").code)
	require.NotContains(t, okJSON[connectorView](h, "connectors", "show", connector).Settings, "pageSize")
	require.Equal(t, exitFailed, h.run("run", profile, "--wait").code, "the old secret is still used")
	require.Zero(t, h.runWith(t.Context(), secretIs(simulator.DefaultClientSecret), nil, "connectors", "update", connector, "--new-secret").code)
	require.Zero(t, h.run("run", profile, "--wait").code)

	require.Contains(t, h.run("connectors", "update", connector).err, "there is nothing to change")
	require.Contains(t, h.run("connectors", "update", connector, "--platform", "US9").err, "US9")
	require.Contains(t, h.run("connectors", "update", connector, "--client-secret-file", "x", "--client-secret-ref", "env:X").err, "give only one of them")
}

func TestWhatWasPutRightInAConnectorsAddressIsSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.runWith(t.Context(), environment{"SLUICE_CLIENT_SECRET": "x"}, nil,
		"connectors", "create", "acme", "--base-url", "https://qualysguard.qg2.apps.qualys.eu", "--client-id", "x")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "https://gateway.qg2.apps.qualys.eu is used instead")
	require.Contains(t, h.ok("connectors", "create", "--help"), "US1, US2, US3")
}

func TestATestMintsATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, name := h.withConnector(smallEstate)
	h.ok("connectors", "test", name)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "http-error", Status: 503, Endpoint: "token"}))
	r := h.run("connectors", "test", name)
	require.Equal(t, exitFailure, r.code, "the token of the first test says nothing about now")
	require.Regexp(t, `token +unreachable`, r.out)
}

func TestAConnectorWhoseSecretCannotBeReadIsMisconfigured(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	name := h.name + "-acme"
	missing := filepath.Join(t.TempDir(), "missing")
	h.ok("connectors", "create", name, "--base-url", baseURL, "--client-id", "x", "--client-secret-ref", "file:"+missing)
	r := h.run("connectors", "test", name)
	require.Equal(t, exitFailure, r.code)
	require.Regexp(t, `settings +misconfigured .*a secret of connector .* cannot be read`, r.out)
	require.Equal(t, source.Misconfigured, okJSON[connectorView](h, "connectors", "show", name).Health)
	require.Contains(t, h.ok("connectors", "logs", name), "cannot be read")
}
