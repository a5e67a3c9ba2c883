package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/scheduler"
	"sluice/workflows"
)

// scheduled makes a house with a profile that has a schedule.
func scheduled(t *testing.T, flags ...string) (h *house, profile string) {
	h = newHouse(t)
	h.startWorker()
	_, connector := h.withConnector(smallEstate)
	profile = h.name + "-apps"
	h.ok(append([]string{"profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-tas"}, flags...)...)
	return h, profile
}

// statusOf is a profile's status, whatever it is.
func (h *house) status(profile string) profileStatus {
	h.t.Helper()
	return okJSON[profileStatus](h, "status", profile)
}

// becomes waits for a status.
func (h *house) becomes(profile string, is func(profileStatus) bool) profileStatus {
	h.t.Helper()
	var s profileStatus
	require.Eventually(h.t, func() bool {
		r := h.run("status", profile, "--output", "json")
		s = profileStatus{}
		return r.code == 0 && json.Unmarshal([]byte(r.out), &s) == nil && is(s)
	}, within, every)
	return s
}

// inTemporal is a profile's schedule in Temporal, as the Temporal UI reaches it.
func (h *house) inTemporal(profile string) client.ScheduleHandle {
	return h.dial().ScheduleClient().GetHandle(h.t.Context(), scheduler.ID(profile))
}

func (h *house) hasNoSchedule(profile string) {
	h.t.Helper()
	_, err := h.inTemporal(profile).Describe(h.t.Context())
	require.ErrorAs(h.t, err, new(*serviceerror.NotFound))
}

func TestAProfileIsScheduledUntilItHasRun(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "daily at 02:30", "--time-zone", "Asia/Tokyo", "--jitter", "0s")
	s := h.status(profile)
	require.Equal(t, lifecycle.Scheduled, s.State)
	require.Equal(t, "daily at 02:30 in Asia/Tokyo, jitter 0s", s.Schedule.When)
	require.Equal(t, "17:30:00", s.Schedule.Next.UTC().Format(time.TimeOnly))
	next := okJSON[[]nextRun](h, "profiles", "next", profile)
	require.Len(t, next, 10)
	require.Contains(t, next[0].There, "02:30:00 JST")
	require.Equal(t, 24*time.Hour, next[9].At.Sub(next[8].At))

	h.ok("profiles", "pause", profile, "--reason", "maintenance")
	s = h.status(profile)
	require.Equal(t, lifecycle.Registered, s.State, "paused, nothing will start it")
	require.True(t, s.Schedule.Paused)
	require.Equal(t, "maintenance", s.Schedule.Note)
	require.Contains(t, h.ok("status", profile), "paused (maintenance)")
	require.Contains(t, h.run("profiles", "next", profile).err, "is paused (maintenance)")
	h.ok("profiles", "update", profile, "--schedule", "daily at 03:30")
	require.True(t, h.status(profile).Schedule.Paused, "an update does not resume it")
	h.ok("profiles", "resume", profile)
	require.Equal(t, lifecycle.Scheduled, h.status(profile).State)

	h.ok("profiles", "trigger", profile)
	s = h.becomes(profile, func(s profileStatus) bool { return s.State == lifecycle.Processed && s.Running == nil })
	require.Equal(t, lifecycle.Succeeded, s.Last.Outcome)
	require.NotNil(t, s.Schedule.Next, "the next run is told beside it")
	require.Equal(t, "schedule", okJSON[[]catalog.Run](h, "runs", "list")[0].StartedBy)

	log := h.ok("connectors", "logs", h.name+"-acme")
	for _, said := range []string{"created: daily at 02:30 in Asia/Tokyo", "paused: maintenance", "updated: daily at 03:30", "resumed", "triggered by hand"} {
		require.Contains(t, log, "schedule of profile "+profile+" "+said)
	}
}

func TestAProfileRunsByItselfAgainAndAgain(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "every 2s", "--jitter", "0s")
	require.Eventually(t, func() bool {
		runs := okJSON[[]catalog.Run](h, "runs", "list", "--profile", profile)
		return len(runs) >= 3 && runs[1].Outcome == lifecycle.Succeeded && runs[2].Outcome == lifecycle.Succeeded
	}, within, every)
	require.Equal(t, lifecycle.Processed, h.becomes(profile, func(s profileStatus) bool { return s.Running == nil }).State)
	h.ok("profiles", "deactivate", profile)
	h.hasNoSchedule(profile)
}

