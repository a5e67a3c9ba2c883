package azureapim

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
)

// A connection test looks into so many subscriptions and services: it is to
// end within a minute, and not to use up what ARM allows.
const (
	probedSubscriptions = 200
	probedServices      = 100
)

// first is the beginning of a list.
func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }

// ofFirst says that not all of a list was looked into.
func ofFirst(read, all int, what string) string {
	if read == all {
		return ""
	}
	return fmt.Sprintf(" in the first %d of %d %s", read, all, what)
}

func sum(counts []int) int64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	return int64(total)
}

// refuse notes an error that concerns one scope alone; others are returned.
type refuse func(err error) error

// refusals are errors of scopes that could not be read, in no order.
type refusals []error

// each does something n times, some at the same time. An error that concerns
// one of them alone does not end the others.
func (p *probe) each(ctx context.Context, n int, do func(ctx context.Context, i int, refuse refuse) error) (refusals, error) {
	var mu sync.Mutex
	var refused refusals
	refuse := func(err error) error {
		if !azure.Skippable(err) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, err)
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.session.options.Concurrency)
	for i := range n {
		group.Go(func() error {
			if err := do(ctx, i, refuse); err != nil {
				return refuse(err)
			}
			return nil
		})
	}
	err := group.Wait()
	return refused, err
}

// tell adds to a check what could not be read, and what comes of it.
func (r refusals) tell(told *source.Check, what, then string) {
	if len(r) == 0 {
		return
	}
	told.Message += fmt.Sprintf("; %d %s cannot be read%s: %s", len(r), what, then, azure.Said(r[0]))
	if f := fault.As(r[0]); f != nil {
		told.Advice = f.Advice
	}
}
