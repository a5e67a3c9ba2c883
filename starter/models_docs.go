package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/transform"
	"sluice/schema"
)

//go:generate go run . models docs --dir ../docs/models

func newModelsDocs(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "docs --dir DIR",
		Short: "Write the data models as pages of a reference manual, in Markdown",
		Long: `Write the data models that Sluice ships with as pages of a reference manual, in
Markdown: one for each model, and README.md, which lists them. Pages that are there are replaced.`,
		Example: "  sluice models docs --dir docs/models",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return wrongUsage(cmd, "--dir is missing: the folder to write to")
			}
			models, err := transform.LoadModels(schema.Models())
			if err != nil {
				return err
			}
			pages := modelPages(models)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("write the pages: %w", err)
			}
			for name, page := range pages {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644); err != nil {
					return fmt.Errorf("write the pages: %w", err)
				}
			}
			a.note("wrote %d pages to %s", len(pages), harmless(dir))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder to write to")
	return cmd
}

// modelPages are the pages of the reference manual of data models, by file name.
func modelPages(models *transform.Models) map[string]string {
	pages := make(map[string]string)
	index := map[string]*strings.Builder{transform.SourceRole: {}, transform.TargetRole: {}}
	for _, name := range models.Names() {
		m := models.Get(name)
		pages[name+".md"] = m.Markdown()
		cells := m.Title
		if m.Role == transform.SourceRole {
			cells += " | " + strings.Join(viewModel(m).AssetTypes, ", ")
		}
		fmt.Fprintf(index[m.Role], "| [%s](%s.md) | %s |\n", name, name, cells)
	}
	pages["README.md"] = `# Data models

The fields that records have, and those that the inventory keeps. A transform map
goes from a source model to a target model. These pages are written from the files
in ` + "`schema/models`" + ` by ` + "`go generate ./starter`" + `.

## Source models

| model | of | brought by |
|---|---|---|
` + index[transform.SourceRole].String() + `
## Target models

| model | of |
|---|---|
` + index[transform.TargetRole].String()
	return pages
}
