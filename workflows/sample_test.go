package workflows_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
	"sluice/workflows"
)

var samples atomic.Int64

// sample fetches some records of the stage's profile: 5 of APPLICATION, unless it
// is said.
func (s *stage) sample(in workflows.SampleInput) ([]activities.Sampled, client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	in.Profile, in.Records = s.profile, cmp.Or(in.Records, 5)
	if in.AssetTypes == nil {
		in.AssetTypes = []string{"APPLICATION"}
	}
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.SampleWorkflowID(s.profile, fmt.Sprint(samples.Add(1))), TaskQueue: s.queue,
	}, workflows.SampleType, in)
	require.NoError(s.t, err)
	var result workflows.SampleResult
	err = run.Get(ctx, &result)
	return result.Samples, run, err
}

// take takes the records of a sample.
func (s *stage) take(sampled activities.Sampled) []string {
	s.t.Helper()
	lines, err := s.store.TakeSample(s.t.Context(), sampled.ID)
	require.NoError(s.t, err)
	records := strings.SplitAfter(strings.TrimSuffix(string(lines), "\n"), "\n")
	require.Len(s.t, records, sampled.Records)
	return records
}

// fetchedLast are the records that are kept of the profile's last run.
func (s *stage) fetchedLast(assetType string) string {
	p, err := s.store.Profile(s.t.Context(), s.profile)
	require.NoError(s.t, err)
	batches, err := s.store.KeptBatches(s.t.Context(), p.ID, assetType)
	require.NoError(s.t, err)
	var all strings.Builder
	for _, batch := range batches {
		require.NoError(s.t, s.store.Chunks(s.t.Context(), batch, func(c catalog.Chunk) error {
			raw, err := s2.Decode(nil, c.Data)
			all.Write(raw)
			return err
		}))
	}
	return all.String()
}

// everything is a digest of each table, but of those by which all who make
// calls to a vendor share its limits and tokens.
func (s *stage) everything() map[string]string {
	rows, err := s.store.Pool().Query(s.t.Context(), `
		SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT IN ('governor', 'credentials')`)
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	all := make(map[string]string)
	for _, table := range tables {
		var digest string
		require.NoError(s.t, s.store.Pool().QueryRow(s.t.Context(),
			"SELECT count(*) || ' rows ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM "+pgx.Identifier{table}.Sanitize()+" t").Scan(&digest))
		all[table] = digest
	}
	return all
}

func TestASampleIsWhatARunFetchesFirstAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, newOne := range map[string]func(*testing.T) *stage{
		"qualys-tas": func(t *testing.T) *stage { return newStage(t, setup{estate: estate}) },
		"qualys-was": func(t *testing.T) *stage { return newStage(t, setup{estate: webEstate, kind: "qualys-was"}) },
		"qualys-vm":  func(t *testing.T) *stage { return newStage(t, setup{estate: hostEstate, kind: "qualys-vm"}) },
		"azure-apim": func(t *testing.T) *stage {
			return newAzureStage(t, azure.Config{Seed: 21, Subscriptions: 1, Services: 2, APIs: 60, Odd: azure.None, Settings: azure.Settings{ReadBucket: -1}}, setup{}).stage
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOne(t)
			p, err := s.store.SetProfileActive(t.Context(), s.profile, false)
			require.NoError(t, err, "whoever sets a profile up looks before it runs")
			const wanted = 7
			first := make(map[string][]string)
			for _, assetType := range p.AssetTypes {
				before := s.everything()
				sampled, run, err := s.sample(workflows.SampleInput{AssetTypes: []string{assetType}, Records: wanted})
				require.NoError(t, err)
				require.Len(t, sampled, 1)
				require.Equal(t, activities.Sampled{ID: sampled[0].ID, AssetType: assetType, Records: wanted}, sampled[0])
				first[assetType] = s.take(sampled[0])
				require.Equal(t, before, s.everything())
				_, err = s.store.TakeSample(t.Context(), sampled[0].ID)
				require.ErrorIs(t, err, catalog.ErrNotFound, "it can be taken once")
				s.requireNotInHistory(run, first[assetType])
			}
			_, err = s.store.SetProfileActive(t.Context(), s.profile, true)
			require.NoError(t, err)
			result, err := s.run(workflows.Input{Profile: s.profile})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
			for assetType, records := range first {
				require.True(t, strings.HasPrefix(s.fetchedLast(assetType), strings.Join(records, "")), assetType)
			}

			// After a run, and while there is another one.
			plan, err := s.store.PlanOf(t.Context(), result.RunID)
			require.NoError(t, err)
			_, _, holder, err := s.store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "another", FirstRunID: "another"}, plan)
			require.NoError(t, err)
			require.Nil(t, holder)
			before := s.everything()
			for _, assetType := range p.AssetTypes {
				sampled, _, err := s.sample(workflows.SampleInput{AssetTypes: []string{assetType}, Records: wanted})
				require.NoError(t, err)
				require.Len(t, s.take(sampled[0]), wanted)
			}
			require.Equal(t, before, s.everything())
		})
	}
}

