package vm

import (
	"iter"

	"sluice/internal/simulator/account"
)

// Hosts yields the hosts that somebody with a scope is shown now, ascending by
// id, malformed ones included. It takes constant memory.
func (w *World) Hosts(scope account.Scope) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		for r := range w.Records(scope) {
			if !yield(r.Host()) {
				return
			}
		}
	}
}

// Detections yields all detections on those hosts, fixed, ignored, disabled and
// merely informative ones included, host by host.
func (w *World) Detections(scope account.Scope) iter.Seq[Detection] {
	return func(yield func(Detection) bool) {
		for r := range w.Records(scope) {
			for d := range r.Detections() {
				whole := *d
				whole.Results = d.resultsText()
				if !yield(whole) {
					return
				}
			}
		}
	}
}

// Records yields the hosts in scope as they are; each is overwritten by the
// next.
func (w *World) Records(scope account.Scope) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		var r Record
		for index := range w.Len() {
			if !w.Visible(index, scope) {
				continue
			}
			w.Load(&r, index)
			if !yield(&r) {
				return
			}
		}
	}
}
