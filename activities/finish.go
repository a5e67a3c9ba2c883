package activities

import (
	"context"
	"fmt"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
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

// Finish closes the run: watermarks, history, lease.
func (a *Activities) Finish(ctx context.Context, in FinishInput) error {
	return toTemporal(ctx, a.finish(ctx, in))
}

func (a *Activities) finish(ctx context.Context, in FinishInput) error {
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
	return nil
}
