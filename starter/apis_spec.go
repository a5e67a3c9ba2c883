package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/apispec"
	"sluice/internal/source"
)

// endpointView is an endpoint as it is shown.
type endpointView struct {
	Method      string `json:"method"`
	Path        string `json:"path"`
	OperationID string `json:"operationId"`
	Deprecated  bool   `json:"deprecated"`
	Parameters  int    `json:"parameters"`
	Security    string `json:"security"` // required, none or unknown
}

var endpointColumns = []column[endpointView]{
	{"method", func(e endpointView) any { return e.Method }},
	{"path", func(e endpointView) any { return e.Path }},
	{"operationId", func(e endpointView) any { return e.OperationID }},
	{"deprecated", func(e endpointView) any { return e.Deprecated }},
	{"parameters", func(e endpointView) any { return e.Parameters }},
	{"security", func(e endpointView) any { return e.Security }},
}

// viewEndpoints are the endpoints of a document as they are shown.
func viewEndpoints(d source.Document) []endpointView {
	var views []endpointView
	for _, e := range d.Endpoints {
		views = append(views, endpointView(e))
	}
	return views
}

func newAPIsEndpoints(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "endpoints ID",
		Short: "List what can be called of an API, by its specification",
		Long: `List what can be called of an API, in the order of its specification. Security
says what the specification demands of a caller: required, none or unknown.`,
		Example: "  sluice apis endpoints 7\n  sluice apis endpoints 7 --output csv",
		Args:    oneArgument("id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, row, err := a.readAPI(cmd, args[0])
			if err != nil {
				return err
			}
			d, err := specification(cmd.Context(), store, row)
			if err != nil {
				return err
			}
			return printListOr(a, viewEndpoints(d), endpointColumns, "the specification of API %d names nothing that can be called", row.ID)
		},
	}
}

// formatRaw is the default of 'sluice apis spec' alone: the document as it is.
const formatRaw = "raw"

// specView is a specification in JSON: the document is text, whatever it is.
type specView struct {
	ID       int64  `json:"id"`
	Hash     string `json:"hash"` // SHA-256 of the document
	Format   string `json:"format"`
	Bytes    int    `json:"bytes"`
	Document string `json:"document"`
}

func newAPIsSpec(a *app) *cobra.Command {
	var file, format string
	var force, validate bool
	cmd := &cobra.Command{
		Use:   "spec ID",
		Short: "Print or save an API's specification",
		Long: `Print an API's specification as its source gave it, byte by byte; on a terminal,
what the terminal would obey is shown instead. With --save it is written to a file.

With --validate it is not printed, but held against its format in full (OpenAPI
3.0, Swagger 2.0 in JSON), as a second opinion: specifications in use are often
not valid, and what they say of endpoints is read all the same.`,
		Example: `  sluice apis spec 7 | jq .paths
  sluice apis spec 7 --save checkout.json
  sluice apis spec 7 --output json
  sluice apis spec 7 --validate`,
		Args: oneArgument("id"),
		// In place of the check of the formats that all others have.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return checkOneOf(cmd, "output", format, formatRaw, formatJSON)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case force && file == "":
				return wrongUsage(cmd, "--force is about a file that is there: say which with --save")
			case file != "" && format != formatRaw:
				return wrongUsage(cmd, "--save writes the document as it is: leave --output out")
			case validate && (file != "" || format != formatRaw):
				return wrongUsage(cmd, "--validate does not print the document: leave --save and --output out")
			}
			store, row, err := a.readAPI(cmd, args[0])
			if err != nil {
				return err
			}
			d, err := specification(cmd.Context(), store, row)
			switch {
			case err != nil:
				return err
			case validate:
				return a.validate(cmd.Context(), row.ID, d)
			case file != "":
				if err := saveFile(file, d.Data, force); err != nil {
					return err
				}
				a.note("saved %s: %s, %d bytes", harmless(file), d.Format, len(d.Data))
				return nil
			case format == formatJSON:
				return printJSON(a.out, specView{row.ID, d.Hash, d.Format, len(d.Data), string(d.Data)}, "  ")
			}
			text := string(d.Data)
			if _, ok := isTerminal(a.out); ok {
				text = harmlessLines(text)
			}
			_, err = io.WriteString(a.out, text)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&format, "output", "o", formatRaw, "raw or json")
	flags.StringVar(&file, "save", "", "write it to this file, which must not be there yet")
	flags.BoolVar(&force, "force", false, "with --save: replace the file if it is there")
	flags.BoolVar(&validate, "validate", false, "say whether it is valid, instead of printing it")
	return cmd
}

// validationBound is how long a second opinion may take.
const validationBound = 30 * time.Second

// validate says what a second reading of a specification comes to. It is an
// error that the specification is not valid, not that there is no opinion.
func (a *app) validate(ctx context.Context, id int64, d source.Document) error {
	ctx, cancel := context.WithTimeout(ctx, validationBound)
	defer cancel()
	switch err := apispec.Validate(ctx, d.Data); {
	case errors.Is(err, apispec.ErrNotValidated):
		a.say("no opinion on the specification of API %d (%s): %s", id, d.Format, harmless(err.Error()))
	case err != nil:
		return fmt.Errorf("the specification of API %d (%s) is not valid: %s", id, d.Format, harmless(err.Error()))
	default:
		a.say("the specification of API %d (%s) is valid", id, d.Format)
	}
	return nil
}

// saveFile writes a file, all of it or none; only with force in place of
// another.
func saveFile(path string, data []byte, force bool) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".sluice-*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save %s: there is no folder %s", path, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", path, withoutPath(err))
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return fmt.Errorf("save %s: %w", path, withoutPath(err))
	}
	if force {
		err = os.Rename(temporary.Name(), path)
	} else {
		err = os.Link(temporary.Name(), path) // which replaces nothing
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and stays as it is: give another name, or --force to replace it", path)
	case err != nil:
		return fmt.Errorf("save %s: %w", path, withoutPath(err))
	}
	return nil
}

// withoutPath is an error of a file without its name, where the name says
// nothing to people.
func withoutPath(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// harmlessLines is harmless for a text of lines.
func harmlessLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		for i, part := range strings.Split(strings.TrimSuffix(body, "\r"), "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(harmless(part))
		}
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
