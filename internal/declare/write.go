package declare

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"sluice/internal/catalog"
	"sluice/internal/secret"
	"sluice/internal/transform"
)

// The forms in which documents are written, in YAML and in JSON.

type connectorForm struct {
	Kind        string        `yaml:"kind" json:"kind"`
	Name        text          `yaml:"name" json:"name"`
	Description text          `yaml:"description,omitempty" json:"description,omitempty"`
	Provider    text          `yaml:"provider" json:"provider"`
	Active      bool          `yaml:"active" json:"active"`
	Settings    map[text]text `yaml:"settings,omitempty" json:"settings,omitempty"`
	Secrets     map[text]any  `yaml:"secrets,omitempty" json:"secrets,omitempty"` // sealed text or referenceForm
	Retest      text          `yaml:"retest,omitempty" json:"retest,omitempty"`
}

type referenceForm struct {
	SecretRef text `yaml:"secretRef" json:"secretRef"`
}

type profileForm struct {
	Kind           string          `yaml:"kind" json:"kind"`
	Name           text            `yaml:"name" json:"name"`
	Description    text            `yaml:"description,omitempty" json:"description,omitempty"`
	Connector      text            `yaml:"connector" json:"connector"`
	Product        text            `yaml:"product" json:"product"`
	Active         bool            `yaml:"active" json:"active"`
	AssetTypes     []text          `yaml:"assetTypes" json:"assetTypes"`
	Maps           map[text]text   `yaml:"maps" json:"maps"`
	Filters        map[text][]text `yaml:"filters,omitempty" json:"filters,omitempty"`
	Schedule       *scheduleForm   `yaml:"schedule,omitempty" json:"schedule,omitempty"`
	FullEveryHours int32           `yaml:"fullEveryHours" json:"fullEveryHours"`
	RetireAfter    int32           `yaml:"retireAfter" json:"retireAfter"`
	ShrinkPercent  int32           `yaml:"shrinkPercent" json:"shrinkPercent"`
	RejectPercent  int32           `yaml:"rejectPercent" json:"rejectPercent"`
	AbsentFindings text            `yaml:"absentFindings" json:"absentFindings"`
}

// scheduleForm is as schedule.Spec, but a jitter of 0s is written: it is not
// the default.
type scheduleForm struct {
	When     text `yaml:"when" json:"when"`
	TimeZone text `yaml:"timeZone,omitempty" json:"timeZone,omitempty"`
	Start    text `yaml:"start,omitempty" json:"start,omitempty"`
	End      text `yaml:"end,omitempty" json:"end,omitempty"`
	Jitter   text `yaml:"jitter,omitempty" json:"jitter,omitempty"`
	CatchUp  text `yaml:"catchUp,omitempty" json:"catchUp,omitempty"`
}

type mapForm struct {
	Kind         string    `yaml:"kind,omitempty" json:"kind,omitempty"` // empty in the catalog
	Name         text      `yaml:"name" json:"name"`
	Description  text      `yaml:"description,omitempty" json:"description,omitempty"`
	Source       text      `yaml:"source" json:"source"`
	Target       text      `yaml:"target" json:"target"`
	AssetClass   text      `yaml:"assetClass,omitempty" json:"assetClass,omitempty"`
	When         text      `yaml:"when,omitempty" json:"when,omitempty"`
	WhenFindings text      `yaml:"whenFindings,omitempty" json:"whenFindings,omitempty"`
	Rows         []rowForm `yaml:"rows" json:"rows"`
}

type modelForm struct {
	Kind        string      `yaml:"kind" json:"kind"`
	Name        text        `yaml:"name" json:"name"`
	Title       text        `yaml:"title" json:"title"`
	Role        text        `yaml:"role" json:"role"`
	Description text        `yaml:"description" json:"description"`
	Records     text        `yaml:"records,omitempty" json:"records,omitempty"`
	Classes     []text      `yaml:"classes,omitempty" json:"classes,omitempty"`
	Fields      []fieldForm `yaml:"fields" json:"fields"`
}

// fieldForm is a field of a source model.
type fieldForm struct {
	Path        text   `yaml:"path" json:"path"`
	Type        text   `yaml:"type" json:"type"`
	Required    bool   `yaml:"required,omitempty" json:"required,omitempty"`
	Class       text   `yaml:"class,omitempty" json:"class,omitempty"`
	MaxBytes    int    `yaml:"maxBytes,omitempty" json:"maxBytes,omitempty"`
	Values      []text `yaml:"values,omitempty" json:"values,omitempty"`
	Example     text   `yaml:"example,omitempty" json:"example,omitempty"`
	Description text   `yaml:"description" json:"description"`
	Evidence    text   `yaml:"evidence" json:"evidence"`
	Note        text   `yaml:"note,omitempty" json:"note,omitempty"`
}

type rowForm struct {
	From    text             `yaml:"from,omitempty" json:"from,omitempty"`
	Expr    text             `yaml:"expr,omitempty" json:"expr,omitempty"`
	To      text             `yaml:"to" json:"to"`
	Convert text             `yaml:"convert,omitempty" json:"convert,omitempty"`
	Default *literal         `yaml:"default,omitempty" json:"default,omitempty"`
	Values  map[text]literal `yaml:"values,omitempty" json:"values,omitempty"`
}

// text is written so that it reads as it was: several lines, such as
// certificates, as a block; where there are other characters that are not to be
// seen, in double quotes with escapes.
type text string

