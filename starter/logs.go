package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
)

var logColumns = []column[catalog.LogEntry]{
	{"at", func(e catalog.LogEntry) any { return e.At }},
	{"level", func(e catalog.LogEntry) any { return e.Level }},
	{"run", func(e catalog.LogEntry) any {
		if e.RunID == 0 {
			return ""
		}
		return e.RunID
	}},
	{"message", func(e catalog.LogEntry) any { return e.Message }},
}

// logFlags are the flags of commands that show a log.
type logFlags struct {
	limit  int
	level  string
	follow bool
}

func (f *logFlags) add(cmd *cobra.Command, limit int) {
	addLimit(cmd, &f.limit, limit, "newest lines to show")
	cmd.Flags().StringVar(&f.level, "level", "info", "lines of this level and above: info, warn or error")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on showing lines as they are written")
}

func (f *logFlags) filter(cmd *cobra.Command) (catalog.LogFilter, error) {
	if err := checkLimit(cmd, f.limit); err != nil {
		return catalog.LogFilter{}, err
	}
	from := slices.Index(catalog.Levels, f.level)
	if from < 0 {
		return catalog.LogFilter{}, wrongUsage(cmd, "--level %q is not known: give one of %s", f.level, strings.Join(catalog.Levels, ", "))
	}
	if output := cmd.Flag("output").Value.String(); f.follow && output != formatTable && output != formatNDJSON {
		return catalog.LogFilter{}, wrongUsage(cmd, "--follow writes lines, not %s: use --output ndjson", output)
	}
	return catalog.LogFilter{Levels: catalog.Levels[from:], Limit: f.limit}, nil
}

// readLogEvery is how often a log that is followed is read.
const readLogEvery = time.Second

// show prints the log that read returns, and with --follow goes on until over
// says that nothing more will be written.
func (f *logFlags) show(ctx context.Context, a *app, filter catalog.LogFilter,
	read func(context.Context, catalog.LogFilter) ([]catalog.LogEntry, error), over func(context.Context) (bool, error)) error {
	entries, err := read(ctx, filter)
	if err != nil {
		return err
	}
	if !f.follow {
		return printList(a, entries, logColumns)
	}
	filter.Limit = maxLimit
	for {
		// Asked before the log is read, so that its last lines are not missed.
		last, err := over(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			filter.After = e.ID
			if err := a.logLine(e); err != nil {
				return err
			}
		}
		if last {
			entries, err = read(ctx, filter)
			for _, e := range entries {
				err = errors.Join(err, a.logLine(e))
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how following ends
		case <-time.After(readLogEvery):
		}
		if entries, err = read(ctx, filter); err != nil {
			return err
		}
	}
}

// logLine prints one line of a log that is followed.
func (a *app) logLine(e catalog.LogEntry) error {
	if a.output == formatNDJSON {
		return printJSON(a.out, e, "")
	}
	run := ""
	if e.RunID != 0 {
		run = fmt.Sprintf("run %d: ", e.RunID)
	}
	_, err := fmt.Fprintf(a.out, "%s %-5s %s\n", forPeople(e.At), e.Level, harmless(run+e.Message))
	return err
}
