// Package snapshot holds what changes as a whole and is read without waiting:
// the estates of the simulated vendor. A reader keeps the snapshot it has taken,
// whatever changes meanwhile.
package snapshot

import (
	"sync"
	"sync/atomic"
)

// Latest is the newest snapshot of a T. Snapshots are never written to. Make one
// with Of; safe for concurrent use.
type Latest[T any] struct {
	changing sync.Mutex // serialises changes
	value    atomic.Pointer[T]
}

// Of begins with a first snapshot.
func Of[T any](first *T) *Latest[T] {
	l := new(Latest[T])
	l.value.Store(first)
	return l
}

// Load returns the newest snapshot.
func (l *Latest[T]) Load() *T { return l.value.Load() }

// Change publishes what edit makes of a copy of the newest snapshot; when edit
// fails, nothing changes. The copy shares what the snapshot refers to: edit
// replaces slices and never writes to them.
func (l *Latest[T]) Change(edit func(*T) error) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	next := *l.Load()
	if err := edit(&next); err != nil {
		return err
	}
	l.value.Store(&next)
	return nil
}
