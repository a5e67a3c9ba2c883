package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// PlanInput asks for a run of a profile.
type PlanInput struct {
	Profile      string         `json:"profile"`
	Mode         lifecycle.Mode `json:"mode"`
	AcceptShrink bool           `json:"acceptShrink,omitempty"`
	// Since makes it a run that reads again from a date; see lifecycle.ParseSince.
	Since string `json:"since,omitempty"`
	// Upload is the file to read, of a kind that reads files.
	Upload int64 `json:"upload,omitempty"`
	// DryRun: what it writes into the inventory is rolled back.
	DryRun bool `json:"dryRun,omitempty"`
}

// Planned is what the workflow needs to know of a run's plan; the plan itself
// is in the catalog.
type Planned struct {
	RunID         int64          `json:"runId"`
	Profile       string         `json:"profile,omitempty"`
	Connector     string         `json:"connector"`
	Mode          lifecycle.Mode `json:"mode"`
	ModeReason    string         `json:"modeReason"`
	RejectPercent int32          `json:"rejectPercent"`
	Streams       []string       `json:"streams"`
	// Roles are those of the streams, by name.
	Roles map[string]source.Role `json:"roles,omitempty"`
	// Pool is the worker pool that the run's fetches are made in; empty: all
	// workers. It is that of the connector when the run began: where a run is
	// made from is part of what it goes by.
	Pool string `json:"pool,omitempty"`
	// Warnings are what people are to know of the connector, whatever comes.
	Warnings []string `json:"warnings,omitempty"`
	// Skipped says why there is no run: another holds the profile.
	Skipped string `json:"skipped,omitempty"`
}

// Plan takes the profile's lease and fixes what the run goes by.
func (a *Activities) Plan(ctx context.Context, in PlanInput) (Planned, error) {
	planned, err := a.plan(ctx, in)
	return planned, a.toTemporal(ctx, err)
}

func (a *Activities) plan(ctx context.Context, in PlanInput) (Planned, error) {
	plan, err := a.draft(ctx, in)
	if err != nil {
		return Planned{}, err
	}
	if in.DryRun {
		plan.Dry, plan.ModeReason = true, "dry run: "+plan.ModeReason
	}
	return a.begin(ctx, plan)
}

// begin takes the lease of the plan's profile, and with it begins the run.
func (a *Activities) begin(ctx context.Context, plan catalog.Plan) (Planned, error) {
	connector, err := a.store.ConnectorByID(ctx, plan.ConnectorID)
	if err != nil {
		return Planned{}, err
	}
	info := activity.GetInfo(ctx)
	execution, err := describe(ctx, info.WorkflowExecution.ID, info.WorkflowExecution.RunID)
	if err != nil {
		return Planned{}, err
	}
	self := catalog.Execution{WorkflowID: info.WorkflowExecution.ID, FirstRunID: execution.GetFirstRunId()}
	plan.StartedBy = startedBy(execution)
	runID, begun, holder, err := a.store.BeginRun(ctx, self, plan)
	if err != nil {
		return Planned{}, err
	}
	if holder != nil {
		running, how, err := a.stillRuns(ctx, holder.Execution)
		if err != nil {
			return Planned{}, err
		}
		if running {
			return Planned{Skipped: fmt.Sprintf("run %d of the profile (workflow %s) is under way", holder.RunID, holder.WorkflowID)}, nil
		}
		outcome := lifecycle.Failed
		if how == enums.WORKFLOW_EXECUTION_STATUS_CANCELED {
			outcome = lifecycle.Cancelled
		}
		reason := fmt.Sprintf("the workflow ended without finishing the run (%s)", how)
		if how == enums.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED {
			reason = "the workflow is gone without having finished the run"
		}
		if err := a.store.BreakLease(ctx, holder.RunID, outcome, reason); err != nil {
			return Planned{}, err
		}
		a.note(ctx, plan, holder.RunID, "warn", reason, nil)
		// Another contender may be faster; then it is the holder.
		if runID, begun, holder, err = a.store.BeginRun(ctx, self, plan); err != nil {
			return Planned{}, err
		}
		if holder != nil {
			return Planned{Skipped: fmt.Sprintf("run %d of the profile (workflow %s) is under way", holder.RunID, holder.WorkflowID)}, nil
		}
	}
	a.note(ctx, begun, runID, "info", fmt.Sprintf("run %d began: %s (%s)", runID, begun.Mode, begun.ModeReason), nil)
	planned := Planned{RunID: runID, Profile: begun.Profile, Connector: begun.Connector, Mode: begun.Mode, ModeReason: begun.ModeReason, RejectPercent: begun.RejectPercent,
		Roles: make(map[string]source.Role), Pool: connector.Settings[source.FieldPool], Warnings: warnings(connector)}
	for _, warning := range planned.Warnings {
		a.note(ctx, begun, runID, "warn", warning, nil)
	}
	for _, s := range begun.Streams {
		planned.Streams = append(planned.Streams, s.Name)
		planned.Roles[s.Name] = s.Role
	}
	return planned, nil
}

