package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/suggest"
)

// The exit codes, as documented in the help of 'sluice' and 'sluice run'.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitPartial     = 3
	exitFailed      = 4
	exitCancelled   = 5
	exitSkipped     = 6
	exitInterrupted = 130
)

const exitCodesHelp = `Exit codes:
  0    done; with 'run --wait': the run succeeded
  1    an error; with 'connectors test': something is not healthy
  2    wrong usage
  3    the run was partial: something is missing or could not be believed
  4    the run failed
  5    the run was cancelled
  6    the run was skipped: another run of the profile is under way
  130  interrupted by Ctrl-C`

// exitFor is the exit code of a run's outcome.
func exitFor(o lifecycle.Outcome) int {
	switch o {
	case lifecycle.Succeeded:
		return exitOK
	case lifecycle.Partial:
		return exitPartial
	case lifecycle.Cancelled:
		return exitCancelled
	case lifecycle.Skipped:
		return exitSkipped
	}
	return exitFailed
}

// exitError ends the process with a code; what there was to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a command line that cannot be right.
type usageError struct {
	command string // its path: "sluice profiles create"
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// wrongUsage makes a usageError of a command.
func wrongUsage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Errorf(format, args...)}
}

// errInterrupted says that a command was stopped by Ctrl-C.
var errInterrupted = errors.New("interrupted")

// asInterruption makes errInterrupted of the errors that a command ends with
// because it was asked to stop. Temporal's client has an error of its own for
// that, and others only their text: those are told.
func asInterruption(ctx context.Context, err error) error {
	var code exitError
	var cancelled *serviceerror.Canceled
	switch {
	case err == nil, errors.As(err, &code):
		return err
	case errors.Is(err, context.Canceled), errors.As(err, &cancelled):
		return errInterrupted
	case ctx.Err() != nil && !errors.Is(err, errInterrupted):
		return fmt.Errorf("%w: %w", errInterrupted, err)
	}
	return err
}

// report tells a person about an error and returns the exit code.
func report(w io.Writer, err error) int {
	var usage *usageError
	var code exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(w, "sluice: %s\nSee '%s --help'.\n", readable(err), usage.command)
		return exitUsage
	case errors.Is(err, errInterrupted):
		fmt.Fprintf(w, "sluice: %s\n", readable(err))
		return exitInterrupted
	}
	fmt.Fprintf(w, "sluice: %s\n", readable(err))
	if catalog.Denied(err) {
		fmt.Fprintf(w, "The login to the database may not do that: a member of role %s may read what is no secret, one of %s may write, one of %s may migrate.\n",
			catalog.ReaderRole, catalog.WorkerRole, catalog.OwnerRole)
	}
	return exitFailure
}

// readable is an error's text without anything that a terminal would obey: it
// may quote what a vendor sent. The lines of a list stay lines, indented.
func readable(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, harmless(line))
		}
	}
	return strings.Join(lines, "\n  ")
}

// noArguments, oneArgument, twoArguments and atMostOne check a command's arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUsage(cmd, "'%s' takes no argument, but was given %q", cmd.CommandPath(), args[0])
	}
	return nil
}

func oneArgument(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			article := "a"
			if strings.ContainsRune("aeiou", rune(name[0])) {
				article = "an"
			}
			return wrongUsage(cmd, "'%s' needs %s %s", cmd.CommandPath(), article, name)
		case len(args) > 1:
			return wrongUsage(cmd, "'%s' takes one %s, but was given %d arguments", cmd.CommandPath(), name, len(args))
		}
		return nil
	}
}

func twoArguments(names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 2 {
			return wrongUsage(cmd, "'%s' needs %s", cmd.CommandPath(), names)
		}
		return nil
	}
}

func atMostOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return wrongUsage(cmd, "'%s' takes at most one %s, but was given %d arguments", cmd.CommandPath(), name, len(args))
		}
		return nil
	}
}

// checkOneOf checks the value of a flag that takes one of a few words; empty
// is left to the flag's default.
func checkOneOf(cmd *cobra.Command, flag, value string, known ...string) error {
	if value == "" {
		return nil
	}
	for _, k := range known {
		if value == k {
			return nil
		}
	}
	return wrongUsage(cmd, "--%s %q is not known%s", flag, value, suggest.Ending(value, known))
}
