package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/source/file"
	"sluice/internal/transform"
)

// openFile opens a file, or standard input (-); name is what people know it by.
func (a *app) openFile(path string) (in io.ReadCloser, name string, err error) {
	if path == "-" {
		return io.NopCloser(a.in), stdinName, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, path, fmt.Errorf("there is no file %s", path)
	case err == nil && info.IsDir():
		return nil, path, fmt.Errorf("%s is a folder: give a file", path)
	}
	in, err = os.Open(path)
	return in, path, err
}

// maxMapFile bounds the file of a map, in bytes.
const maxMapFile = declare.MaxFile

// readMapFile reads a file, or standard input (-), that holds a map.
func (a *app) readMapFile(path string) (name string, data []byte, err error) {
	in, name, err := a.openFile(path)
	if err != nil {
		return name, nil, err
	}
	defer in.Close()
	data, err = io.ReadAll(io.LimitReader(in, maxMapFile+1))
	switch {
	case err != nil:
		return name, nil, fmt.Errorf("read %s: %w", name, err)
	case len(data) > maxMapFile:
		return name, nil, fmt.Errorf("%s is larger than %d MiB: that is no map", name, maxMapFile>>20)
	}
	return name, data, nil
}

// fileOrMap reads the file, or the map of that name. What could be either is the
// map where there is one; ./NAME is always the file.
func (a *app) fileOrMap(cmd *cobra.Command, name string) (file string, data []byte, err error) {
	base, _, _ := strings.Cut(name, "@")
	if catalog.CheckMapName(base) != nil || isMapFile(name) {
		return a.readMapFile(name)
	}
	info, err := os.Stat(name)
	isFile := err == nil && !info.IsDir()
	cfg, _, err := a.located()
	if err != nil {
		return "", nil, err
	}
	if isFile && cfg.DatabaseURL == "" {
		return a.readMapFile(name)
	}
	stored, m, err := a.readMap(cmd.Context(), cmd, name)
	switch {
	case isFile && errors.Is(err, catalog.ErrNotFound):
		return a.readMapFile(name)
	case err != nil:
		return "", nil, err
	case isFile:
		a.note("%s is the map of that name here, and not the file: that is ./%s", name, name)
	}
	return "map " + m.Name, []byte(stored.Body), nil
}

// isMapFile says whether a name is plainly that of a file.
func isMapFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json", ".csv"}, strings.ToLower(filepath.Ext(name)))
}

// parseMapFile reads a map from a file, YAML or CSV, and checks all of it; its
// problems name the places in the file. body is the map as it is stored, under
// the name that is given, if one is.
func (a *app) parseMapFile(ctx context.Context, file string, data []byte, name string) (m *transform.Map, body []byte, err error) {
	models, err := a.models(ctx)
	if err != nil {
		return nil, nil, err
	}
	m, body, err = readMapForm(file, data, name)
	if m == nil {
		return nil, nil, err
	}
	if of := (transform.Problems{}); err != nil && !errors.As(err, &of) {
		return nil, nil, err
	}
	problems := transform.Check(m, models)
	if err := catalog.CheckMapName(m.Name); err != nil && m.Name != "" {
		problems = append(problems, transform.Problem{File: file, Key: "name", Message: err.Error()})
	}
	if len(problems) > 0 {
		return m, nil, problems
	}
	return m, body, nil
}

// table begins a map as CSV: with one of its words and a separator.
var table = regexp.MustCompile(`^\s*"?(name|description|sourceModel|targetModel|assetClass|source|target)"?[,;\t]`)

// readMapForm reads a map in the form that its file's name says, or else its
// text; body is the map in YAML.
func readMapForm(file string, data []byte, name string) (m *transform.Map, body []byte, err error) {
	if data, err = mapInUTF8(file, data); err != nil {
		return nil, nil, err
	}
	if !strings.EqualFold(filepath.Ext(file), ".csv") && (isMapFile(file) || !table.Match(data)) {
		if name != "" {
			if data, err = catalog.RenameMap(data, name); err != nil {
				return nil, nil, err
			}
		}
		m, err = transform.ParseMap(file, data)
		return m, data, err
	}
	if m, err = transform.ParseCSVAs(file, data, name); err != nil {
		return m, nil, err
	}
	body, err = transform.WriteYAML(m)
	return m, body, err
}

// mapInUTF8 is the text of a map's file in UTF-8, without a mark that says so:
// spreadsheets and editors write other encodings, too. It is found out as for a
// file of records.
func mapInUTF8(name string, data []byte) ([]byte, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return data, nil // which is told as what it is
	}
	text, _, err := file.Detect(name, bytes.NewReader(data), file.Options{Format: file.CSV})
	if err == nil {
		data, err = io.ReadAll(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// mapFromFile reads the map to create from a file. What is said of it beside
// the file has to be what the file says.
func (a *app) mapFromFile(ctx context.Context, file string, data []byte, n newMap) ([]byte, error) {
	m, body, err := a.parseMapFile(ctx, file, data, n.name)
	if err != nil {
		return nil, err
	}
	for _, said := range []struct{ flag, here, there string }{{"source", n.source, m.Source}, {"target", n.target, m.Target}, {"asset-class", n.class, m.AssetClass}} {
		if said.here != "" && said.here != said.there {
			return nil, fmt.Errorf("%s says %s %q, and --%s %q: leave the flag out, or change the file", file, said.flag, said.there, said.flag, said.here)
		}
	}
	return body, nil
}
