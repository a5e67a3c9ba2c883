package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
)

// secretIs is the environment of somebody who has a client's secret.
func secretIs(value string) environment { return environment{"SLUICE_CLIENT_SECRET": value} }

// shown is a connector as 'connectors show' shows it to scripts.
func (h *house) shown(connector string) connectorView {
	h.t.Helper()
	return okJSON[connectorView](h, "connectors", "show", connector)
}

func TestAProfileBecomesActiveOnlyOnAConnectorThatWasTested(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, connector := h.withConnector(smallEstate)
	create := []string{"profiles", "create", h.name + "-apps", "--connector", connector, "--kind", "qualys-tas"}

	r := h.run(create...)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "sluice: connector "+connector+" was never tested, so that no profile becomes active on it: '")
	require.Contains(t, r.err, "sluice connectors test "+connector+"' tests it; --force makes the profile active all the same\n")
	h.ok(append(create, "--status", "inactive")...)
	require.Contains(t, h.run("profiles", "activate", h.name+"-apps").err, "was never tested")

	h.ok("connectors", "test", connector)
	h.ok("profiles", "activate", h.name+"-apps")
	h.ok("profiles", "deactivate", h.name+"-apps")
	h.ok("connectors", "update", connector, "--page-size", "7")
	require.Contains(t, h.run("profiles", "activate", h.name+"-apps").err, "was not tested since its settings or secrets changed")
	h.ok("profiles", "activate", h.name+"-apps", "--force")
	h.ok("profiles", "activate", h.name+"-apps") // it is active: nothing becomes so
}

func TestADisabledConnectorIsNotUsedUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "daily at 06:00")
	connector := h.name + "-acme"
	h.ok("connectors", "update", connector, "--retest", "6h")

	said := h.run("connectors", "disable", connector)
	require.Zero(t, said.code, said.err)
	require.Contains(t, said.err, "disabled connector "+connector+"\nNo run of its profiles starts any more: "+profile+". One under way goes on; '")
	require.Contains(t, said.err, "Their schedules are taken out of Temporal until it is enabled again: "+profile+".\nIt is not tested by itself until it is enabled again.\n")
	h.hasNoSchedule(profile)
	require.Empty(t, h.drift(connector))
	require.Empty(t, okJSON[[]trouble](h, "doctor"), "that is as it should be")
	require.False(t, h.shown(connector).Active)
	refused := h.run("run", profile)
	require.Equal(t, exitFailure, refused.code)
	require.Contains(t, refused.err, "connector "+connector+" is disabled, so that no run of profile "+profile+" starts: '")
	require.Contains(t, h.status(profile).Note, "is disabled")
	require.Contains(t, h.run("connectors", "disable", connector).err, "is disabled already")
	h.ok("connectors", "test", connector, "--kind", "qualys-tas")

	said = h.run("connectors", "enable", connector)
	require.Contains(t, said.err, "Runs of its profiles start again: "+profile+".\nTheir schedules are in Temporal again: "+profile+".\nIt is tested by itself again, every 6h.\n")
	require.NotNil(t, h.status(profile).Schedule)
	require.Empty(t, h.status(profile).Note)
	h.ok("run", profile, "--wait")
}

// drift says in what Temporal's schedule of a connector's tests is not what the
// connector says.
func (h *house) drift(connector string) []string {
	h.t.Helper()
	c, err := h.open().Connector(h.t.Context(), connector)
	require.NoError(h.t, err)
	a := &app{process: process{env: h.env}}
	h.t.Cleanup(a.close)
	s, err := a.schedules(h.t.Context())
	require.NoError(h.t, err)
	drift, _, err := s.TestDrift(h.t.Context(), c.ID, c.Name, c.TestEvery, c.Active)
	require.NoError(h.t, err)
	return drift
}

func TestAConnectorIsRenamedWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("connectors", "update", connector, "--retest", "6h")
	h.ok("run", profile, "--wait")
	renamed := h.name + "-acme-europe"

	require.Equal(t, "sluice: 'sluice connectors rename' needs a connector name and its new name\nSee 'sluice connectors rename --help'.\n", h.run("connectors", "rename", connector).err)
	require.Contains(t, h.run("connectors", "rename", connector, connector).err, "has that name already")
	require.Contains(t, h.run("connectors", "rename", connector, " ").err, "cannot be used")
	said := h.run("connectors", "rename", connector, renamed)
	require.Equal(t, "connector "+connector+" is now called "+renamed+"\n", said.err)
	require.Contains(t, h.run("connectors", "show", connector).err, "unknown connector")
	require.Equal(t, []string{profile}, h.shown(renamed).Profiles)
	require.Empty(t, h.drift(renamed), "its tests are started by its new name")
	h.ok("connectors", "test", renamed, "--kind", "qualys-tas")
	h.ok("run", profile, "--wait")
	require.Contains(t, h.ok("assets", "list", "--connector", renamed, "--limit", "1"), renamed)
}

func TestANewSecretIsKeptOnlyIfItConnects(t *testing.T) {
	t.Parallel()
	h, _, connector, _ := withProfile(t, smallEstate)
	h.ok("connectors", "test", connector)
	before := h.stored(connector)

	wrong := h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "rotate-secret", connector)
	require.Equal(t, exitFailure, wrong.code)
	require.Contains(t, wrong.out, "unauthorised")
	require.Contains(t, wrong.err, "is as before, because the test did not succeed")
	require.Equal(t, before, h.stored(connector))
	require.Equal(t, source.Healthy, h.shown(connector).Health, "what was found before holds again")

	right := h.runWith(t.Context(), secretIs(simulator.DefaultClientSecret), nil, "connectors", "rotate-secret", connector)
	require.Zero(t, right.code, right.out+right.err)
	require.NotEqual(t, before, h.stored(connector))
	require.Contains(t, right.out, "updated connector "+connector)

	untested := h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "rotate-secret", connector, "--no-test")
	require.Zero(t, untested.code, untested.err)
	v := h.shown(connector)
	require.Equal(t, source.Unknown, v.Health)
	require.True(t, v.Changed)
	require.Contains(t, h.ok("connectors", "list"), "changed since its last test")
	require.Regexp(t, `healthy +from before it changed`, h.ok("connectors", "show", connector))

	require.Contains(t, h.run("connectors", "rotate-secret", connector).err, "clientSecret is missing: give it by --client-secret-file")
	require.Equal(t, exitUsage, h.run("connectors", "rotate-secret", connector, "--no-test", "--all").code)
	require.Contains(t, h.run("connectors", "rotate-secret", connector, "--platform", "EU1").err, "unknown flag")
}

func TestASecretByReferenceIsRotatedWhereItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(simulator.DefaultClientSecret), 0o600))
	name := h.name + "-acme"
	h.ok("connectors", "create", name, "--base-url", baseURL, "--client-id", simulator.DefaultClientID, "--client-secret-ref", "file:"+file, "--test")
	require.NoError(t, os.WriteFile(file, []byte("wrong"), 0o600))
	r := h.run("connectors", "rotate-secret", name)
	require.Equal(t, exitFailure, r.code, "workers have read it again")
	require.Contains(t, r.err, "workers read clientSecret at file:"+file+", and do so again now")
	require.Contains(t, r.out, "unauthorised")
}

func TestAConnectorIsTestedByItselfAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, baseURL := vendor(t, smallEstate)
	name := h.name + "-acme"
	r := h.runWith(t.Context(), secretIs("x"), nil, "connectors", "create", name, "--base-url", baseURL, "--client-id", "x", "--retest", "90m")
	require.Zero(t, r.code, r.err)
	require.Empty(t, h.drift(name))
	require.Contains(t, h.ok("connectors", "list"), "every 1h30m")
	require.Contains(t, h.ok("connectors", "logs", name), "schedule of tests created: every 1h30m")
	require.Contains(t, h.ok("export"), "retest: 1h30m\n")
	h.ok("connectors", "update", name, "--retest", "6h")
	require.Empty(t, h.drift(name))
	h.ok("connectors", "update", name, "--retest", "")
	require.Empty(t, h.drift(name))
	require.NotContains(t, h.ok("connectors", "list"), "every")
	require.Contains(t, h.ok("connectors", "logs", name), "schedule of tests removed")

	// Without Temporal nothing is begun.
	r = h.runWith(t.Context(), environment{"TEMPORAL_ADDRESS": "127.0.0.1:1"}, nil, "connectors", "update", name, "--retest", "6h", "--description", "x")
	require.Equal(t, exitFailure, r.code)
	require.Empty(t, h.shown(name).Description)
}

func TestPastTestsAreShownByApplicationNewestFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, connector := h.withConnector(smallEstate)
	require.Contains(t, h.run("connectors", "tests", connector).err, "no such tests")
	h.ok("connectors", "test", connector, "--application", "tas")
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "http-error", Status: 503, Endpoint: "token"}))
	require.Equal(t, exitFailure, h.run("connectors", "test", connector, "--application", "TAS").code)

	past := okJSON[[]checkView](h, "connectors", "tests", connector)
	require.Greater(t, len(past), 3)
	require.Equal(t, source.Unreachable, past[0].Health)
	require.Equal(t, source.Healthy, past[len(past)-1].Health)
	require.NotNil(t, past[0].At)
	require.False(t, past[0].At.Before(*past[len(past)-1].At))
	require.Len(t, okJSON[[]checkView](h, "connectors", "tests", connector, "--limit", "1"), 1)
	require.Len(t, okJSON[[]checkView](h, "connectors", "tests", connector, "--application", "tas"), len(past))
	require.Empty(t, okJSON[[]checkView](h, "connectors", "tests", connector, "--application", "VMDR"))
	require.Empty(t, okJSON[[]checkView](h, "connectors", "tests", connector, "--since", "2999-01-01"))
	require.Contains(t, h.run("connectors", "tests", connector, "--application", "VMDRR").err, "did you mean VMDR?")
	require.Contains(t, h.run("connectors", "tests", connector, "--since", "yesterday").err, "no date")

	v := h.shown(connector)
	require.Len(t, v.Applications, 1)
	require.Equal(t, "TAS", v.Applications[0].Application)
	require.Equal(t, source.Unreachable, v.Applications[0].Health)
	require.NotEmpty(t, v.Applications[0].Advice)
	require.Contains(t, v.Applications[0].Message, "503")
	require.Contains(t, h.ok("connectors", "list"), "TAS unreachable")
}

func TestAConnectorIsCreatedFromAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, baseURL := vendor(t, smallEstate)
	text := strings.Split(h.declared(baseURL), "---\n")[1] + "active: false\ndescription: from a file\n"
	path := filepath.Join(t.TempDir(), "acme.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	name := h.name + "-acme"

	for says, args := range map[string][]string{
		"--file says all of the connector: leave --platform out": {"--platform", "EU1"},
		`is called "` + name + `", not "other"`:                  {"other"},
	} {
		r := h.run(append([]string{"connectors", "create", "--file", path}, args...)...)
		require.Equal(t, exitUsage, r.code)
		require.Contains(t, r.err, says)
	}
	h.ok("connectors", "create", "--file", path)
	v := h.shown(name)
	require.Equal(t, "from a file", v.Description)
	require.False(t, v.Active)
	require.Equal(t, map[string]string{"clientSecret": "env:QUALYS_SECRET"}, v.Secrets)
	require.Contains(t, h.applyOK(text), "nothing changed")
	require.Contains(t, h.run("connectors", "create", "--file", path).err, "already")

	both := h.runWith(t.Context(), nil, strings.NewReader(h.declared(baseURL)), "connectors", "create", "--file", "-")
	require.Contains(t, both.err, "has to hold one connector and nothing else")
	sealed := strings.Replace(text, "\n    secretRef: env:QUALYS_SECRET", " sealed:v1:AAAA", 1)
	r := h.runWith(t.Context(), nil, strings.NewReader(strings.Replace(sealed, name, "another", 1)), "connectors", "create", "--file", "-")
	require.Contains(t, r.err, "clientSecret is sealed for another connector")
}

