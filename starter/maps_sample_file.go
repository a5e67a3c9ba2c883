package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sluice/internal/source/file"
	"sluice/internal/transform"
)

// ofFile reads the records of a file as an import does. A profile that is named
// beside it has to bring such records.
func (s *sample) ofFile(ctx context.Context, a *app, m *transform.Map, one func(string, []byte) error) error {
	if s.profile != "" {
		if _, _, err := a.streamsFor(ctx, s.profile, m); err != nil {
			return err
		}
	}
	models, err := a.models(ctx)
	if err != nil {
		return err
	}
	in, name, err := a.openFile(s.file)
	if err != nil {
		return err
	}
	defer in.Close()
	text, options, err := file.Detect(name, in, s.reading.Options)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	records, err := file.Scan(func(int64) io.Reader { return text }, options, file.Position{})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fits := fitting{model: models.Get(m.Source)}
	aside, err := eachOf(records, name, options, func(from string, record []byte) error {
		fits.look(record)
		return one(from, record)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("%s: %w", name, err)
	}
	read := records.Position().Records
	switch {
	case read == 0:
		return fmt.Errorf("%s has no records", name)
	case aside.count == read:
		return fmt.Errorf("%s: none of %s can be read; is it read as what it is (%s), or does --format say it?\n%s",
			name, counted(int(read), "records"), how(options), strings.Join(aside.reasons, "\n"))
	case !fits.any:
		return fmt.Errorf("%s, read as %s, has no field of %s in its records, only %s", name, how(options), m.Source, fits.found())
	}
	a.noteRenamed(records.Renamed())
	aside.tell(a, read)
	return err
}

// eachOf calls one with each record, and where it is from.
func eachOf(records file.Scanner, name string, o file.Options, one func(string, []byte) error) (aside unread, err error) {
	for {
		r, err := records.Next()
		at := records.Position()
		switch {
		case errors.Is(err, io.EOF):
			return aside, nil
		case err != nil:
			return aside, err
		case r.Reason != "":
			aside.add(r.Reason)
			continue
		}
		from := fmt.Sprintf("%s, record %d", name, at.Records)
		switch o.Format {
		case file.NDJSON:
			from = fmt.Sprintf("%s:%d", name, at.Line)
		case file.CSV:
			from = fmt.Sprintf("%s, row %d", name, at.Row)
		}
		if err := one(from, r.Data); err != nil {
			return aside, err
		}
	}
}

// fitting finds out whether records have any of the fields of a model.
type fitting struct {
	model *transform.Model
	any   bool
	other []string // the fields of the first record, where it has none
}

// shownFields bounds how many of them are named.
const shownFields = 10

func (f *fitting) look(record []byte) {
	var fields map[string]json.RawMessage
	if f.any || json.Unmarshal(record, &fields) != nil {
		return
	}
	for _, of := range f.model.Fields {
		end := strings.IndexAny(of.Path, ".[")
		if end < 0 {
			end = len(of.Path)
		}
		if _, f.any = fields[of.Path[:end]]; f.any {
			return
		}
	}
	if f.other == nil {
		f.other = slices.Sorted(maps.Keys(fields))
	}
}

// found names the fields of the first record.
func (f *fitting) found() string {
	if len(f.other) == 0 {
		return "empty ones"
	}
	text := strings.Join(f.other[:min(len(f.other), shownFields)], ", ")
	if more := len(f.other) - shownFields; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return cut(text, 400)
}
