package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// FinishInput is how a run ended.
type FinishInput struct {
	RunID    int64             `json:"runId"`
	Outcome  lifecycle.Outcome `json:"outcome"`
	Reason   string            `json:"reason,omitempty"`
	AssetsIn bool              `json:"assetsIn"`
	// Complete names the streams whose watermark may move.
	Complete []string `json:"complete,omitempty"`
}

// Finish closes the run: watermarks, where it says how far the profile has come,
// history, lease.
func (a *Activities) Finish(ctx context.Context, in FinishInput) error {
	return a.toTemporal(ctx, a.finish(ctx, in))
}

func (a *Activities) finish(ctx context.Context, in FinishInput) error {
	a.readers.close(func(key readerKey) bool { return key.runID == in.RunID }) // those that this worker has
	plan, err := a.store.PlanOf(ctx, in.RunID)
	if err != nil {
		return err
	}
	if err := a.store.FinishRun(ctx, in.RunID, catalog.Ending{Outcome: in.Outcome, Reason: in.Reason, AssetsIn: in.AssetsIn, Complete: in.Complete}); err != nil {
		return err
	}
	level, message := "info", fmt.Sprintf("run %d %s", in.RunID, in.Outcome)
	if in.Reason != "" {
		level, message = "warn", message+": "+in.Reason
	}
	a.note(ctx, plan, in.RunID, level, message, nil)
	if plan.Dry {
		return nil
	}
	if err := a.warnOfUnknownQIDs(ctx, plan, in.RunID); err != nil { // the run is over all the same
		a.log.Warn("QIDs without an entry in the knowledge base could not be looked for", zap.Error(err))
	}
	return nil
}

// unknownShown is how many of them a warning names, and unknownWait how long it
// is worth waiting for: all findings are looked at, and the run is over.
const (
	unknownShown = 10
	unknownWait  = time.Minute
)

// warnOfUnknownQIDs says which findings the knowledge base cannot explain yet.
// They are complete as soon as their entries are there.
func (a *Activities) warnOfUnknownQIDs(ctx context.Context, plan catalog.Plan, runID int64) error {
	if !slices.ContainsFunc(plan.Streams, func(s catalog.PlannedStream) bool { return s.Role == source.Findings }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, unknownWait)
	defer cancel()
	unknown, err := inventory.UnknownQIDs(ctx, a.store.Pool(), plan.ConnectorID, unknownShown+1)
	if err != nil || len(unknown) == 0 {
		return err
	}
	var named []string
	for _, u := range unknown[:min(len(unknown), unknownShown)] {
		named = append(named, fmt.Sprintf("%d (%d findings)", u.QID, u.Findings))
	}
	if len(unknown) > unknownShown {
		named = append(named, "and more")
	}
	a.note(ctx, plan, runID, "warn", "the knowledge base has no entry yet for QID "+strings.Join(named, ", ")+
		": their findings have no title until it does; 'sluice knowledge missing' lists them", nil)
	return nil
}
