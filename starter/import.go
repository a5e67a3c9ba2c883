package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

func (f *readingFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Format, "format", "", inWords(file.Formats())+" (default: as the file looks)")
	flags.StringVar(&f.Delimiter, "delimiter", "", "between the columns of CSV, such as ';' or tab (default: as the file looks)")
	flags.StringVar(&f.Encoding, "encoding", "", inWords(file.Encodings())+" (default: as the file looks)")
	flags.StringVar(&f.Records, "records", "", "the list of JSON that has the records, such as data.items (default: the only list of objects)")
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
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("read the file to import: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder: give a file", path)
	}
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
	var partial, acceptShrink, wait bool
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Bring the records of a file into the inventory, by a profile of kind file",
		Long: `Bring the records of a file, or of standard input (-), into the inventory: CSV with
a header row, JSON that is or has a list of objects, or NDJSON, an object a line.
The file is checked and sent from here to the database, and then a run reads it;
workers need no access to it.

A file is all that there is of the profile's asset types: what an earlier file had
and this one has not goes stale, or is fixed, as after any full run. With
--partial the file adds to what is there, and nothing goes stale. The same file
imported again changes nothing.

Rows that cannot be read as records are set aside and counted; where they are more
than the profile's --reject-limit, nothing is imported.

How to begin with a file that Sluice does not know:

  sluice connectors create lab --provider file
  sluice models infer scans.csv --name scans --save
  sluice maps edit file-scans
  sluice profiles create scans --connector lab --kind file --map HOST=file-scans
  sluice import scans.csv --profile scans --wait

` + exitCodesHelp,
		Example: `  sluice import scans.csv --profile scans --wait
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
			return a.runProfile(ctx, workflows.Input{Profile: p.Name, Mode: mode, AcceptShrink: acceptShrink, Upload: upload.ID}, wait)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&profile, "profile", "p", "", "profile of kind file whose records they are")
	reading.add(cmd)
	flags.BoolVar(&partial, "partial", false, "the file adds to what is there: nothing goes stale")
	flags.BoolVar(&acceptShrink, "accept-shrink", false, "let this import take any share of the assets and findings for gone")
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

// send checks a file and sends it to the database.
func (a *app) send(ctx context.Context, p catalog.Profile, path string, given file.Options) (u catalog.Upload, err error) {
	in, name, err := a.openRecords(path)
	if err != nil {
		return u, err
	}
	defer in.Close()
	named := func(err error) error {
		if err == nil || ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	text, found, err := file.Detect(name, in, given)
	if err != nil {
		return u, named(err)
	}
	w, err := a.store.BeginUpload(ctx, catalog.Upload{ProfileID: p.ID, Name: name, Reading: found.Reading()})
	if err != nil {
		return u, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	s, err := file.Scan(func(int64) io.Reader { return io.TeeReader(text, w) }, found, file.Position{})
	if err != nil {
		return u, named(err)
	}
	aside, err := count(s)
	if err != nil {
		return u, named(err)
	}
	in.done()
	records := s.Position().Records
	if err := aside.tolerable(records, p.RejectPercent); err != nil {
		return u, named(err)
	}
	if u, err = w.End(records); err != nil {
		return u, err
	}
	if a.forTables() {
		a.note("sent %s: %d records, read as %s", harmless(name), records, how(found))
		aside.tell(a, records)
		a.noteRenamed(s.Renamed())
	}
	return u, nil
}

// how is how a file is read, for people.
func how(o file.Options) string {
	text := o.Format
	switch o.Delimiter {
	case "":
	case "\t":
		text += " with tabs"
	default:
		text += " with " + o.Delimiter
	}
	return text + " in " + o.Encoding
}

// unread are the records of a file that cannot be read as such.
type unread struct {
	count   int64
	reasons []string // of the first
}

// shownUnread is how many of them are shown.
const shownUnread = 5

// count reads a file to its end.
func count(s file.Scanner) (u unread, err error) {
	for {
		r, err := s.Next()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if r.Reason == "" {
			continue
		}
		if u.count++; len(u.reasons) < shownUnread {
			u.reasons = append(u.reasons, r.Reason)
		}
	}
}

// tolerable says whether they are few enough for the file to be believed.
func (u unread) tolerable(records int64, percent int32) error {
	if u.count*100 <= records*int64(percent) {
		return nil
	}
	return fmt.Errorf("%d of %d records cannot be read, above the profile's limit of %d %%: nothing was imported; is it read as what it is (--format, --delimiter)?\n  %s",
		u.count, records, percent, strings.Join(u.reasons, "\n  "))
}

// tell says which were left out.
func (u unread) tell(a *app, records int64) {
	if u.count == 0 {
		return
	}
	a.note("%d of %d cannot be read and are set aside:", u.count, records)
	for _, reason := range u.reasons {
		a.note("  %s", harmless(reason))
	}
}

// noteRenamed tells which names are written otherwise in paths.
func (a *app) noteRenamed(renamed map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(renamed)) {
		a.note("%q is %s in maps", name, harmless(renamed[name]))
	}
}
