package transport

import (
	"context"
	"encoding/base64"
	"sync/atomic"
	"time"

	"sluice/internal/fault"
)

// Basic authorises requests with a user name and password (RFC 7617, in
// UTF-8). A refused password is not offered again for some minutes, whoever
// shares the Basic. It is safe for concurrent use.
type Basic struct {
	value    string
	refusals refusals
	// Until the password was once accepted, requests take turns: a wrong one
	// is offered once, not by all who start together.
	accepted atomic.Bool
	turn     chan struct{}
}

// NewBasic returns a Basic. A user name with a colon cannot be sent.
func NewBasic(user, password string) *Basic {
	return &Basic{
		value:    "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)),
		refusals: refusals{now: time.Now},
		turn:     make(chan struct{}, 1),
	}
}

// Do sends the request once. When the vendor does not accept the user name
// and password, the error is of class Auth.
func (b *Basic) Do(ctx context.Context, c *Client, req Request) (*Response, error) {
	if !b.accepted.Load() {
		select {
		case b.turn <- struct{}{}:
			defer func() { <-b.turn }()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if refusal := b.refusals.remembered(); refusal != nil {
		return nil, refusal
	}
	resp, err := c.Do(ctx, req.authorised(b.value))
	if f := fault.As(err); f != nil && f.Class == fault.Auth {
		if f.Code == CodeUnauthorised {
			f.Code = CodeLoginRefused
			f.Advice = "check the user name and password"
		}
		b.Reject(f)
	}
	if err == nil {
		b.accepted.Store(true)
	}
	return resp, err
}

// Reject says that an answer refused the user name and password, perhaps in
// the body of an answer of success: they are not offered again for a while.
func (b *Basic) Reject(refusal *fault.Error) { b.refusals.note(refusal) }
