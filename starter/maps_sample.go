package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// A sample says which records to look at: those of a file, those that a profile
// reads from its vendor now or, stored, those that are kept of its last run.
type sample struct {
	profile, file string
	stored        bool
	records, most int
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
	flags.StringVar(&s.file, "file", "", "records of this file, a JSON object a line; - is standard input")
	flags.IntVar(&s.records, "records", records, fmt.Sprintf("records to look at, at most %d", most))
}

func (s *sample) check(cmd *cobra.Command) error {
	switch {
	case s.profile == "" && s.file == "":
		return wrongUsage(cmd, "it is not clear which records are meant: give --profile, or a file with some by --file")
	case s.file != "" && cmd.Flags().Changed("stored"):
		return wrongUsage(cmd, "--stored is about the records of a profile's last run, and --file names others: give only one of them")
	case s.records < 1 || s.records > s.most:
		return wrongUsage(cmd, "--records %d is out of range: give 1 to %d", s.records, s.most)
	}
	return nil
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

// maxRecord bounds a record of a file, in bytes.
const maxRecord = 16 << 20

// ofFile reads the lines of a file. A profile that is named beside it has to
// bring such records.
func (s *sample) ofFile(ctx context.Context, a *app, m *transform.Map, one func(string, []byte) error) error {
	if s.profile != "" {
		if _, _, err := a.streamsFor(ctx, s.profile, m); err != nil {
			return err
		}
	}
	in, name := a.in, "standard input"
	if s.file != "-" {
		f, err := os.Open(s.file)
		if err != nil {
			return fmt.Errorf("read records: %w", err)
		}
		defer f.Close()
		in, name = f, s.file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecord)
	number := 0
	for lines.Scan() {
		number++
		if err := one(fmt.Sprintf("%s:%d", name, number), lines.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d bytes: give a record a line, as a JSON object", name, number+1, maxRecord)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read records of %s: %w", name, err)
	}
	if number == 0 {
		return fmt.Errorf("%s has no records: give one a line, as a JSON object", name)
	}
	return nil
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
		return fmt.Errorf("no records of profile %s are kept that map %s reads: run it ('%s'), or give some by --file", profile.Name, m.Name, a.command("run "+profile.Name))
	}
	return nil
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
