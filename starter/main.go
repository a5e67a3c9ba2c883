// Command sluice is what people use: it starts everything on one machine,
// configures connectors and profiles, starts and follows runs, and shows the
// inventory. What it starts durably is done by sluice-worker.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.temporal.io/sdk/contrib/envconfig"

	"sluice/internal/config"
	"sluice/internal/redact"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to stop, a second one ends the process.
	context.AfterFunc(ctx, stop)
	code := execute(ctx, process{program: os.Args[0], in: os.Stdin, out: os.Stdout, err: os.Stderr, env: envconfig.EnvLookupOS}, os.Args[1:])
	stop()
	os.Exit(code)
}

// process is what a command has from its surroundings.
type process struct {
	program  string // how it was called
	in       io.Reader
	out, err io.Writer
	env      config.Environment
}

// execute runs a command line and returns its exit code.
func execute(ctx context.Context, p process, args []string) int {
	a := &app{process: p, secrets: redact.NewForLogs()}
	defer a.close()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	return report(withoutSecrets{p.err, a.secrets}, asInterruption(ctx, root.ExecuteContext(ctx)))
}

// withoutSecrets writes texts, each as a whole, without what is secret.
type withoutSecrets struct {
	to      io.Writer
	secrets *redact.Set
}

func (w withoutSecrets) Write(text []byte) (int, error) {
	_, err := w.to.Write(w.secrets.Bytes(text))
	return len(text), err
}
