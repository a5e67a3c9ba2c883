package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/fault"
)

var errIdle = errors.New("no data arrived in time")

// body bounds an answer's body in bytes and in the time between two reads.
// Time the caller spends between reads does not count.
type body struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	rc     io.ReadCloser
	call   call
	idle   time.Duration
	timer  *time.Timer
	max    int64
	left   int64
	err    error // sticky
}

func newBody(ctx context.Context, cancel context.CancelCauseFunc, rc io.ReadCloser, c call, o Options) *body {
	timer := time.AfterFunc(o.IdleTimeout, func() { cancel(errIdle) })
	timer.Stop()
	return &body{
		ctx: ctx, cancel: cancel, rc: rc, call: c,
		idle: o.IdleTimeout, timer: timer, max: o.MaxBody, left: o.MaxBody,
	}
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to tell a full answer from one too long
	}
	b.timer.Reset(b.idle)
	n, err := b.rc.Read(p)
	b.timer.Stop()
	b.left -= int64(n)
	switch {
	case b.left < 0:
		n--
		b.err = &fault.Error{
			Class: fault.Contract, Code: CodeTooLarge,
			Message: fmt.Sprintf("the answer of %s to %s is longer than %d MiB", b.call.vendor(), b.call.target(), b.max>>20),
		}
	case err == io.EOF:
		b.err = io.EOF
	case err != nil:
		b.err = b.call.cut(b.ctx, err)
	}
	return n, b.err
}

func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.rc.Close()
}
