// Command bench measures runs of Sluice end to end, through a real Temporal
// server and a durable PostgreSQL, from a simulated vendor over HTTP: a first
// load, a run in which nothing changed, and one in which some assets changed.
// Beside them, in every round, it measures PostgreSQL's plain COPY of the same
// rows, because ratios tell more than figures of one machine on one day. It
// fails when a ratio misses its bound.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if serve, ok := childRole(); ok {
		os.Exit(report(serve(ctx)))
	}
	os.Exit(report(bench(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

// report tells of an error and returns the exit code that it means.
func report(err error) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2 // package flag has said why
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// bench measures what the arguments ask for. The result goes to out, what is
// being done to progress.
func bench(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parseOptions(args, progress)
	if err != nil {
		return err
	}
	result, err := measure(ctx, o, func(format string, a ...any) { fmt.Fprintf(progress, format+"\n", a...) })
	if err != nil {
		return err
	}
	if o.output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	} else {
		err = result.print(out)
	}
	if err != nil {
		return err
	}
	return result.missed()
}

// measure sets everything up, measures the rounds and takes it down again.
func measure(ctx context.Context, o options, say func(string, ...any)) (_ *result, err error) {
	s, err := newStand(ctx, o, say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	say("warming up: one first load, whose rows are kept for COPY")
	if err := s.warmUp(ctx); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	var rounds []round
	for n := 1; n <= o.rounds; n++ {
		r, err := s.round(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", n, err)
		}
		say("round %d of %d: first load %.0f findings/s, unchanged %.0f, changed %.0f, COPY %.0f", n, o.rounds,
			r.First.FindingsPerSecond, r.Unchanged.FindingsPerSecond, r.Changed.FindingsPerSecond, r.Copy.FindingsPerSecond)
		rounds = append(rounds, r)
	}
	setting, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	return summarise(o, setting, rounds), nil
}
