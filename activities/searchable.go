package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"sluice/internal/visibility"
)

// Searchable says whether runs can be given their search attributes: a
// namespace that does not know them would refuse every task that sets them.
func (a *Activities) Searchable(ctx context.Context) (bool, error) {
	if a.searchable.Load() {
		return true, nil
	}
	there, err := visibility.Available(ctx, activity.GetClient(ctx))
	if err != nil {
		return false, err
	}
	if there {
		a.searchable.Store(true)
	} else {
		a.log.Warn("the search attributes of runs are not registered, so runs cannot be found by them; a worker registers them when it starts, or logs how to")
	}
	return there, nil
}