func TestWithTestOnlyWhatConnectsIsApplied(t *testing.T) {
	h := newHouse(t)
	t.Setenv("QUALYS_SECRET", simulator.DefaultClientSecret) // the worker reads it
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	text := h.declared(baseURL)

	r := h.applyText(text)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "connector "+h.name+"-acme was never tested as it is now, so that the profile cannot become active: apply with --test")
	wrong := strings.Replace(text, "clientId: "+simulator.DefaultClientID, "clientId: wrong", 1)
	r = h.applyText(wrong, "--test")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "nothing was changed, because not all of it could be\nsluice: connector "+h.name+"-acme does not connect\n")
	require.JSONEq(t, "[]", h.ok("export", "-o", "json"))

	h.applyOK(text, "--test")
	before := h.shown(h.name + "-acme")
	require.Equal(t, source.Healthy, before.Health)
	r = h.applyText(strings.Replace(wrong, "02:30", "03:30", 1), "--test", "--output", "json")
	require.Equal(t, exitFailure, r.code)
	require.Empty(t, r.out)
	require.Contains(t, r.err, "unauthorised")
	after := h.shown(h.name + "-acme")
	require.Equal(t, before.Settings, after.Settings)
	require.Equal(t, source.Healthy, after.Health)
	require.Contains(t, h.status(h.name+"-apps").Schedule.When, "02:30")
	require.Contains(t, h.applyOK(text), "nothing changed")
}

func TestAppliedConnectorsBringTheirSchedulesInStep(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "daily at 06:00")
	connector := h.name + "-acme"
	exported := h.ok("export", "--connectors")
	h.applyOK(exported + "retest: 6h\n")
	require.Empty(t, h.drift(connector))
	require.Equal(t, "6h", h.shown(connector).TestEvery.String())

	h.applyOK(strings.Replace(exported, "active: true", "active: false", 1) + "retest: 6h\n")
	h.hasNoSchedule(profile)
	require.Empty(t, h.drift(connector))
	require.Empty(t, okJSON[[]trouble](h, "doctor"))
	h.applyOK(exported)
	require.NotNil(t, h.status(profile).Schedule)
	require.Empty(t, h.drift(connector))
	require.Contains(t, h.ok("connectors", "logs", connector), "schedule of tests removed")
}

// A test that is under way when a secret is rotated is of the old one.
func TestANewSecretIsNotKeptForATestOfTheOldOne(t *testing.T) {
	t.Parallel()
	h, sim, connector, _ := withProfile(t, smallEstate)
	h.ok("connectors", "test", connector)
	before := h.stored(connector)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: faults.Slow, Endpoint: faults.Applications, Delay: 4 * time.Second}))
	older, _, _ := h.inBackground(t.Context(), "connectors", "test", connector)
	require.Eventually(t, func() bool { return sim.Counts().Faults[faults.Slow] > 0 }, 30*time.Second, 10*time.Millisecond)

	wrong := h.runWith(t.Context(), secretIs("wrong"), nil, "connectors", "rotate-secret", connector)
	require.Equal(t, exitFailure, wrong.code, wrong.out)
	require.Contains(t, wrong.out, "unauthorised")
	require.Equal(t, before, h.stored(connector))
	<-older
	h.ok("connectors", "test", connector)
}

func TestAReferenceToSluicesOwnSecretsIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, reference := range []string{"env:SLUICE_MASTER_KEY", "env:SLUICE_DATABASE_URL", "file:/proc/self/environ"} {
		r := h.run("connectors", "create", h.name, "--base-url", "https://qualys.example", "--client-id", "x", "--client-secret-ref", reference)
		require.Equal(t, exitFailure, r.code, reference)
		require.Contains(t, r.err, reference+" cannot be a connector's secret")
		require.NotContains(t, r.err, h.env["SLUICE_DATABASE_URL"])
	}
	require.Contains(t, h.run("connectors", "show", h.name).err, "unknown connector")
}
