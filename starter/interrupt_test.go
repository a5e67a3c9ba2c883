package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

func TestWhateverCtrlCBrokeOffIsAnInterruption(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		code int
	}{
		{t.Context(), nil, exitOK},
		{t.Context(), errors.New("broken"), exitFailure},
		{t.Context(), fmt.Errorf("wait: %w", context.Canceled), exitInterrupted},
		{t.Context(), fmt.Errorf("start the connection test: %w", serviceerror.NewCanceled("context canceled")), exitInterrupted},
		{stopped, errors.New("connection closed"), exitInterrupted},
		{stopped, exitError(exitPartial), exitPartial},
		{stopped, nil, exitOK},
	} {
		var said bytes.Buffer
		require.Equal(t, c.code, report(&said, asInterruption(c.ctx, c.err)), "%v", c.err)
		if c.code == exitInterrupted {
			require.Contains(t, said.String(), "sluice: interrupted")
		}
	}
}

func TestATemporalThatResetsTheFirstConnectionsIsReached(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if accepted.Add(1) <= 2 {
				_ = conn.(*net.TCPConn).SetLinger(0) // closing resets it
				_ = conn.Close()
				continue
			}
			server, err := net.Dial("tcp", h.env["TEMPORAL_ADDRESS"])
			if err != nil {
				_ = conn.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, conn); _ = server.Close() }()
			go func() { _, _ = io.Copy(conn, server); _ = conn.Close() }()
		}
	}()
	r := h.runWith(t.Context(), environment{"TEMPORAL_ADDRESS": listener.Addr().String()}, nil, "status")
	require.Zero(t, r.code, r.err)
	require.GreaterOrEqual(t, accepted.Load(), int32(3))
}
