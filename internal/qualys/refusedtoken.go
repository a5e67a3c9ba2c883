package qualys

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

const (
	// peekSize is how much of an answer is looked at, in bytes. The code of a
	// refusal stands in front of it.
	peekSize = 512
	// maxRefusal bounds a refusal as a whole, in bytes.
	maxRefusal = 4 << 10
)

// withToken sends a request with a token, and once more with a fresh one when
// an answer of success says in its body that the token is not accepted. (Those
// under 401 are the Bearer's.) A second such answer is the caller's to read.
func (c *Client) withToken(ctx context.Context, server *transport.Client, req transport.Request) (*transport.Response, error) {
	resp, err := c.bearer.Do(ctx, server, req)
	if err != nil {
		return nil, err
	}
	refusal := refusedIn(resp)
	if refusal == nil {
		return resp, nil
	}
	resp.Body.Close()
	c.bearer.Reject(refusal)
	return c.bearer.Do(ctx, server, req)
}

// refusedIn is the refusal that an answer's body is, or nil. Nothing of the
// body is used up; errors of reading it come again.
func refusedIn(resp *transport.Response) *fault.Error {
	ahead := bufio.NewReaderSize(resp.Body, maxRefusal)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{ahead, resp.Body}
	head, _ := ahead.Peek(peekSize)
	if !bytes.Contains(head, []byte("INVALID_CREDENTIALS")) && !bytes.Contains(head, []byte("_RETURN")) {
		return nil
	}
	head, _ = ahead.Peek(maxRefusal)
	var f *fault.Error
	if code, text, wait, ok := ParseReturn(head); ok {
		f = Returned(code, text, wait)
	} else if r, ok := parseResponse(head); ok && r.code != success {
		f = Responded(r.code, r.said)
	}
	if f == nil || f.Code != transport.CodeTokenNotAccepted && f.Code != transport.CodeLoginRefused {
		return nil
	}
	return f
}
