package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

func newModels(a *app) *cobra.Command {
	return group("models", "The fields that records have, and those of the inventory",
		`A data model says which fields records have: a source model those that a vendor
sends of an asset type, a target model those that the inventory keeps. A transform
map ('sluice maps') goes from a source model to a target model.`,
		"  sluice models list\n  sluice models fields qualys-tas.application\n  sluice models show inventory",
		newModelsList(a), newModelsShow(a), newModelsFields(a), newModelsDocs(a), newModelsInfer(a), newModelsImport(a), newModelsDelete(a))
}

// modelView is a data model as it is shown.
type modelView struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Role        string   `json:"role"`
	AssetTypes  []string `json:"assetTypes"` // of kinds that bring its records: "qualys-tas APPLICATION"
	Classes     []string `json:"classes"`    // of assets, of a target model
	FieldCount  int      `json:"fieldCount"`
	Description string   `json:"description"`
	// Fields are only in what 'models show' writes.
	Fields []fieldView `json:"fields,omitempty"`
}

// fieldView is a field of a data model as it is shown.
type fieldView struct {
	Path        string   `json:"path"`
	Type        string   `json:"type"`
	Required    bool     `json:"required"`
	Class       string   `json:"class"` // of assets; empty: of all
	Values      []string `json:"values"`
	MaxBytes    int      `json:"maxBytes"` // 0: no bound of its own
	Evidence    string   `json:"evidence"`
	Example     string   `json:"example"`
	Description string   `json:"description"`
	Note        string   `json:"note"`
}

var modelColumns = []column[modelView]{
	{"name", func(m modelView) any { return m.Name }},
	{"title", func(m modelView) any { return m.Title }},
	{"role", func(m modelView) any { return m.Role }},
	{"fields", func(m modelView) any { return m.FieldCount }},
	{"classes", func(m modelView) any { return m.Classes }},
	{"assetTypes", func(m modelView) any { return m.AssetTypes }},
}

var modelDescription = column[modelView]{"description", func(m modelView) any { return m.Description }}

// fieldColumns are those of a table, with the description in the end.
var fieldColumns = []column[fieldView]{
	{"path", func(f fieldView) any { return f.Path }},
	{"type", func(f fieldView) any { return f.Type }},
	{"required", func(f fieldView) any { return f.Required }},
	{"class", func(f fieldView) any { return f.Class }},
	{"evidence", func(f fieldView) any { return f.Evidence }},
	{"example", func(f fieldView) any { return f.Example }},
	{"values", func(f fieldView) any { return f.Values }},
	{"description", func(f fieldView) any { return f.Description }},
}

// fieldWideColumns are too many for a table.
var fieldWideColumns = []column[fieldView]{
	{"maxBytes", func(f fieldView) any {
		if f.MaxBytes == 0 {
			return ""
		}
		return f.MaxBytes
	}},
	{"note", func(f fieldView) any { return f.Note }},
}

func viewModel(m *transform.Model) modelView {
	v := modelView{Name: m.Name, Title: m.Title, Role: m.Role, AssetTypes: []string{}, Classes: append([]string{}, m.Classes...),
		FieldCount: len(m.Fields), Description: m.Description}
	for _, k := range kinds.All() {
		for _, t := range k.AssetTypes() {
			if t.Model == m.Name {
				v.AssetTypes = append(v.AssetTypes, k.Name()+" "+t.Name)
			}
		}
	}
	return v
}

func viewFields(m *transform.Model) []fieldView {
	views := make([]fieldView, len(m.Fields))
	for i, f := range m.Fields {
		views[i] = fieldView{f.Path, string(f.Type), f.Required, f.Class, append([]string{}, f.Values...), f.MaxBytes, f.Evidence, f.Example, f.Description, f.Note}
	}
	return views
}

