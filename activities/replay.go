package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/fault"
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
	// AcceptShrink lets it mark any share of the assets stale, and of the
	// findings fixed.
	AcceptShrink bool `json:"acceptShrink,omitempty"`
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
	planned, err := a.begin(ctx, plan)
	if err != nil {
		return planned, err
	}
	planned.Pool, planned.Warnings = "", nil // no vendor is asked
	if planned.RunID == 0 {
		return planned, nil
	}
	var since catalog.Since
	if err := pgx.BeginFunc(ctx, a.store.Pool(), func(tx pgx.Tx) (err error) {
		since, err = catalog.SinceRun(ctx, tx, planned.RunID, in.Run, "")
		return err
	}); err != nil {
		return planned, err
	}
	if since.Overtaken {
		warning := fmt.Sprintf("there were other runs since run %d: what they brought stays as it is; "+
			"to map it anew too, replay them after this one, the oldest first, or fetch all with '%s'", in.Run, "sluice run "+plan.Profile+" --mode full")
		planned.Warnings = []string{warning}
		a.note(ctx, plan, planned.RunID, "warn", warning, nil)
	}
	return planned, nil
}

// draftReplay makes the plan from that of the run, and from the maps.
func (a *Activities) draftReplay(ctx context.Context, in ReplayInput) (catalog.Plan, error) {
	plan, err := a.replayable(ctx, catalog.Replay{Run: in.Run, RejectsOnly: in.RejectsOnly})
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
	plan.Policy, plan.Dry, plan.Upload, plan.AcceptShrink = profile.Policy, false, 0, in.AcceptShrink
	return plan, nil
}

// replayable returns the plan of the run that is replayed, if it can be.
func (a *Activities) replayable(ctx context.Context, replay catalog.Replay) (catalog.Plan, error) {
	plan, err := a.store.Replayable(ctx, replay.Run)
	if err == nil && replay.RejectsOnly {
		err = a.store.RejectsReplayable(ctx, replay.Run)
	}
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
	if !versioned {
		return a.store.LatestMap(ctx, name)
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return catalog.MapVersion{}, refusedMap(fmt.Errorf("%q is no version of a map: write it as %s@2", ref, name))
	}
	return a.store.MapAt(ctx, name, int32(n))
}

func refusedMap(err error) error {
	return &fault.Error{Class: fault.Refused, Code: "bad-map", Message: err.Error()}
}

// Reread is Fetch of a replay: it says what a batch takes of what the replayed
// run fetched. It stores nothing, for that is stored.
func (a *Activities) Reread(ctx context.Context, ref catalog.BatchRef) (Fetched, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Stream: ref.Stream, Batch: ref.Batch, Doing: "looking up"})
	defer stop()
	fetched, err := a.reread(beating, ref)
	return fetched, a.toTemporal(beating, err)
}

func (a *Activities) reread(ctx context.Context, ref catalog.BatchRef) (Fetched, error) {
	plan, err := a.store.PlanOf(ctx, ref.RunID)
	if err != nil {
		return Fetched{}, err
	}
	if ref.Batch == 1 {
		// Since the lease is held nothing is deleted; something may have been
		// while it was waited for.
		if _, err := a.replayable(ctx, *plan.Replay); err != nil {
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
	fetched := Fetched{BatchRecords: batch.Records, Records: batch.Before + batch.Records, Expected: batch.All, Ended: batch.Last}
	if !batch.Last || plan.Replay.RejectsOnly {
		return fetched, nil
	}
	// What the run could not fetch, its replay does not have either.
	how, err := a.store.HowFetched(ctx, plan.Replay.Run, ref.Stream)
	if err != nil {
		return Fetched{}, err
	}
	fetched.SetAside, fetched.Unread, fetched.Doubt = how.SetAside, how.Unread, how.Doubt
	if !how.Ended {
		fetched.Doubt = fmt.Sprintf("run %d did not fetch it to its end, so that there is no more to replay", plan.Replay.Run)
	}
	return fetched, nil
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