func TestASingleOccurrenceRunsOnceAndIsOver(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC().Add(4 * time.Second).Format(time.DateTime)
	h, profile := scheduled(t, "--schedule", "once "+at)
	require.Equal(t, lifecycle.Scheduled, h.status(profile).State)
	s := h.becomes(profile, func(s profileStatus) bool { return s.Last != nil && s.Running == nil })
	require.Equal(t, lifecycle.Processed, s.State)
	require.Nil(t, s.Schedule.Next)
	require.Contains(t, h.run("profiles", "next", profile).err, "is over")
	require.Len(t, okJSON[[]catalog.Run](h, "runs", "list"), 1)
	require.Empty(t, okJSON[[]trouble](h, "doctor"))

	// Other things can be changed of a profile whose time has passed.
	h.ok("profiles", "update", profile, "--description", "done")
	require.Contains(t, h.run("profiles", "update", profile, "--catch-up", "1h").err, "is in the past")
}

func TestTheScheduleFollowsTheProfile(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t)
	h.hasNoSchedule(profile)
	require.Equal(t, lifecycle.Registered, h.status(profile).State)
	require.Contains(t, h.run("profiles", "next", profile).err, "has no schedule")
	require.Contains(t, h.run("profiles", "pause", profile, "--reason", "x").err, "has no schedule")
	require.Contains(t, h.run("profiles", "trigger", profile).err, "sluice run "+profile)

	h.ok("profiles", "update", profile, "--schedule", "every 6h", "--start", "2099-01-01 00:00")
	require.Equal(t, lifecycle.Scheduled, h.status(profile).State)
	p := okJSON[catalog.Profile](h, "profiles", "update", profile, "--start", "none", "--asset-types", "APPLICATION", "--shrink-limit", "40")
	require.Equal(t, "every 6h", p.Schedule.String())
	require.Equal(t, []string{"APPLICATION"}, p.AssetTypes)
	require.EqualValues(t, 40, p.ShrinkPercent)
	require.EqualValues(t, 5, p.RejectPercent, "what is not said stays")

	h.ok("profiles", "deactivate", profile)
	h.hasNoSchedule(profile)
	require.Equal(t, lifecycle.Registered, h.status(profile).State)
	require.Contains(t, h.run("profiles", "next", profile).err, "profiles activate "+profile)
	require.Contains(t, h.run("run", profile).err, "profiles activate "+profile)
	h.ok("profiles", "activate", "--force", profile)
	require.Equal(t, lifecycle.Scheduled, h.status(profile).State)
	h.ok("profiles", "update", profile, "--schedule", "none")
	h.hasNoSchedule(profile)

	h.ok("profiles", "update", profile, "--schedule", "every 6h")
	h.ok("profiles", "delete", profile)
	h.hasNoSchedule(profile)
	require.Empty(t, okJSON[[]trouble](h, "doctor"))
}

func TestAScheduleThatCannotBeIsRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "every 6h")
	for says, flags := range map[string][]string{
		"ends (2098-01-01 00:00) before it starts (2099-01-01 00:00)": {"--start", "2099-01-01 00:00", "--end", "2098-01-01 00:00"},
		"is in the past":                       {"--schedule", "once 2020-01-01 00:00"},
		"did you mean Europe/Berlin?":          {"--time-zone", "Europe/Berln"},
		"30 February":                          {"--schedule", "days 30 of feb at 04:00"},
		`"cron 0 4 31 4 *" never comes`:        {"--schedule", "cron 0 4 31 4 *"},
		`for example "every 6h"`:               {"--schedule", "sometimes"},
		"such as 2027-01-31 18:00":             {"--start", "soon"},
		"such as 90s, 15m, 6h or 2d":           {"--jitter", "much"},
		"there is nothing to change":           {},
		"give whole hours or days, 1h to 365d": {"--full-every", "90m"},
		`did you mean APPLICATION?`:            {"--asset-types", "APLICATION"},
		`--absent-findings "keep" is not kn`:   {"--absent-findings", "keep"},
	} {
		r := h.run(append([]string{"profiles", "update", profile}, flags...)...)
		require.NotZero(t, r.code, says)
		require.Contains(t, r.err, says)
	}
	p := okJSON[catalog.Profile](h, "profiles", "show", profile)
	require.Equal(t, "every 6h", p.Schedule.String())
	r := h.run("profiles", "create", "another", "--connector", h.name+"-acme", "--kind", "qualys-tas", "--time-zone", "UTC")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "--schedule")
	require.Equal(t, exitUsage, h.run("profiles", "pause", profile).code)
	require.NotZero(t, h.run("profiles", "show", "another").code)
}

