package devstack

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// A child that died is started again after restartFirst; each further time after twice as long
	// up to restartMax, until one has lived for steadyAfter.
	restartFirst = 100 * time.Millisecond
	restartMax   = 15 * time.Second
	steadyAfter  = 30 * time.Second
)

// Supervisor keeps one child running until it is stopped.
type Supervisor struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	process *Process
}

// Supervise starts a child with start, and again whenever it has died, with growing pauses. The
// first start happens before it returns and its error is the caller's; later ones are logged and
// tried again for ever. start gets a context that ends when the supervisor is stopped; ctx bounds
// the first start only.
func Supervise(ctx context.Context, log *zap.Logger, name string, start func(context.Context) (*Process, error)) (*Supervisor, error) {
	process, err := start(ctx)
	if err != nil {
		return nil, err
	}
	// The children outlive the start: they end by Stop.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Supervisor{cancel: cancel, done: make(chan struct{}), process: process}
	go s.watch(running, log.With(zap.String("process", name)), start)
	return s, nil
}

// Process is the child that runs now or ran last.
func (s *Supervisor) Process() *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Stop ends the supervision; the child that runs is left to the caller to stop.
func (s *Supervisor) Stop() {
	s.cancel()
	<-s.done
}

func (s *Supervisor) watch(ctx context.Context, log *zap.Logger, start func(context.Context) (*Process, error)) {
	defer close(s.done)
	pause := restartFirst
	for {
		process, began := s.Process(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-process.Done():
		}
		// Stopping a supervisor and the death of its child can coincide: stopping wins.
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= steadyAfter {
			pause = restartFirst
		}
		log.Warn("ended unexpectedly, starting it again",
			zap.Int("pid", process.PID()), zap.Error(process.Err()), zap.Duration("after", pause))
		for {
			if !sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, restartMax)
			next, err := start(ctx)
			if err == nil {
				s.mu.Lock()
				s.process = next
				s.mu.Unlock()
				log.Info("runs again", zap.Int("pid", next.PID()))
				break
			}
			if ctx.Err() != nil {
				return
			}
			log.Error("cannot be started again yet", zap.Error(err), zap.Duration("next_try_in", pause))
		}
	}
}

// sleep pauses; it is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
