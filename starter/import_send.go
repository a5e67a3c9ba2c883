package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/source/file"
)

// send checks a file and sends it to the database.
func (a *app) send(ctx context.Context, p catalog.Profile, path string, given file.Options) (u catalog.Upload, err error) {
	in, name, err := a.openRecords(path)
	if err != nil {
		return u, err
	}
	defer in.Close()
	expected, err := a.expectedFields(ctx, p)
	if err != nil {
		return u, err
	}
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
	notes, err := expected.compare("column", s.Names())
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
	if found.Format != file.CSV { // without a header
		if notes, err = expected.compare("field", s.Names()); err != nil {
			return u, named(err)
		}
	}
	if u, err = w.End(records); err != nil {
		return u, err
	}
	if a.forTables() {
		a.note("sent %s: %d records, read as %s", harmless(name), records, how(found))
		aside.tell(a, records)
		a.noteRenamed(s.Renamed())
		for _, note := range notes {
			a.note("%s", harmless(note))
		}
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
		u.add(r.Reason)
	}
}

func (u *unread) add(reason string) {
	if u.count++; len(u.reasons) < shownUnread {
		u.reasons = append(u.reasons, reason)
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
	for _, note := range renamedNotes(renamed) {
		a.note("%s", note)
	}
}

func renamedNotes(renamed map[string]string) (notes []string) {
	for _, name := range slices.Sorted(maps.Keys(renamed)) {
		notes = append(notes, fmt.Sprintf("%q is %s in maps", name, harmless(renamed[name])))
	}
	return notes
}
