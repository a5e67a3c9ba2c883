package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/fault"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// ReplayInput asks for a replay of a run.
type ReplayInput struct {
	Run int64 `json:"run"`
	// Maps are those to map by, by asset type: "name", or "name@version". An
	// asset type that is left out is mapped as its profile says now.
	Maps        map[string]string `json:"maps,omitempty"`
	RejectsOnly bool              `json:"rejectsOnly,omitempty"`
}

// PlanReplay takes the lease of the run's profile and fixes what the replay
// goes by.
func (a *Activities) PlanReplay(ctx context.Context, in ReplayInput) (Planned, error) {
	planned, err := a.planReplay(ctx, in)
	return planned, a.toTemporal(ctx, err)
}

func (a *Activities) planReplay(ctx context.Context, in ReplayInput) (Planned, error) {
	plan, err := a.draftReplay(ctx, in)
	if err != nil {
		return Planned{}, err
	}
	of, err := a.store.Run(ctx, in.Run)
	if err != nil {
		return Planned{}, err
	}
	planned, err := a.begin(ctx, plan)
	planned.Pool, planned.Warnings = "", nil // no vendor is asked
	if of.Outcome != lifecycle.Succeeded && planned.RunID != 0 {
		warning := fmt.Sprintf("run %d was %s: there is no more to replay than what it fetched", of.ID, of.Outcome)
		planned.Warnings = []string{warning}
		a.note(ctx, plan, planned.RunID, "warn", warning, nil)
	}
	if in.RejectsOnly {
		planned.RejectPercent = 100 // of what was rejected, all may be again
	}
	return planned, err
}

// draftReplay makes the plan from that of the run, and from the maps.
func (a *Activities) draftReplay(ctx context.Context, in ReplayInput) (catalog.Plan, error) {
	plan, err := a.replayable(ctx, in.Run)
	if err != nil {
		return plan, err
	}
	profile, err := a.store.Profile(ctx, plan.Profile)
	if err != nil {
		return plan, err
	}
	kind, err := kinds.Find(plan.Kind)
	if err != nil {
		return plan, &fault.Error{Class: fault.Refused, Code: "unknown-kind", Message: "profile " + profile.Name, Err: err,
			Advice: "this worker is older than the profile: update it"}
	}
	for name := range in.Maps {
		if !slices.ContainsFunc(plan.Streams, func(s catalog.PlannedStream) bool { return s.Name == name }) {
			return plan, refusedMap(fmt.Errorf("run %d brought no %s", in.Run, name))
		}
	}
	var by []string
	for i := range plan.Streams {
		s := &plan.Streams[i]
		version, err := a.mapForReplay(ctx, in, profile, kind, *s)
		if err != nil {
			return plan, err
		}
		s.MapID = version.ID
		if !slices.Contains(by, version.Ref()) {
			by = append(by, version.Ref())
		}
	}
	plan.Mode, plan.Replay = lifecycle.Replay, &catalog.Replay{Run: in.Run, RejectsOnly: in.RejectsOnly}
	plan.ModeReason = fmt.Sprintf("replay of run %d by map %s", in.Run, strings.Join(by, ", "))
	if in.RejectsOnly {
		plan.ModeReason = "what was rejected: " + plan.ModeReason
	}
	plan.Policy, plan.Dry, plan.Upload, plan.AcceptShrink = profile.Policy, false, 0, false
	return plan, nil
}

// replayable returns the plan of a run that can be replayed.
func (a *Activities) replayable(ctx context.Context, runID int64) (catalog.Plan, error) {
	plan, err := a.store.Replayable(ctx, runID)
	var no *catalog.NotReplayableError
	if errors.As(err, &no) {
		err = &fault.Error{Class: fault.Refused, Code: "not-replayable", Message: no.Error()}
	}
	return plan, err
}

