package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
	"sluice/workflows"
)

// fetchBound is how long it may take to fetch some records.
const fetchBound = 5 * time.Minute

// fetched has a worker fetch the first records that a profile reads now. What
// people have sent in files is taken as it is kept.
func (s *sample) fetched(ctx context.Context, a *app, m *transform.Map, one func(string, []byte) error) error {
	profile, assetTypes, err := a.streamsFor(ctx, s.profile, m)
	if err != nil {
		return err
	}
	kind, err := kinds.Find(profile.Kind)
	if err != nil {
		return err
	}
	if source.ReadsUploads(kind) {
		a.note("Profile %s reads files that people send: these are records that are kept of its last import.", profile.Name)
		return s.ofProfile(ctx, a, m, one)
	}
	found, err := a.fetchSample(ctx, profile, workflows.SampleInput{Profile: profile.Name, AssetTypes: assetTypes, Records: s.records})
	if err != nil {
		return err
	}
	records := 0
	for _, sampled := range found.Samples {
		for _, text := range sampled.Unread {
			a.note("%s: %s", sampled.AssetType, harmless(text))
		}
		if sampled.ID == 0 {
			continue
		}
		records += sampled.Records
		lines, err := a.store.TakeSample(ctx, sampled.ID)
		if err != nil {
			return err
		}
		for record := range bytes.Lines(lines) {
			if err := one("fetched, "+sampled.AssetType, record); err != nil {
				return err
			}
		}
	}
	if records == 0 {
		return fmt.Errorf("there are no records of %s to look at: the account of connector %s sees none, or none that meets the filters of profile %s",
			strings.Join(assetTypes, ", "), profile.Connector, profile.Name)
	}
	return nil
}

// fetchSample runs the workflow that fetches some records, and waits for it.
// Whoever stops waiting does not want them any more.
func (a *app) fetchSample(ctx context.Context, p catalog.Profile, in workflows.SampleInput) (result workflows.SampleResult, err error) {
	temporal, err := a.dial(ctx)
	if err != nil {
		return result, err
	}
	id := workflows.SampleWorkflowID(p.Name, rand.Text())
	defer func() {
		if ctx.Err() == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialBound)
		defer cancel()
		_ = temporal.CancelWorkflow(ctx, id, "") // else it ends by itself soon
	}()
	a.note("fetching up to %d records of %s of profile %s ...", in.Records, strings.Join(in.AssetTypes, ", "), p.Name)
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: a.taskQueue(), WorkflowExecutionTimeout: fetchBound, StaticSummary: workflows.SampleSummary(p.Name),
	}, workflows.SampleType, in)
	if err != nil {
		return result, fmt.Errorf("have records fetched: %w", err)
	}
	err = a.await(ctx, temporal, run, &result, "no records of profile "+p.Name+" could be fetched")
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w\nRecords that are kept of its last run need no vendor: add --stored", err)
	}
	return result, err
}
