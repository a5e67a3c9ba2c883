// Command temporald is the Temporal development server of the embedded default: the official
// Temporal server and web UI at the versions pinned in this module's go.mod, storing to one SQLite
// file or to memory. It takes the arguments of the Temporal CLI's "server start-dev", so that
// whatever can launch that (testsuite.StartDevServer of the Go SDK, too) can launch this.
//
// It is a module of its own because the server brings some 1,800 packages with it, none of which
// the application needs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	// Schedules name IANA time zones and the server loads them; a slim machine has no tz database.
	_ "time/tzdata"

	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/temporal"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "temporald:", err)
		os.Exit(1)
	}
}

// run does what args ask and returns when the server has stopped.
func run(args []string, out io.Writer) error {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "version") {
		fmt.Fprintf(out, "temporald version %s (Server %s, UI %s)\n",
			headers.ServerVersion, headers.ServerVersion, uiversion.UIVersion)
		return nil
	}
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}

	// Signals are caught before anything starts, so that a stop during the start is a clean one too.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)

	server, err := newServer(opts)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("cannot start the Temporal server on %s: %w", opts.address(), err)
	}
	defer func(s temporal.Server) { _ = s.Stop() }(server)

	uiFailed := make(chan error, 1)
	if !opts.headless {
		ui := newUI(opts)
		go func() { uiFailed <- ui.Start() }()
		defer ui.Stop()
	}
	select {
	case <-stop:
		return nil
	case err := <-uiFailed:
		return fmt.Errorf("the web UI on port %d ended: %v", opts.uiPort, err)
	}
}
