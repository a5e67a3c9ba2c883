package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"sluice/internal/simulator"
)

// The bench runs itself again for what has to be a process of its own, so
// that its CPU time and memory can be told apart.
const (
	roleVariable  = "SLUICE_BENCH_ROLE"
	roleSimulator = "simulator"
	roleWorker    = "profiled-worker"
)

// childRole returns what this process is to do as a child of a bench.
func childRole() (serve func(context.Context) error, ok bool) {
	switch os.Getenv(roleVariable) {
	case roleSimulator:
		return func(ctx context.Context) error { return serveSimulator(ctx, os.Args[1:]) }, true
	case roleWorker:
		return serveProfiledWorker, true
	}
	return nil, false
}

// simulatorStart is fixed, so that every round is served the same bytes.
var simulatorStart = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// serveSimulator serves an estate until standard input ends, which it does
// with the bench. The first line it prints is its address.
func serveSimulator(ctx context.Context, args []string) error {
	cfg := simulator.Config{Seed: 1, Start: simulatorStart}
	flags := flag.NewFlagSet(roleSimulator, flag.ContinueOnError)
	flags.IntVar(&cfg.Applications, "applications", 0, "")
	flags.IntVar(&cfg.APICollections, "api-collections", 0, "")
	flags.Float64Var(&cfg.FindingsPerAsset, "findings-per-asset", 0, "")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		return err
	}
	listener, err := simulator.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(simulator.BaseURL(listener))
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return sim.Serve(ctx, listener)
}

// vendor is a simulator in a process of its own.
type vendor struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

func startVendor(o options) (*vendor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-applications", fmt.Sprint(o.applications), "-api-collections", fmt.Sprint(o.apiCollections),
		"-findings-per-asset", fmt.Sprint(o.findingsPerAsset()))
	cmd.Env = append(os.Environ(), roleVariable+"="+roleSimulator)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	v := &vendor{cmd: cmd, stdin: stdin}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the simulator did not say where it is: %w", err), v.stop())
	}
	v.url = strings.TrimSpace(address)
	return v, nil
}

func (v *vendor) stop() error {
	v.stdin.Close()
	if err := v.cmd.Wait(); err != nil {
		return fmt.Errorf("the simulator ended badly: %w", err)
	}
	return nil
}

// change lets time pass on the simulator's clock and changes a share of its
// assets.
func (v *vendor) change(ctx context.Context, share float64) error {
	for _, order := range []struct{ path, body string }{
		{"/simulator/clock", `{"pass":"24h"}`},
		{"/simulator/advance", fmt.Sprintf(`{"updated":%g}`, share)},
	} {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+order.path, bytes.NewBufferString(order.body))
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("change the simulated estate: %w", err)
		}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("change the simulated estate: %s: %s", answer.Status, text)
		}
	}
	return nil
}
