package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/lifecycle"
	"sluice/internal/source/kinds"
)

// PlanInput asks for a run of a profile.
type PlanInput struct {
	Profile      string         `json:"profile"`
	Mode         lifecycle.Mode `json:"mode"`
	AcceptShrink bool           `json:"acceptShrink,omitempty"`
	// Since makes it a run that reads again from a date; see lifecycle.ParseSince.
	Since string `json:"since,omitempty"`
}

// Planned is what the workflow needs to know of a run's plan; the plan itself
// is in the catalog.
type Planned struct {
	RunID         int64          `json:"runId"`
	Connector     string         `json:"connector"`
	Mode          lifecycle.Mode `json:"mode"`
	ModeReason    string         `json:"modeReason"`
	RejectPercent int32          `json:"rejectPercent"`
	Streams       []string       `json:"streams"`
	// Skipped says why there is no run: another holds the profile.
	Skipped string `json:"skipped,omitempty"`
}

// Plan takes the profile's lease and fixes what the run goes by.
func (a *Activities) Plan(ctx context.Context, in PlanInput) (Planned, error) {
	planned, err := a.plan(ctx, in)
	return planned, toTemporal(ctx, err)
}

func (a *Activities) plan(ctx context.Context, in PlanInput) (Planned, error) {
	plan, err := a.draft(ctx, in)
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
	planned := Planned{RunID: runID, Connector: begun.Connector, Mode: begun.Mode, ModeReason: begun.ModeReason, RejectPercent: begun.RejectPercent}
	for _, s := range begun.Streams {
		planned.Streams = append(planned.Streams, s.Name)
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
	watermarks, err := a.store.Watermarks(ctx, profile.ID)
	if err != nil {
		return catalog.Plan{}, err
	}
	plan := catalog.Plan{
		ProfileID: profile.ID, Profile: profile.Name, ConnectorID: connector.ID, Connector: connector.Name,
		Kind: profile.Kind, Policy: profile.Policy, AcceptShrink: in.AcceptShrink,
	}
	for _, name := range profile.AssetTypes {
		assetType, err := kinds.AssetType(kind, name)
		if err != nil {
			return catalog.Plan{}, &fault.Error{Class: fault.Refused, Code: "unknown-asset-type", Message: "profile " + profile.Name, Err: err}
		}
		version, err := a.store.LatestMap(ctx, profile.Maps[name])
		if err != nil {
			return catalog.Plan{}, err
		}
		stream := catalog.PlannedStream{Name: name, Class: assetType.Class, MapID: version.ID, Nested: assetType.Nested}
		if w, ok := watermarks[name]; ok {
			stream.Since = w.Clock.Add(-assetType.Overlap)
		}
		plan.Streams = append(plan.Streams, stream)
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
	plan.Mode, plan.ModeReason = decideMode(in.Mode, plan, watermarks, time.Now())
	if plan.Mode == lifecycle.Full {
		for i := range plan.Streams {
			plan.Streams[i].Since = time.Time{}
		}
	}
	return plan, nil
}

// decideMode says whether a delta run can be trusted to see all that matters.
func decideMode(asked lifecycle.Mode, plan catalog.Plan, watermarks map[string]catalog.Watermark, now time.Time) (lifecycle.Mode, string) {
	if asked == lifecycle.Full {
		return lifecycle.Full, "asked for"
	}
	for _, s := range plan.Streams {
		w, ok := watermarks[s.Name]
		if !ok {
			return lifecycle.Full, "no complete run of " + s.Name + " yet"
		}
		if asked == lifecycle.Delta {
			continue
		}
		if w.MapID != s.MapID {
			return lifecycle.Full, "the transform map of " + s.Name + " has changed"
		}
		if age := now.Sub(w.FullAt); age > time.Duration(plan.FullEveryHours)*time.Hour {
			return lifecycle.Full, fmt.Sprintf("the last full run is %d hours old", int(age.Hours()))
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
