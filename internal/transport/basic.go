package transport

import (
	"context"
	"encoding/base64"

	"sluice/internal/fault"
	"sluice/internal/source"
)

// Basic authorises requests with a user name and password (RFC 7617, in
// UTF-8). A refused password is not offered again for some minutes, by anyone
// who shares the credential; until it was once accepted, requests take turns: a
// wrong one is offered once, not by all who start together. It is safe for
// concurrent use.
type Basic struct {
	value string
	guard *guard
}

// NewBasic returns a Basic. A user name with a colon cannot be sent. What the
// workers share of the credential is in shared; nil: nothing.
func NewBasic(user, password string, shared source.Credential) *Basic {
	return &Basic{
		value: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)),
		guard: newGuard(shared),
	}
}

// At is a Basic for one of several servers that get the credential: that this
// one refuses what others accept says nothing to those. What the workers share
// of that is in here; nil: nothing.
func (b *Basic) At(here source.Credential) *Basic { return &Basic{b.value, b.guard.at(here)} }

// Accepted says whether the vendor has accepted user name and password anywhere,
// and not refused them since.
func (b *Basic) Accepted(ctx context.Context) bool {
	accepted, err := b.guard.whole.standing(ctx, standingAge)
	return accepted && err == nil
}

// Do sends the request once. When the vendor does not accept the user name
// and password, the error is of class Auth; where it says so in an answer of
// success, that is returned as it is, and remembered: see Options.Refusal.
func (b *Basic) Do(ctx context.Context, c *Client, req Request) (*Response, error) {
	leave, err := b.guard.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	permit := req.Permit
	req.Permit = func(ctx context.Context) error {
		if permit != nil {
			if err := permit(ctx); err != nil {
				return err
			}
		}
		return b.guard.refused() // of another request, while this one waited
	}
	resp, err := c.Do(ctx, req.authorised(b.value))
	if f := fault.As(err); f != nil && f.Class == fault.Auth && f.Code == CodeUnauthorised {
		f.Code = CodeLoginRefused
		f.Advice = "check the user name and password"
	}
	outcome := err
	if refusal := c.options.Refusal; err == nil && refusal != nil {
		if f := refusal(resp); f != nil {
			outcome = f
		}
	}
	b.guard.settle(ctx, outcome)
	return resp, err
}

// Reject says that an answer refused the user name and password, perhaps in
// the body of an answer of success: they are not offered again for a while.
// Errors of other classes than Auth say nothing of them.
func (b *Basic) Reject(refusal *fault.Error) {
	if refusal != nil {
		b.guard.settle(context.Background(), refusal)
	}
}