func TestDoctorNamesAndMendsDrift(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "every 6h")
	require.Empty(t, okJSON[[]trouble](h, "doctor"))
	require.Contains(t, h.run("doctor").err, "all is as it should be")

	// Somebody edits and pauses one schedule in the Temporal UI, deletes
	// another, and a third belongs to a profile that is not there any more.
	require.NoError(t, h.inTemporal(profile).Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			s := in.Description.Schedule
			s.Spec.Intervals[0].Every = 5 * time.Minute
			s.State.Paused, s.State.Note = true, "looking into it"
			return &client.ScheduleUpdate{Schedule: &s}, nil
		},
	}))
	h.ok("profiles", "create", "--force", h.name+"-gone", "--connector", h.name+"-acme", "--kind", "qualys-tas", "--schedule", "daily at 06:00")
	require.NoError(t, h.inTemporal(h.name+"-gone").Delete(t.Context()))
	h.ok("profiles", "create", "--force", h.name+"-old", "--connector", h.name+"-acme", "--kind", "qualys-tas", "--schedule", "daily at 06:00")
	require.NoError(t, h.open().DeleteProfile(t.Context(), h.name+"-old"))
	// A run is marked as under way that Temporal knows nothing of.
	store := h.open()
	p, err := store.Profile(t.Context(), profile)
	require.NoError(t, err)
	_, _, _, err = store.BeginRun(t.Context(), catalog.Execution{WorkflowID: workflows.WorkflowID(profile), FirstRunID: "lost"},
		catalog.Plan{ProfileID: p.ID, Profile: p.Name, ConnectorID: p.ConnectorID})
	require.NoError(t, err)

	s := h.status(profile)
	require.Equal(t, "looking into it", s.Schedule.Note, "it is shown as it is")
	require.NotEmpty(t, s.Schedule.Drift)
	require.Contains(t, h.run("profiles", "next", profile).err, "every 5m, not every 6h")

	var r result
	require.Eventually(t, func() bool { // Temporal's list lags behind a little
		r = h.run("doctor", "--output", "json")
		return strings.Count(r.out, `"about"`) == 4
	}, within, every)
	require.Equal(t, exitFailure, r.code)
	for _, says := range []string{
		"every 5m, not every 6h", "Temporal has no schedule of it", "there is no such profile",
		fmt.Sprintf("is marked as under way, but Temporal does not run it (workflow %s)", workflows.WorkflowID(profile)),
	} {
		require.Contains(t, r.out, says)
	}
	for _, mended := range okJSON[[]trouble](h, "doctor", "--fix") {
		require.True(t, mended.Mended, mended.Problem)
	}
	require.Eventually(t, func() bool { return h.run("doctor").code == 0 }, within, every)
	s = h.status(profile)
	require.Empty(t, s.Schedule.Drift)
	require.True(t, s.Schedule.Paused, "who paused it had a reason")
	require.Equal(t, lifecycle.Failed, s.Last.Outcome)
	h.hasNoSchedule(h.name + "-old")
	require.Equal(t, lifecycle.Scheduled, h.status(h.name+"-gone").State)
}

func TestDoctorMissesTheWorker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.run("doctor")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.out, "none asks for work on task queue")
}

func TestABackfillReallyReadsAgain(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t)
	h.ok("run", profile, "--wait")
	store := h.open()
	p, err := store.Profile(t.Context(), profile)
	require.NoError(t, err)
	require.Zero(t, okJSON[ending](h, "run", profile, "--mode", "delta", "--wait").Assets.Total(), "nothing has changed")
	before, err := store.Watermarks(t.Context(), p.ID)
	require.NoError(t, err)
	require.Len(t, before, 2)
	again := okJSON[ending](h, "runs", "backfill", profile, "--from", "2000-01-01", "--wait")
	require.EqualValues(t, 40, again.Assets.Unchanged, "all of it was read again")
	after, err := store.Watermarks(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, before, after, "the next delta run goes on from where the last one was")
	require.Contains(t, h.ok("runs", "show", fmt.Sprint(again.RunID)), "reads again what changed since 2000-01-01")

	for says, from := range map[string]string{"--from is missing": "", "not a date": "last week", "in the future": "2999-01-01"} {
		r := h.run("runs", "backfill", profile, "--from", from)
		require.Equal(t, exitUsage, r.code)
		require.Contains(t, r.err, says)
	}
}

func TestAScheduledRunWithoutAWorkerIsSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t) // has no worker
	_, connector := h.withConnector(smallEstate)
	profile := h.name + "-apps"
	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-tas", "--schedule", "every 1s")
	s := h.becomes(profile, func(s profileStatus) bool { return s.Running != nil })
	require.Equal(t, lifecycle.Processing, s.State)
	require.Contains(t, s.Running.WorkflowID, workflows.WorkflowID(profile)+"-")
	require.Contains(t, s.Note, "no worker answers")
	require.Contains(t, h.run("profiles", "trigger", profile).err, "is under way")

	// Terminated before it could plan, it leaves nothing behind.
	h.ok("profiles", "deactivate", profile)
	require.NoError(t, h.dial().TerminateWorkflow(t.Context(), s.Running.WorkflowID, "", "enough"))
	s = h.becomes(profile, func(s profileStatus) bool { return s.Running == nil })
	require.Equal(t, lifecycle.Registered, s.State)
}