func (t text) MarshalYAML() (any, error) {
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) }
	switch lines := strings.Split(strings.TrimSuffix(string(t), "\n"), "\n"); {
	case !strings.ContainsFunc(string(t), hidden):
		return string(t), nil
	case len(lines) > 1 && !slices.ContainsFunc(lines, func(line string) bool {
		return line == "" || line != strings.TrimSpace(line) || strings.ContainsFunc(line, hidden)
	}):
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.LiteralStyle, Value: string(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(t)}, nil
}

// texts makes the values of a table texts.
func texts(table map[string]string) map[text]text {
	of := make(map[text]text)
	for key, value := range table {
		of[text(key)] = text(value)
	}
	return of
}

// list makes the values of a list texts.
func list(values []string) (of []text) {
	for _, value := range values {
		of = append(of, text(value))
	}
	return of
}

// literal is a text, number, true or false, as JSON writes it.
type literal string

func (l literal) MarshalJSON() ([]byte, error) { return []byte(l), nil }

func (l literal) MarshalYAML() (any, error) {
	var t text
	if json.Unmarshal([]byte(l), &t) == nil {
		return t.MarshalYAML()
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: string(l)}, nil
}

// form is the form of a document, for encoders of YAML and JSON.
func (d Document) form() any {
	switch {
	case d.Connector != nil:
		return formOfConnector(*d.Connector)
	case d.Model != nil:
		return formOfModel(d.Model)
	case d.Map != nil:
		f := formOfMap(d.Map)
		f.Kind = KindMap
		return f
	}
	return formOfProfile(*d.Profile)
}

func formOfConnector(c catalog.Connector) connectorForm {
	f := connectorForm{KindConnector, text(c.Name), text(c.Description), text(c.Provider), c.Active, texts(c.Settings), make(map[text]any), retest(c)}
	for field, stored := range c.Secrets {
		switch {
		case stored == "":
			f.Secrets[text(field)] = nil
		case secret.IsReference(stored):
			f.Secrets[text(field)] = referenceForm{text(stored)}
		default:
			f.Secrets[text(field)] = text(stored)
		}
	}
	return f
}

// retest is how often a connector is tested by itself; empty: never.
func retest(c catalog.Connector) text {
	if c.TestEvery.IsZero() {
		return ""
	}
	return text(c.TestEvery.String())
}

func formOfProfile(p catalog.Profile) profileForm {
	f := profileForm{
		Kind: KindProfile, Name: text(p.Name), Description: text(p.Description), Connector: text(p.Connector), Product: text(p.Kind), Active: p.Active,
		AssetTypes: list(p.AssetTypes), Maps: texts(p.Maps), FullEveryHours: p.FullEveryHours, RetireAfter: p.RetireAfter, ShrinkPercent: p.ShrinkPercent,
		RejectPercent: p.RejectPercent, AbsentFindings: text(p.AbsentFindings),
	}
	for name, values := range p.Filters {
		if f.Filters == nil {
			f.Filters = make(map[text][]text)
		}
		for _, value := range values {
			f.Filters[text(name)] = append(f.Filters[text(name)], text(value))
		}
	}
	if s := p.Schedule; s != nil {
		f.Schedule = &scheduleForm{When: text(s.When.String()), TimeZone: text(s.TimeZone), Start: text(s.Start.String()), End: text(s.End.String())}
		if s.Jitter != nil {
			f.Schedule.Jitter = text(s.Jitter.String())
		}
		if s.CatchUp != 0 {
			f.Schedule.CatchUp = text(s.CatchUp.String())
		}
	}
	return f
}

func formOfModel(m *transform.Model) modelForm {
	f := modelForm{Kind: KindModel, Name: text(m.Name), Title: text(m.Title), Role: text(m.Role), Description: text(m.Description), Records: text(m.Records), Classes: list(m.Classes)}
	for _, of := range m.Fields {
		f.Fields = append(f.Fields, fieldForm{Path: text(of.Path), Type: text(of.Type), Required: of.Required, Class: text(of.Class), MaxBytes: of.MaxBytes,
			Values: list(of.Values), Example: text(of.Example), Description: text(of.Description), Evidence: text(of.Evidence), Note: text(of.Note)})
	}
	return f
}

func formOfMap(m *transform.Map) mapForm {
	f := mapForm{Name: text(m.Name), Description: text(m.Description), Source: text(m.Source), Target: text(m.Target), AssetClass: text(m.AssetClass),
		When: text(m.When), WhenFindings: text(m.WhenFindings)}
	for _, row := range m.Rows {
		r := rowForm{From: text(row.From), Expr: text(row.Expr), To: text(row.To), Convert: text(row.Convert), Values: make(map[text]literal)}
		if row.Default != "" {
			r.Default = (*literal)(&row.Default)
		}
		for from, to := range row.Values {
			r.Values[text(from)] = literal(to)
		}
		f.Rows = append(f.Rows, r)
	}
	return f
}

// MarshalJSON writes the document as Parse reads it.
func (d Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.form()) }

// YAML writes documents as Parse reads them: the same ones always alike.
func YAML(documents []Document) ([]byte, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	forms := make([]any, len(documents))
	for i, d := range documents {
		forms[i] = d.form()
	}
	return encode(forms...)
}

// mapBody writes a map as the catalog keeps it.
func mapBody(m *transform.Map) ([]byte, error) { return encode(formOfMap(m)) }

func encode(forms ...any) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	for _, form := range forms {
		if err := encoder.Encode(form); err != nil {
			return nil, err
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
