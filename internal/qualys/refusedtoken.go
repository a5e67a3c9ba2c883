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
func withToken(ctx context.Context, bearer *transport.Bearer, server *transport.Client, req transport.Request) (*transport.Response, error) {
	resp, err := bearer.Do(ctx, server, req)
	if err != nil {
		return nil, err
	}
	refusal := refusalIn(resp)
	if refusal == nil || refusal.Code != transport.CodeTokenNotAccepted && refusal.Code != transport.CodeLoginRefused {
		return resp, nil
	}
	resp.Body.Close()
	bearer.RejectIn(resp)
	return bearer.Do(ctx, server, req)
}

// peeked is a body whose beginning has been looked at.
type peeked struct {
	*bufio.Reader
	io.Closer
}

// refusalIn is the refusal that the body of an answer of success is, of a
// credential or for a limit; nil for all else. Nothing of the body is used up;
// errors of reading it come again.
func refusalIn(resp *transport.Response) *fault.Error {
	ahead, ok := resp.Body.(peeked)
	if !ok {
		ahead = peeked{bufio.NewReaderSize(resp.Body, maxRefusal), resp.Body}
		resp.Body = ahead
	}
	head, _ := ahead.Peek(peekSize)
	if !bytes.Contains(head, []byte("INVALID_CREDENTIALS")) && !bytes.Contains(head, []byte("LIMIT_EXCEEDED")) && !bytes.Contains(head, []byte("_RETURN")) {
		return nil
	}
	head, _ = ahead.Peek(maxRefusal)
	f := Refusal(resp.Redact(head))
	if f != nil {
		f.Message = string(resp.Redact([]byte(f.Message))) // again: escapes are undone by now
	}
	return f
}

// Refusal is the error that the body of an answer of success says it is; nil
// when it says nothing of the kind.
func Refusal(head []byte) *fault.Error {
	if code, text, wait, ok := ParseReturn(head); ok {
		return Returned(code, text, wait)
	}
	if r, ok := parseResponse(head); ok && r.code != success {
		return Responded(r.code, r.said)
	}
	return nil
}
