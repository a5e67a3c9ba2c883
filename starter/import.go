package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// readingFlags are the flags that say how a file of records is read.
type readingFlags struct{ file.Options }

func (f *readingFlags) add(cmd *cobra.Command) { f.addAs(cmd, "records") }

// addAs is add where the flag that says which list has the records has another
// name.
func (f *readingFlags) addAs(cmd *cobra.Command, list string) {
	flags := cmd.Flags()
	flags.StringVar(&f.Format, "format", "", inWords(file.Formats())+" (default: as the file looks)")
	flags.StringVar(&f.Delimiter, "delimiter", "", "between the columns of CSV, such as ';' or tab (default: as the file looks)")
	flags.StringVar(&f.Encoding, "encoding", "", inWords(file.Encodings())+" (default: as the file looks)")
	flags.StringVar(&f.Records, list, "", "the list of JSON that has the records, such as data.items (default: the only list of objects)")
}

// check checks the flags, and reads the name of a delimiter that is hard to type.
func (f *readingFlags) check(cmd *cobra.Command) error {
	if f.Delimiter == "tab" || f.Delimiter == `\t` {
		f.Delimiter = "\t"
	}
	if err := f.Options.Check(); err != nil {
		return wrongUsage(cmd, "%w", err)
	}
	return nil
}

// stdinName is what standard input is called.
const stdinName = "standard input"

// openRecords opens a file, or standard input (-); name is what people know it
// by.
func (a *app) openRecords(path string) (in *progressReader, name string, err error) {
	if path == "-" {
		return a.newProgress(io.NopCloser(a.in), stdinName, 0), stdinName, nil
	}
	f, _, err := a.openFile(path)
	if err != nil {
		return nil, "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		_ = f.Close() // it was not read from
		return nil, "", err
	}
	name = filepath.Base(path)
	return a.newProgress(f, name, info.Size()), name, nil
}

func newImport(a *app) *cobra.Command {
	var profile string
	var reading readingFlags
	var partial, acceptShrink, dryRun, wait bool
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Bring the records of a file into the inventory, by a profile of kind file",
		Long: `Bring the records of a file, or of standard input (-), into the inventory: CSV with
a header row, JSON that is or has a list of objects, or NDJSON, an object a line.
The file is checked and sent from here to the database, and then a run reads it;
workers need no access to it.

A file is all that there is of the profile's asset types: what an earlier file had
and this one has not goes stale, or is fixed, as after any full run. That goes for
a profile of findings alone (HOST_FINDING), too: an open finding that the file does
not have is fixed. With --partial the file adds to what is there, and nothing goes
stale or is fixed. The same file imported again changes nothing.

How to read it is detected: the format, by its name and what it begins with; the
delimiter of CSV, a comma, semicolon, tab or bar, or the one of a first line "sep=;";
the encoding, UTF-8 or UTF-16, or else Windows-1252. --format, --delimiter and
--encoding say otherwise. Of JSON, the only list of objects is read; where there are
several, --records names one.

An asset is to be in one record, with all its findings, unless findings are records
of their own (HOST_FINDING): where records of an asset contradict each other, the
last one counts, nothing is taken for gone, and the run is partial.

Where the file lacks a field that every record has to have, as the data model of the
profile's map says, it is not sent; other fields that only one of them has are told.
Rows that cannot be read as records are set aside and counted; where they are more
than the profile's --reject-limit, the file is not sent at all. Records that its
maps reject are listed by 'sluice runs rejects'; what fits is written, also where
so many are rejected that the run fails (see 'sluice profiles create --help'). What
a map leaves out is counted, and stays as it was.

With --dry-run, the file is sent and the run does all that a run does, but what it
writes into the inventory is rolled back: it says what it would have done.

How to begin with a file that Sluice does not know:

  sluice connectors create lab --provider file
  sluice models infer scans.csv --name scans --save
  sluice maps edit file-scans
  sluice profiles create scans --connector lab --kind file --map HOST=file-scans
  sluice import scans.csv --profile scans --dry-run --wait
  sluice import scans.csv --profile scans --wait

` + exitCodesHelp,
		Example: `  sluice import scans.csv --profile scans --wait
  sluice import scans.csv --profile scans --dry-run --wait
  sluice import today.csv --profile scans --partial
  sluice import export.txt --profile scans --format csv --delimiter ';' --encoding windows-1252
  curl -s https://scanner.example.com/export | sluice import - --profile scans`,
		Args: oneArgument("file, or - for standard input,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if profile == "" {
				return wrongUsage(cmd, "--profile is missing: the profile of kind file whose records they are")
			}
			if err := reading.check(cmd); err != nil {
				return err
			}
			ctx := cmd.Context()
			p, err := a.importer(ctx, profile)
			if err != nil {
				return err
			}
			upload, err := a.send(ctx, p, args[0], reading.Options)
			if err != nil {
				return err
			}
			mode := lifecycle.Full
			if partial {
				mode = lifecycle.Delta
			}
			return a.runProfile(ctx, workflows.Input{Profile: p.Name, Mode: mode, AcceptShrink: acceptShrink, DryRun: dryRun, Upload: upload.ID}, wait)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&profile, "profile", "p", "", "profile of kind file whose records they are")
	reading.add(cmd)
	flags.BoolVar(&partial, "partial", false, "the file adds to what is there: nothing goes stale")
	flags.BoolVar(&acceptShrink, "accept-shrink", false, "let this import take any share of the assets and findings for gone")
	flags.BoolVar(&dryRun, "dry-run", false, "roll back all that the run writes into the inventory, and say what it would have done")
	flags.BoolVarP(&wait, "wait", "w", false, "show progress and wait for the end")
	return cmd
}

// importer finds a profile that files can be imported by now.
func (a *app) importer(ctx context.Context, name string) (catalog.Profile, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return catalog.Profile{}, err
	}
	p, err := store.Profile(ctx, name)
	if err != nil {
		return p, err
	}
	kind, err := kinds.Find(p.Kind)
	if err != nil {
		return p, err
	}
	if !source.ReadsUploads(kind) {
		return p, fmt.Errorf("profile %s reads from %s, not from files: 'sluice profiles create --kind file' makes one that does", p.Name, kind.Title())
	}
	return p, a.checkNothingRuns(ctx, p)
}

// errNoSchedule is the error for a schedule of a kind that reads files.
func errNoSchedule(k source.Kind) error {
	return fmt.Errorf("kind %s reads files that people send, so that no run of it can begin by itself: leave the schedule out, and let a timer of your own call 'sluice import'", k.Name())
}
