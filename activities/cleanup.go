package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"sluice/internal/catalog"
)

// CleanUp deletes what is past its retention.
func (a *Activities) CleanUp(ctx context.Context) (catalog.Cleaned, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Doing: "cleaning up"})
	defer stop()
	done, err := a.store.CleanUp(beating, catalog.Retention{Raw: a.limits.RawRetention, Log: a.limits.LogRetention}, time.Now())
	if err == nil {
		a.log.Info("cleaned up", zap.Any("deleted", done))
	}
	return done, a.toTemporal(beating, err)
}