// draft makes the plan from the profile as it is now.
func (a *Activities) draft(ctx context.Context, in PlanInput) (catalog.Plan, error) {
	profile, err := a.store.Profile(ctx, in.Profile)
	if err != nil {
		return catalog.Plan{}, err
	}
	connector, err := a.store.ConnectorByID(ctx, profile.ConnectorID)
	if err != nil {
		return catalog.Plan{}, err
	}
	if !profile.Active || !connector.Active {
		return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "inactive",
			Message: fmt.Sprintf("profile %s or its connector %s is inactive", profile.Name, connector.Name), Advice: "activate it before running it"}
	}
	kind, err := kinds.Find(profile.Kind)
	if err != nil {
		return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "unknown-kind", Message: "profile " + profile.Name, Err: err,
			Advice: "this worker is older than the profile: update it"}
	}
	if err := a.checkUpload(ctx, in, profile, kind); err != nil {
		return catalog.Plan{}, err
	}
	watermarks, err := a.store.Watermarks(ctx, profile.ID)
	if err != nil {
		return catalog.Plan{}, err
	}
	plan := catalog.Plan{
		ProfileID: profile.ID, Profile: profile.Name, ConnectorID: connector.ID, Connector: connector.Name,
		Kind: profile.Kind, Filters: profile.Filters, Policy: profile.Policy, AcceptShrink: in.AcceptShrink,
	}
	if err := source.CheckFilters(kind, profile.Filters); err != nil {
		return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "bad-filter", Message: "profile " + profile.Name, Err: err,
			Advice: "change the profile's filters: 'sluice profiles update " + profile.Name + " --help'"}
	}
	overlap := make(map[string]time.Duration)
	digests := make(map[string]string) // of what the streams' maps do
	for _, name := range profile.AssetTypes {
		assetType, err := kinds.AssetType(kind, name)
		if err != nil {
			return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "unknown-asset-type", Message: "profile " + profile.Name, Err: err}
		}
		version, err := a.store.LatestMap(ctx, profile.Maps[name])
		if err != nil {
			return catalog.Plan{}, err
		}
		if assetType.Model == "" {
			if err := a.checkRecords(ctx, assetType, version); err != nil {
				return catalog.Plan{}, err
			}
		}
		plan.Streams = append(plan.Streams, catalog.PlannedStream{
			Name: name, Role: assetType.Role, Class: assetType.Class, MapID: version.ID, Nested: assetType.Nested})
		overlap[name], digests[name] = assetType.Overlap, version.Digest
		if assetType.Role != source.Reference {
			continue
		}
		delete(watermarks, name)
		if w, err := a.store.ReferenceWatermark(ctx, connector.ID, name, version.Digest); err != nil {
			return catalog.Plan{}, err
		} else if w != nil {
			watermarks[name] = *w
		}
	}
	since, err := lifecycle.ParseSince(in.Since, in.Mode, time.Now())
	if err != nil {
		return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "bad-input", Message: err.Error()}
	}
	if !since.IsZero() {
		plan.Mode, plan.ModeReason, plan.Again = lifecycle.Delta, "reads again what changed since "+in.Since, true
		for i := range plan.Streams {
			plan.Streams[i].Since = since
		}
		return plan, nil
	}
	if in.Upload != 0 {
		return ofUpload(plan, in, time.Now()), nil
	}
	plan.Mode, plan.ModeReason = decideMode(in.Mode, plan, digests, watermarks, time.Now())
	for i := range plan.Streams {
		s := &plan.Streams[i]
		if w, ok := watermarks[s.Name]; ok && readsOn(s.Role, w, plan, in.Mode, time.Now()) {
			s.Since, s.FullAt = w.Clock.Add(-overlap[s.Name]), w.FullAt
		}
	}
	return plan, nil
}

