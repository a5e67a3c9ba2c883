package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// A sample says which records to look at: those of a file, those that a profile
// reads from its vendor now or, stored, those that are kept of its last run.
type sample struct {
	profile, file string
	stored        bool
	records, most int
	reading       readingFlags // of the file
}

// add gives a command its flags: how many records it looks at, unless it is
// said, and how many at most.
func (s *sample) add(cmd *cobra.Command, records, most int) {
	s.most = most
	flags := cmd.Flags()
	help := "records that this profile reads from its vendor now"
	if s.stored {
		help = "records that are kept of this profile's last run"
	}
	flags.StringVar(&s.profile, "profile", "", help)
	flags.StringVar(&s.file, "file", "", "records of this file: CSV, JSON or NDJSON, as 'sluice import' reads them; - is standard input")
	flags.IntVar(&s.records, "records", records, fmt.Sprintf("records to look at, at most %d", most))
	s.reading.addAs(cmd, "list")
}

func (s *sample) check(cmd *cobra.Command) error {
	switch {
	case s.profile == "" && s.file == "":
		return wrongUsage(cmd, "it is not clear which records are meant: give --profile, or a file with some by --file")
	case s.file != "" && cmd.Flags().Changed("stored"):
		return wrongUsage(cmd, "--stored is about the records of a profile's last run, and --file names others: give only one of them")
	case s.records < 1 || s.records > s.most:
		return wrongUsage(cmd, "--records %d is out of range: give 1 to %d", s.records, s.most)
	case s.file == "" && s.reading.Options != (file.Options{}):
		return wrongUsage(cmd, "--format, --delimiter, --encoding and --list say how a file is read: say which by --file")
	}
	return s.reading.check(cmd)
}

// errEnough ends the reading of records.
var errEnough = errors.New("enough records")

// read calls each with a record after the other, and where it is from; at most
// as many as are asked for. A record stays valid until the next one.
func (s *sample) read(ctx context.Context, a *app, m *transform.Map, each func(from string, record []byte)) error {
	left := s.records
	one := func(from string, record []byte) error {
		if record = bytes.TrimSpace(record); len(record) == 0 {
			return nil
		}
		each(from, record)
		if left--; left == 0 {
			return errEnough
		}
		return ctx.Err()
	}
	read := s.fetched
	switch {
	case s.file != "":
		read = s.ofFile
	case s.stored:
		read = s.ofProfile
	}
	if err := read(ctx, a, m, one); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return ctx.Err()
}

// ofProfile reads what is kept of a profile's last run.
func (s *sample) ofProfile(ctx context.Context, a *app, m *transform.Map, one func(string, []byte) error) error {
	profile, streams, err := a.streamsFor(ctx, s.profile, m)
	if err != nil {
		return err
	}
	found := false
	for _, stream := range streams {
		batches, err := a.store.KeptBatches(ctx, profile.ID, stream)
		if err != nil {
			return err
		}
		for _, batch := range batches {
			found = true
			if err := a.eachKept(ctx, batch, one); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("no records of profile %s are kept that map %s reads: %s, or give some by --file", profile.Name, m.Name, a.howToRun(profile))
	}
	return nil
}

// howToRun says how a profile brings records in.
func (a *app) howToRun(p catalog.Profile) string {
	if k, err := kinds.Find(p.Kind); err == nil && source.ReadsUploads(k) {
		return fmt.Sprintf("import a file ('%s')", a.command("import FILE --profile "+p.Name))
	}
	return fmt.Sprintf("run it ('%s')", a.command("run "+p.Name))
}

// eachKept reads the records of a batch.
func (a *app) eachKept(ctx context.Context, batch catalog.BatchRef, one func(string, []byte) error) error {
	from := fmt.Sprintf("run %d, %s, batch %d", batch.RunID, batch.Stream, batch.Batch)
	var raw []byte
	return a.store.Chunks(ctx, batch, func(c catalog.Chunk) (err error) {
		if raw, err = s2.Decode(raw[:cap(raw)], c.Data); err != nil {
			return fmt.Errorf("unpack records of %s: %w", from, err)
		}
		for record := range bytes.Lines(raw) {
			if err := one(from, record); err != nil {
				return err
			}
		}
		return nil
	})
}

// streamsFor finds a profile, and those of its asset types whose records a map
// reads.
func (a *app) streamsFor(ctx context.Context, name string, m *transform.Map) (catalog.Profile, []string, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return catalog.Profile{}, nil, err
	}
	profile, err := store.Profile(ctx, name)
	if err != nil {
		return profile, nil, err
	}
	k, err := kinds.Find(profile.Kind)
	if err != nil {
		return profile, nil, err
	}
	var streams, brings []string
	for _, t := range k.AssetTypes() {
		if !slices.Contains(profile.AssetTypes, t.Name) {
			continue
		}
		model := t.Model
		if model == "" { // of a kind whose records are what its maps say
			own, err := store.LatestMap(ctx, profile.Maps[t.Name])
			if err != nil {
				return profile, nil, err
			}
			model = own.SourceModel
		}
		if model == m.Source {
			streams = append(streams, t.Name)
		} else {
			brings = append(brings, t.Name+" ("+model+")")
		}
	}
	if streams == nil {
		return profile, nil, fmt.Errorf("map %s reads %s, but profile %s brings %s", m.Name, m.Source, name, strings.Join(brings, ", "))
	}
	return profile, streams, nil
}

// compiled reads and compiles a map: NAME, NAME@2, or a file.
func (a *app) compiled(cmd *cobra.Command, name string) (*transform.Map, *transform.Program, error) {
	file, data, err := a.fileOrMap(cmd, name)
	if err != nil {
		return nil, nil, err
	}
	m, _, err := a.parseMapFile(cmd.Context(), file, data, "")
	if err != nil {
		return nil, nil, err
	}
	models, err := a.models(cmd.Context())
	if err != nil {
		return nil, nil, err
	}
	program, err := transform.Compile(m, models)
	return m, program, err
}