// findModel finds a data model by its name.
func (a *app) findModel(ctx context.Context, name string) (*transform.Model, error) {
	models, err := a.models(ctx)
	if err != nil {
		return nil, err
	}
	if m := models.Get(name); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("unknown data model %q%s", name, suggest.Ending(name, models.Names()))
}

func newModelsList(a *app) *cobra.Command {
	var role, kind string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the data models",
		Example: `  sluice models list
  sluice models list --role target
  sluice models list --kind qualys-vm`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOneOf(cmd, "role", role, transform.SourceRole, transform.TargetRole); err != nil {
				return err
			}
			if kind != "" {
				if _, err := kinds.Find(kind); err != nil {
					return err
				}
			}
			models, err := a.models(cmd.Context())
			if err != nil {
				return err
			}
			views := []modelView{}
			for _, name := range models.Names() {
				v := viewModel(models.Get(name))
				ofKind := slices.ContainsFunc(v.AssetTypes, func(t string) bool { return strings.HasPrefix(t, kind+" ") })
				if (role == "" || v.Role == role) && (kind == "" || ofKind) {
					views = append(views, v)
				}
			}
			columns := modelColumns
			if !a.forTables() {
				columns = append(slices.Clone(columns), modelDescription)
			}
			return printList(a, views, columns)
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "source or target")
	cmd.Flags().StringVar(&kind, "kind", "", "source models of this kind")
	return cmd
}

func newModelsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show MODEL",
		Short:   "Show a data model: what it is of, its fields, and notes on them",
		Example: "  sluice models show qualys-was.finding\n  sluice models show inventory --output json",
		Args:    oneArgument("model name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.findModel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			v := viewModel(m)
			v.Fields = viewFields(m)
			if err := printOne(a, v, append(slices.Clone(modelColumns), modelDescription)); err != nil || !a.forTables() {
				return err
			}
			a.say("")
			if err := a.printFields(v.Fields); err != nil {
				return err
			}
			a.sayNotes(v.Fields)
			return nil
		},
	}
}

// sayNotes prints the vendor's notes on fields, each once.
func (a *app) sayNotes(fields []fieldView) {
	paths := make(map[string][]string) // by note
	var notes []string
	for _, f := range fields {
		if f.Note == "" {
			continue
		}
		if paths[f.Note] == nil {
			notes = append(notes, f.Note)
		}
		paths[f.Note] = append(paths[f.Note], f.Path)
	}
	if len(notes) > 0 {
		a.say("\nNotes:")
	}
	for _, note := range notes {
		a.say("  %s: %s", strings.Join(paths[note], ", "), note)
	}
}

func newModelsFields(a *app) *cobra.Command {
	var class string
	var required bool
	cmd := &cobra.Command{
		Use:   "fields MODEL",
		Short: "List the fields of a data model",
		Example: `  sluice models fields qualys-tas.application
  sluice models fields inventory --class application
  sluice models fields inventory --required
  sluice models fields qualys-vm.detection --output csv`,
		Args: oneArgument("model name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.findModel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch {
			case class == "":
			case len(m.Classes) == 0:
				return wrongUsage(cmd, "model %s has no asset classes: leave --class out", m.Name)
			default:
				if err := checkOneOf(cmd, "class", class, m.Classes...); err != nil {
					return err
				}
			}
			fields := slices.DeleteFunc(viewFields(m), func(f fieldView) bool {
				return required && !f.Required || class != "" && f.Class != "" && f.Class != class
			})
			return a.printFields(fields)
		},
	}
	cmd.Flags().StringVar(&class, "class", "", "that assets of this class have")
	cmd.Flags().BoolVar(&required, "required", false, "that every record has to have")
	return cmd
}

// printFields prints fields; in a table, without their notes.
func (a *app) printFields(fields []fieldView) error {
	columns := withoutEmpty(a, fields, fieldColumns, "class", "evidence", "values")
	if !a.forTables() {
		columns = slices.Concat(columns, fieldWideColumns)
	}
	return printListOr(a, fields, columns, "it has no such field")
}
