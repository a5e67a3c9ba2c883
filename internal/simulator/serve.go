package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Listen opens a port for Serve. Only loopback addresses are taken, such as
// 127.0.0.1:8089; port 0 chooses a free one.
func Listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("simulator: address %q is not host:port; write for example 127.0.0.1:8089", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("simulator: will not listen on %q: it serves the loopback interface only; use 127.0.0.1", host)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulator: cannot listen on %s (another process may use the port): %w", addr, err)
	}
	return listener, nil
}

// BaseURL is the address at which a listener of Listen is reached.
func BaseURL(listener net.Listener) string { return "http://" + listener.Addr().String() }

// Serve serves the simulator until ctx ends, then lets calls in flight finish
// for a second and returns nil.
func (s *Simulator) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// Connections that faults break off are meant to.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // calls that outlast the grace are cut
		}
	})
	err := server.Serve(listener)
	if stop() {
		return fmt.Errorf("simulator: serving %s: %w", listener.Addr(), err)
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
