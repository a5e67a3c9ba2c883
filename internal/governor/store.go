package governor

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// A Key names what a State is of.
type Key struct {
	Subscription string
	API          string
}

// A Store keeps States for all who share them. It is safe for concurrent use.
type Store interface {
	// Change has f change the state of the key, while nobody else does, and
	// keeps it when f says that it did change it. A state that is not there yet
	// is empty. now is the store's time. f is called once, and quick.
	Change(ctx context.Context, key Key, f func(now time.Time, s *State) (changed bool)) error
	// Read returns a state as it is now, and the store's time.
	Read(ctx context.Context, key Key) (State, time.Time, error)
	// List returns the states of a subscription by API, and the store's time.
	List(ctx context.Context, subscription string) (map[string]State, time.Time, error)
}

// Memory is a Store within one process.
type Memory struct {
	mu     sync.Mutex
	states map[Key][]byte // as any store has them
}

// NewMemory makes an empty one.
func NewMemory() *Memory { return &Memory{states: map[Key][]byte{}} }

// Change implements Store.
func (m *Memory) Change(ctx context.Context, key Key, f func(now time.Time, s *State) bool) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.state(key)
	if err != nil || !f(time.Now(), &s) {
		return err
	}
	m.states[key], err = json.Marshal(s)
	return err
}

// Read implements Store.
func (m *Memory) Read(_ context.Context, key Key) (State, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.state(key)
	return s, time.Now(), err
}

// List implements Store.
func (m *Memory) List(_ context.Context, subscription string) (map[string]State, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := map[string]State{}
	for key := range m.states {
		if key.Subscription != subscription {
			continue
		}
		s, err := m.state(key)
		if err != nil {
			return nil, time.Time{}, err
		}
		list[key.API] = s
	}
	return list, time.Now(), nil
}

func (m *Memory) state(key Key) (s State, err error) {
	if kept := m.states[key]; kept != nil {
		err = json.Unmarshal(kept, &s)
	}
	return s, err
}
