package azureapim

import (
	"context"
	"sync"
)

// keyed are locks by name.
type keyed struct {
	mu   sync.Mutex
	held map[string]*turnstile
}

type turnstile struct {
	free  chan struct{} // has an element while nobody holds it
	users int           // those who hold it or wait
}

func newKeyed() *keyed { return &keyed{held: map[string]*turnstile{}} }

// acquire waits until the name is free.
func (k *keyed) acquire(ctx context.Context, name string) (release func(), err error) {
	k.mu.Lock()
	t := k.held[name]
	if t == nil {
		t = &turnstile{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		k.held[name] = t
	}
	t.users++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(k.held, name)
		}
	}
	select {
	case <-t.free:
		return func() { t.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
