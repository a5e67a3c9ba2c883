// Command prebuild builds the pinned Temporal server of the checkout it is run in, unless that is
// there already, and prints its path. "make test" runs it first: the build takes some minutes the
// first time, which no test should have to wait for.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/devstack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bin, err := build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prebuild:", err)
		os.Exit(1)
	}
	fmt.Println(bin)
}

func build(ctx context.Context) (string, error) {
	root, err := devstack.FindRoot(".")
	if err != nil {
		return "", err
	}
	return devstack.TemporalBinary(ctx, devstack.TemporalBinaryOptions{
		Root:     root,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
}