// readsOn says whether a stream is read from its watermark on. What findings
// refer to is kept for all profiles of the connector and goes by itself,
// whatever the other streams need: each of its entries says when it changed.
func readsOn(role source.Role, w catalog.Watermark, plan catalog.Plan, asked lifecycle.Mode, now time.Time) bool {
	if role != source.Reference {
		return plan.Mode == lifecycle.Delta
	}
	return asked == lifecycle.Delta || asked != lifecycle.Full && !tooOld(w, plan, now)
}

// tooOld says whether a stream's last full run is older than the profile allows.
func tooOld(w catalog.Watermark, plan catalog.Plan, now time.Time) bool {
	return now.Sub(w.FullAt) > time.Duration(plan.FullEveryHours)*time.Hour
}

// decideMode says whether a delta run can be trusted to see all that matters.
// Versions of a map that do the same, by their digests, are as one.
func decideMode(asked lifecycle.Mode, plan catalog.Plan, digests map[string]string, watermarks map[string]catalog.Watermark, now time.Time) (lifecycle.Mode, string) {
	if asked == lifecycle.Full {
		return lifecycle.Full, "asked for"
	}
	for _, s := range plan.Streams {
		if s.Role == source.Reference {
			continue
		}
		w, ok := watermarks[s.Name]
		if !ok {
			return lifecycle.Full, "no complete run of " + s.Name + " yet"
		}
		if asked == lifecycle.Delta {
			continue
		}
		if w.Missed {
			return lifecycle.Full, "the last full run of " + s.Name + " was not complete"
		}
		if w.MapDigest != digests[s.Name] {
			return lifecycle.Full, "the transform map of " + s.Name + " has changed"
		}
		if !maps.EqualFunc(w.Filters, plan.Filters, slices.Equal) {
			return lifecycle.Full, "the profile's filters have changed"
		}
		if tooOld(w, plan, now) {
			return lifecycle.Full, fmt.Sprintf("the last full run is %d hours old", int(now.Sub(w.FullAt).Hours()))
		}
	}
	if asked == lifecycle.Delta {
		return lifecycle.Delta, "asked for"
	}
	return lifecycle.Delta, "the last full run is recent enough"
}

// MemoStartedBy is the memo by which whoever starts a run can say so.
const MemoStartedBy = "startedBy"

// startedBy says who started a run: a schedule, a starter that says so in the
// memo, or a person in the Temporal UI.
func startedBy(execution *workflow.WorkflowExecutionInfo) string {
	if execution.GetSearchAttributes().GetIndexedFields()["TemporalScheduledById"] != nil {
		return "schedule"
	}
	var by string
	if memo := execution.GetMemo().GetFields()[MemoStartedBy]; memo != nil && converter.GetDefaultDataConverter().FromPayload(memo, &by) == nil {
		return by
	}
	return "ui"
}

// stillRuns asks Temporal whether an execution chain is still running, and if
// not, how it ended, as far as that is known.
func (a *Activities) stillRuns(ctx context.Context, e catalog.Execution) (running bool, ended enums.WorkflowExecutionStatus, err error) {
	latest, err := describe(ctx, e.WorkflowID, "")
	if err != nil {
		return false, 0, err
	}
	if latest.GetFirstRunId() == e.FirstRunID {
		return latest.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, latest.GetStatus(), nil
	}
	// A later chain has the workflow id now, or history is past its retention.
	first, err := describe(ctx, e.WorkflowID, e.FirstRunID)
	return false, first.GetStatus(), err
}

// describe returns what Temporal knows of an execution; nil when nothing.
func describe(ctx context.Context, workflowID, runID string) (*workflow.WorkflowExecutionInfo, error) {
	d, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, workflowID, runID)
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe workflow %s: %w", workflowID, err)
	}
	return d.GetWorkflowExecutionInfo(), nil
}
