package transport

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
)

// board is what workers share of a credential, for as long as the test runs.
type board struct {
	alone chan struct{}

	mu       sync.Mutex
	away     bool // the database
	token    *oauth2.Token
	accepted bool
	refusal  *fault.Error
	until    time.Time
	held     time.Duration
	asked    int // calls of any sort
	waited   int // for being alone
}

func newBoard() *board { return &board{alone: make(chan struct{}, 1)} }

var errAway = errors.New("database is away")

// use counts a use and says whether the board is there.
func (b *board) use() (unlock func(), err error) {
	b.mu.Lock()
	b.asked++
	if b.away {
		b.mu.Unlock()
		return nil, errAway
	}
	return b.mu.Unlock, nil
}

func (b *board) leave(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *board) uses() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

func (b *board) waits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waited
}

func (b *board) Token(context.Context) (*oauth2.Token, error) {
	unlock, err := b.use()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return b.token, nil
}

func (b *board) Save(_ context.Context, token *oauth2.Token) error {
	unlock, err := b.use()
	if err != nil {
		return err
	}
	defer unlock()
	b.token = token
	return nil
}

func (b *board) Forget(_ context.Context, accessToken string) error {
	unlock, err := b.use()
	if err != nil {
		return err
	}
	defer unlock()
	if b.token != nil && b.token.AccessToken == accessToken {
		b.token = nil
	}
	return nil
}

func (b *board) Standing(context.Context) (bool, *fault.Error, error) {
	unlock, err := b.use()
	if err != nil {
		return false, nil, err
	}
	defer unlock()
	if b.refusal != nil && time.Now().Before(b.until) {
		return b.accepted, b.refusal, nil
	}
	return b.accepted, nil, nil
}

func (b *board) Accept(context.Context) error {
	unlock, err := b.use()
	if err != nil {
		return err
	}
	defer unlock()
	b.accepted, b.refusal, b.held = true, nil, 0
	return nil
}

func (b *board) Refuse(_ context.Context, refusal *fault.Error, until time.Time) error {
	unlock, err := b.use()
	if err != nil {
		return err
	}
	defer unlock()
	b.accepted, b.refusal, b.until, b.held = false, refusal, until, time.Until(until)
	return nil
}

func (b *board) Held(context.Context) (time.Duration, error) {
	unlock, err := b.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	return b.held, nil
}

func (b *board) Exclusive(ctx context.Context) (func(), error) {
	unlock, err := b.use()
	if err != nil {
		return nil, err
	}
	b.waited++
	unlock()
	select {
	case b.alone <- struct{}{}:
		return func() { <-b.alone }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
