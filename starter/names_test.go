package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"sluice/internal/lifecycle"
	"sluice/internal/secret"
	"sluice/internal/simulator"
	"sluice/internal/source"
)

func TestAConnectorMayHaveANameInAnyScript(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	connector, profile := h.name+" größe 100% 日本", h.name+"-apps"
	r := h.runWith(t.Context(), secretIs(simulator.DefaultClientSecret), nil,
		"connectors", "create", connector, "--base-url", baseURL, "--client-id", simulator.DefaultClientID, "--retest", "6h")
	require.Zero(t, r.code, r.err)
	require.Contains(t, h.ok("connectors", "test", connector, "--kind", "qualys-tas"), "healthy")

	// The schedule of its tests starts one.
	c, err := h.open().Connector(t.Context(), connector)
	require.NoError(t, err)
	before := len(okJSON[[]checkView](h, "connectors", "tests", connector))
	schedule := h.dial().ScheduleClient().GetHandle(t.Context(), fmt.Sprintf("connector/%s/%d", h.env["SLUICE_TASK_QUEUE"], c.ID))
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		r := h.run("connectors", "tests", connector, "--output", "json")
		return strings.Count(r.out, `"step"`) > before
	}, within, every)
	require.Equal(t, source.Healthy, h.shown(connector).Health)

	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-tas", "--schedule", "daily at 06:00")
	h.ok("run", profile, "--wait")
	require.Empty(t, okJSON[[]trouble](h, "doctor"))
}

func TestAPauseOutlastsADisabledConnector(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "daily at 06:00")
	connector := h.name + "-acme"
	h.ok("profiles", "pause", profile, "--reason", "maintenance")

	require.Contains(t, h.run("connectors", "disable", connector).err, "Schedules that are paused, and stay so: "+profile+".\n")
	require.Empty(t, okJSON[[]trouble](h, "doctor"))
	require.Contains(t, h.run("connectors", "enable", connector).err, "Schedules that are paused, and stay so: "+profile+".\n")
	s := h.status(profile)
	require.True(t, s.Schedule.Paused)
	require.Equal(t, "maintenance", s.Schedule.Note)

	h.ok("profiles", "deactivate", profile)
	h.ok("profiles", "activate", "--force", profile)
	require.True(t, h.status(profile).Schedule.Paused)

	// Resumed meanwhile, it begins with the connector.
	h.ok("connectors", "disable", connector)
	require.Contains(t, h.run("profiles", "resume", profile).err, "connector "+connector+" is disabled")
	h.hasNoSchedule(profile)
	h.ok("connectors", "enable", connector)
	require.False(t, h.status(profile).Schedule.Paused)
}

func TestNothingIsSealedWithAKeyThatOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	id := h.key.IDs()[0]
	other := base64.StdEncoding.EncodeToString(make([]byte, secret.KeySize))
	with := environment{"SLUICE_MASTER_KEY": other, "SLUICE_CLIENT_SECRET": simulator.DefaultClientSecret}
	do := func(args ...string) result { return h.runWith(t.Context(), with, nil, args...) }
	for _, args := range [][]string{
		{"connectors", "create", h.name + "-more", "--platform", "EU2", "--client-id", "c"},
		{"connectors", "rotate-secret", connector, "--no-test"},
		{"connectors", "update", connector, "--new-secret"},
	} {
		r := do(args...)
		require.Equal(t, exitFailure, r.code, r.out)
		require.Contains(t, r.err, "it opens no secret of any connector ("+connector+"), which are sealed with master key "+id+"; use the key that the workers have")
	}
	require.Contains(t, h.run("connectors", "show", h.name+"-more").err, "unknown connector")

	// The old key is lost: the new one is let in by saying so, once.
	r := do("connectors", "rotate-secret", connector, "--no-test", "--new-key")
	require.Zero(t, r.code, r.err)
	r = do("connectors", "create", h.name+"-more", "--platform", "EU2", "--client-id", "c")
	require.Zero(t, r.code, r.err)
}

func TestAProfileOfAnApplicationThatWasNotHealthyIsWarnedAbout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, baseURL := vendor(t, smallEstate)
	account := sim.DefaultUser() // a user cannot read TotalAppSec
	connector := h.name + "-user"
	r := h.runWith(t.Context(), user(account.Password), nil, "connectors", "create", connector, "--base-url", baseURL, "--username", account.Name)
	require.Zero(t, r.code, r.err)
	h.run("connectors", "test", connector, "--application", "WAS,TAS")
	create := func(profile, kind string) string {
		r := h.run("profiles", "create", h.name+profile, "--connector", connector, "--kind", kind)
		require.Zero(t, r.code, r.err)
		return r.err
	}
	require.Regexp(t, `^TAS was \S+ at the last test of connector `+connector+`, so that runs of the profile may fail: '.*sluice connectors test `+connector+` --application TAS'`, create("-apps", "qualys-tas"))
	require.NotContains(t, create("-web", "qualys-was"), connector)
	require.Contains(t, create("-hosts", "qualys-vm"), "whether connector "+connector+" can be used for VMDR is not known from its last test: '")
	h.ok("profiles", "deactivate", h.name+"-apps")
	require.Contains(t, h.run("profiles", "activate", h.name+"-apps").err, "TAS was ")
}

func TestTheStatusOfAllTellsWhatRunsWaitFor(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 14, 5, 0, 0, time.Local)
	require.Equal(t, "FINDING waits until 14:05:00: the vendor asks to; KNOWLEDGE waits: no worker serves pool emea", waitsOf(lifecycle.Progress{Streams: []lifecycle.Stream{
		{Name: "ASSET", Phase: lifecycle.Fetching}, {Name: "FINDING", Phase: lifecycle.Waiting, WaitUntil: at, Waits: "the vendor asks to"},
		{Name: "KNOWLEDGE", Phase: lifecycle.Waiting, Waits: "no worker serves pool emea"},
	}}))
	require.Empty(t, waitsOf(lifecycle.Progress{Streams: []lifecycle.Stream{{Name: "ASSET", Phase: lifecycle.Fetching, Waits: "nothing any more"}}}))
}

func TestDoctorSaysAllOfAProblem(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{process: process{out: &out}, output: formatTable}
	problem := strings.Repeat("it runs at other times; ", 20) + "end"
	require.NoError(t, printList(a, []trouble{{About: "profile apps", Problem: problem, Advice: "mend it"}}, troubleTable))
	require.Contains(t, out.String(), problem+": mend it\n")
}