// mapForReplay is the version of the map that a stream is replayed by.
func (a *Activities) mapForReplay(ctx context.Context, in ReplayInput, profile catalog.Profile, kind source.Kind, s catalog.PlannedStream) (catalog.MapVersion, error) {
	ref := in.Maps[s.Name]
	if ref == "" {
		ref = profile.Maps[s.Name]
	}
	if ref == "" { // the profile does not bring it in any more
		return a.store.MapByID(ctx, s.MapID)
	}
	version, err := a.mapByRef(ctx, ref)
	if err != nil {
		return version, err
	}
	assetType, err := kinds.AssetType(kind, s.Name)
	if err != nil {
		return version, refusedMap(err)
	}
	m, err := transform.ParseMap(version.Ref(), []byte(version.Body))
	if err != nil {
		return version, refusedMap(err)
	}
	if err := declare.CheckMap(m, assetType, s.Name); err != nil {
		return version, refusedMap(err)
	}
	if assetType.Model == "" {
		err = a.checkRecords(ctx, assetType, version)
	}
	return version, err
}

// mapByRef finds "name", its latest version, or "name@version". What is wrong
// with the name is refused at once; what is wrong with the database passes.
func (a *Activities) mapByRef(ctx context.Context, ref string) (catalog.MapVersion, error) {
	name, number, versioned := strings.Cut(ref, "@")
	versions, err := a.store.HistoryOfMap(ctx, name)
	switch {
	case err != nil:
		return catalog.MapVersion{}, err
	case !versioned && versions[0].DeletedAt == nil:
		return versions[0].MapVersion, nil
	case !versioned:
		return catalog.MapVersion{}, refusedMap(fmt.Errorf("transform map %s was deleted", name))
	}
	for _, v := range versions {
		if strconv.Itoa(int(v.Version)) == number {
			return v.MapVersion, nil
		}
	}
	return catalog.MapVersion{}, refusedMap(fmt.Errorf("map %s has no version %q: it has 1 to %d", name, number, versions[0].Version))
}

func refusedMap(err error) error {
	return &fault.Error{Class: fault.Refused, Code: "bad-map", Message: err.Error()}
}

// Reread is Fetch of a replay: it says what a batch takes of what the replayed
// run fetched. It stores nothing, for that is stored.
func (a *Activities) Reread(ctx context.Context, ref catalog.BatchRef) (Fetched, error) {
	fetched, err := a.reread(ctx, ref)
	return fetched, a.toTemporal(ctx, err)
}

func (a *Activities) reread(ctx context.Context, ref catalog.BatchRef) (Fetched, error) {
	plan, err := a.store.PlanOf(ctx, ref.RunID)
	if err != nil {
		return Fetched{}, err
	}
	if ref.Batch == 1 {
		// Since the lease is held nothing is deleted; something may have been
		// while it was waited for.
		if _, err := a.replayable(ctx, plan.Replay.Run); err != nil {
			return Fetched{}, err
		}
	}
	batch, err := a.store.ReplayBatch(ctx, *plan.Replay, ref.Stream, ref.Batch)
	if err != nil {
		return Fetched{}, err
	}
	if batch == nil { // nothing of the stream is replayed
		batch = &catalog.ReplayBatch{Last: true}
	}
	if err := a.store.NoteReread(ctx, ref, *batch); err != nil {
		return Fetched{}, err
	}
	return Fetched{BatchRecords: batch.Records, Records: batch.Before + batch.Records, Expected: batch.All, Ended: batch.Last}, nil
}

// replayed returns the batch that a replay's batch is made of and, where not
// all of its records are taken, the places of those that are.
func (a *Activities) replayed(ctx context.Context, replay catalog.Replay, ref catalog.BatchRef) (stored catalog.BatchRef, only map[int64]bool, err error) {
	batch, err := a.store.ReplayBatch(ctx, replay, ref.Stream, ref.Batch)
	if err == nil && batch == nil {
		err = fmt.Errorf("run %d has no batch %d of %s to replay", replay.Run, ref.Batch, ref.Stream)
	}
	if err != nil {
		return ref, nil, err
	}
	if replay.RejectsOnly {
		only, err = a.store.RejectedRecords(ctx, batch.Ref)
	}
	return batch.Ref, only, err
}

// replaying says what a replay's batches are held against.
func (a *Activities) replaying(ctx context.Context, replay catalog.Replay) (*inventory.Replayed, error) {
	began, overtaken, err := a.store.Overtaken(ctx, replay.Run)
	return &inventory.Replayed{RunID: replay.Run, Began: began, Overtaken: overtaken}, err
}