// requireNotInHistory looks for values of records in a workflow's history.
func (s *stage) requireNotInHistory(run client.WorkflowRun, records []string) {
	s.t.Helper()
	var history bytes.Buffer
	events := s.temporal.GetWorkflowHistory(s.t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		raw, err := proto.Marshal(event)
		require.NoError(s.t, err)
		history.Write(raw)
	}
	require.Contains(s.t, history.String(), `"records":7`, "it is the history that was looked through")
	looked := 0
	var look func(value any)
	look = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, v := range value {
				look(v)
			}
		case []any:
			for _, v := range value {
				look(v)
			}
		case string:
			if len(value) >= 12 { // what is shorter may be there by chance
				looked++
				require.NotContains(s.t, history.String(), value)
			}
		}
	}
	for _, record := range records {
		var value any
		require.NoError(s.t, json.Unmarshal([]byte(record), &value))
		look(value)
	}
	require.GreaterOrEqual(s.t, looked, len(records))
}

func TestASampleHasAsManyRecordsAsWereAskedForIfThereAreSoMany(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 3, Applications: 130, APICollections: 20, FindingsPerAsset: 1}})
	for _, c := range []struct {
		in   workflows.SampleInput
		want []activities.Sampled
	}{
		{workflows.SampleInput{}, []activities.Sampled{{AssetType: "APPLICATION", Records: 5}}},
		{workflows.SampleInput{Records: 120}, []activities.Sampled{{AssetType: "APPLICATION", Records: 120}}},
		{workflows.SampleInput{Records: 130}, []activities.Sampled{{AssetType: "APPLICATION", Records: 130, Ended: true}}},
		{workflows.SampleInput{AssetTypes: []string{"APPLICATION", "APICOLLECTION"}, Records: 140}, []activities.Sampled{{AssetType: "APPLICATION", Records: 130, Ended: true}, {AssetType: "APICOLLECTION", Records: 10}}},
		{workflows.SampleInput{AssetTypes: []string{"APPLICATION", "APICOLLECTION"}, Records: 1000}, []activities.Sampled{{AssetType: "APPLICATION", Records: 130, Ended: true}, {AssetType: "APICOLLECTION", Records: 20, Ended: true}}},
	} {
		sampled, _, err := s.sample(c.in)
		require.NoError(t, err)
		for i := range sampled {
			s.take(sampled[i])
			sampled[i].ID = 0
		}
		require.Equal(t, c.want, sampled)
	}

	empty := newStage(t, setup{estate: simulator.Config{Seed: 3, APICollections: 1}})
	sampled, _, err := empty.sample(workflows.SampleInput{})
	require.NoError(t, err)
	require.Equal(t, []activities.Sampled{{AssetType: "APPLICATION", Ended: true}}, sampled)
}

func TestASampleIsNarrowedByTheProfilesFilters(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: webEstate, kind: "qualys-was", filters: map[string][]string{"severities": {"5"}}})
	sampled, _, err := s.sample(workflows.SampleInput{AssetTypes: []string{"FINDING"}, Records: 50})
	require.NoError(t, err)
	for _, record := range s.take(sampled[0]) {
		require.Regexp(t, `"severity":"?5"?[,}]`, record)
	}
}

func TestASampleGetsOverWhatPassesAndGivesWhatThereIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault simulator.Fault
		want  int
		says  string
	}{
		"a short wait":            {simulator.Fault{Kind: faults.Throttle, RetryAfter: 3, Endpoint: faults.Applications, Call: 1}, 70, ""},
		"an error that passes":    {simulator.Fault{Kind: faults.HangUp, Endpoint: faults.Applications, Call: 1}, 70, ""},
		"a wait in the middle":    {simulator.Fault{Kind: faults.Throttle, RetryAfter: 600, Endpoint: faults.Applications, Call: 2}, 50, "Too Many Requests"},
		"a refusal in the middle": {simulator.Fault{Kind: faults.ErrorBody, Code: "INVALID_REQUEST", Endpoint: faults.Applications, Call: 2}, 50, "INVALID_REQUEST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: estate})
			require.NoError(t, s.sim.SetFaults(c.fault))
			sampled, _, err := s.sample(workflows.SampleInput{Records: 70})
			require.NoError(t, err)
			require.Len(t, s.take(sampled[0]), c.want)
			require.Contains(t, strings.Join(sampled[0].Unread, "\n"), c.says)
			require.Equal(t, c.says == "", sampled[0].Unread == nil)
		})
	}
}

func TestASampleSaysWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	config := simulator.Config{Seed: 7, Applications: 30, FindingsPerAsset: 1, Defects: []simulator.Defect{{Kind: "undecodable", Count: 1}}}
	s := newStage(t, setup{estate: config})
	sampled, _, err := s.sample(workflows.SampleInput{Records: 1000})
	require.NoError(t, err)
	require.Len(t, s.take(sampled[0]), 29)
	require.Len(t, sampled[0].Unread, 1)
	require.Contains(t, sampled[0].Unread[0], "a record was set aside: ")
	require.True(t, sampled[0].Ended)

	azure := newAzureStage(t, azure.Config{Seed: 22, Subscriptions: 1, Services: 2, APIs: 20, Odd: azure.None, Settings: azure.Settings{ReadBucket: -1}}, setup{})
	settings := azure.vendor.Settings()
	for service := range azure.vendor.Services() {
		settings.Unreadable = append(settings.Unreadable, service.Path)
		require.NoError(t, azure.vendor.Configure(settings))
		sampled, _, err = azure.sample(workflows.SampleInput{AssetTypes: []string{"API"}, Records: 1000})
		require.NoError(t, err)
		require.Len(t, sampled[0].Unread, len(settings.Unreadable))
		require.Contains(t, sampled[0].Unread[0], " could not be read: ")
	}
	require.Zero(t, sampled[0].ID, "nothing could be read")
}

func TestASampleThatCannotBeFetchedSaysWhyAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		with   setup
		fault  simulator.Fault
		before func(*stage)
		in     workflows.SampleInput
		says   []string
	}{
		"a wrong secret": {with: setup{secrets: map[string]string{"clientSecret": "not-the-secret"}}, says: []string{"client"}},
		"a long wait":    {fault: simulator.Fault{Kind: faults.Throttle, RetryAfter: 3600, Endpoint: faults.Applications}, says: []string{"Too Many Requests", "(it has to be waited for: try again in 1h0m0s)"}},
		"no vendor":      {with: setup{settings: map[string]string{"baseURL": "http://127.0.0.1:1"}}, says: []string{"127.0.0.1:1"}},
		"no worker of its pool": {with: setup{settings: map[string]string{"pool": "emea"}},
			says: []string{"no worker serves pool emea: start one with 'sluice-worker --pool emea'"}},
		"a disabled connector": {before: func(s *stage) {
			c, err := s.store.Connector(s.t.Context(), "tas")
			require.NoError(s.t, err)
			c.Active = false
			require.NoError(s.t, s.store.UpdateConnector(s.t.Context(), c))
		}, says: []string{"connector tas is disabled", "sluice connectors enable tas"}},
		"another asset type": {in: workflows.SampleInput{AssetTypes: []string{"HOST"}}, says: []string{"does not read HOST (name some of what it reads: APPLICATION, APICOLLECTION)"}},
		"no such profile":    {before: func(s *stage) { s.profile = "nobody" }, says: []string{`unknown profile "nobody"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.with.estate = estate
			s := newStage(t, c.with)
			if c.fault.Kind != "" {
				require.NoError(t, s.sim.SetFaults(c.fault))
			}
			if c.before != nil {
				c.before(s)
			}
			begun := time.Now()
			_, _, err := s.sample(c.in)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
			require.Less(t, time.Since(begun), 30*time.Second)
		})
	}

	s := newFileStage(t, setup{})
	_, _, err := s.sample(workflows.SampleInput{})
	require.ErrorContains(t, err, "reads files that people send: there is no vendor to ask")
}

func TestASampleIsFetchedInThePoolOfItsConnector(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate, settings: map[string]string{"pool": "emea"}})
	s.servePool("emea")
	sampled, _, err := s.sample(workflows.SampleInput{})
	require.NoError(t, err)
	require.Len(t, s.take(sampled[0]), 5)
}

func TestACancelledSampleEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: faults.Trickle, Bytes: 1, Delay: 50 * time.Millisecond, Endpoint: faults.Applications}))
	run, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.SampleWorkflowID(s.profile, "x"), TaskQueue: s.queue},
		workflows.SampleType, workflows.SampleInput{Profile: s.profile, AssetTypes: []string{"APPLICATION"}, Records: 5})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.sim.Counts().Faults[faults.Trickle] > 0 }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), run.GetID(), ""))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.ErrorContains(t, run.Get(ctx, nil), "canceled")
}
