package declare

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/schedule"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/transform"
)

// An Action is what becomes of something that is declared.
type Action string

const (
	Create    Action = "create"
	Update    Action = "update"
	Unchanged Action = "unchanged"
)

// A Change is what applying a document does.
type Change struct {
	Action Action        `json:"action"`
	Kind   string        `json:"kind"` // of the document
	Name   string        `json:"name"`
	Fields []FieldChange `json:"fields"` // none when it is unchanged
}

// A FieldChange is a field with its value before and after, empty where it has
// none. It never has a secret: "sealed" stands for one.
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// A field is a part of a document as people read it.
type field struct{ name, value string }

// diff is what makes of what there is, nil when it is not there yet, what is
// declared.
func diff(present *Document, declared Document) Change {
	c := Change{Action: Create, Kind: declared.Kind(), Name: declared.Name(), Fields: []FieldChange{}}
	var before []field
	if present != nil {
		c.Action, before = Update, present.fields()
	}
	after := declared.fields()
	old := make(map[string]string)
	for _, f := range before {
		old[f.name] = f.value
	}
	stays := make(map[string]bool)
	for _, f := range after {
		stays[f.name] = true
		if value := old[f.name]; value != f.value {
			c.Fields = append(c.Fields, FieldChange{f.name, value, f.value})
		}
	}
	for _, f := range before {
		if !stays[f.name] {
			c.Fields = append(c.Fields, FieldChange{f.name, f.value, ""})
		}
	}
	if present != nil && declared.Connector != nil {
		c.Fields = append(c.Fields, resealed(*present.Connector, *declared.Connector)...)
	}
	if present != nil && len(c.Fields) == 0 {
		c.Action = Unchanged
	}
	return c
}

// resealed are the secrets that were sealed and are sealed otherwise now.
func resealed(before, after catalog.Connector) (changes []FieldChange) {
	for _, name := range slices.Sorted(maps.Keys(after.Secrets)) {
		old, now := before.Secrets[name], after.Secrets[name]
		if secret.IsSealed(old) && secret.IsSealed(now) && old != now {
			changes = append(changes, FieldChange{"secrets." + name, "sealed", "sealed, another text"})
		}
	}
	return changes
}

// fields are the parts of a document that have a value, in the order in which
// they are shown. No two have the same name.
func (d Document) fields() []field {
	var list []field
	switch {
	case d.Connector != nil:
		list = fieldsOfConnector(*d.Connector)
	case d.Model != nil:
		list = fieldsOfModel(d.Model)
	case d.Map != nil:
		list = fieldsOfMap(d.Map)
	default:
		list = fieldsOfProfile(*d.Profile)
	}
	return slices.DeleteFunc(list, func(f field) bool { return f.value == "" })
}

// Short is a value of several lines, such as certificates, in one that tells it
// from others; another value is itself.
func Short(value string) string {
	first, rest, several := strings.Cut(strings.TrimSpace(value), "\n")
	if !several {
		return value
	}
	if n := strings.Count(first+rest, "-----BEGIN CERTIFICATE-----"); n == 1 {
		first = "1 certificate"
	} else if n > 1 {
		first = fmt.Sprintf("%d certificates", n)
	} else {
		first = strings.TrimSpace(first) + " ..."
	}
	return fmt.Sprintf("%s (SHA-256 %.4x...)", first, sha256.Sum256([]byte(value)))
}

func fieldsOfConnector(c catalog.Connector) []field {
	list := []field{{"description", c.Description}, {"provider", c.Provider}, {"active", strconv.FormatBool(c.Active)}}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		list = append(list, field{"settings." + name, Short(c.Settings[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		shown := "sealed"
		if secret.IsReference(c.Secrets[name]) {
			shown = c.Secrets[name]
		}
		list = append(list, field{"secrets." + name, shown})
	}
	return append(list, field{"retest", string(retest(c))})
}

func fieldsOfProfile(p catalog.Profile) []field {
	list := []field{{"description", p.Description}, {"connector", p.Connector}, {"product", p.Kind}, {"active", strconv.FormatBool(p.Active)},
		{"assetTypes", strings.Join(p.AssetTypes, ", ")}}
	for _, name := range slices.Sorted(maps.Keys(p.Maps)) {
		list = append(list, field{"maps." + name, p.Maps[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Filters)) {
		list = append(list, field{"filters." + name, source.FormatValues(p.Filters[name])})
	}
	list = append(list, fieldsOfSchedule(p.Schedule)...)
	return append(list, field{"fullEveryHours", fmt.Sprint(p.FullEveryHours)}, field{"retireAfter", fmt.Sprint(p.RetireAfter)},
		field{"shrinkPercent", fmt.Sprint(p.ShrinkPercent)}, field{"rejectPercent", fmt.Sprint(p.RejectPercent)}, field{"absentFindings", p.AbsentFindings})
}

func fieldsOfSchedule(s *schedule.Spec) []field {
	if s == nil {
		return nil
	}
	list := []field{{"schedule.when", s.When.String()}, {"schedule.timeZone", s.TimeZone}, {"schedule.start", s.Start.String()}, {"schedule.end", s.End.String()}}
	if s.TimeZone == "" {
		list[1].value = "UTC"
	}
	if s.Jitter != nil {
		list = append(list, field{"schedule.jitter", s.Jitter.String()})
	}
	if s.CatchUp != 0 {
		list = append(list, field{"schedule.catchUp", s.CatchUp.String()})
	}
	return list
}

// fieldsOfModel has a field for each of the model's, named by its path. Their
// order only decides how they are listed.
func fieldsOfModel(m *transform.Model) []field {
	list := []field{{"title", m.Title}, {"description", m.Description}, {"records", m.Records}, {"classes", strings.Join(m.Classes, ", ")}}
	for _, f := range m.Fields {
		text := string(f.Type)
		if f.Required {
			text += ", required"
		}
		if len(f.Values) > 0 {
			text += ", values " + source.FormatValues(f.Values)
		}
		if f.MaxBytes > 0 {
			text += fmt.Sprintf(", at most %d bytes", f.MaxBytes)
		}
		for _, part := range []field{{"class", f.Class}, {"example", f.Example}, {"description", f.Description}, {"evidence", f.Evidence}, {"note", f.Note}} {
			if part.value != "" {
				text += ", " + part.name + " " + strconv.Quote(part.value)
			}
		}
		list = append(list, field{"fields." + f.Path, text})
	}
	return list
}

// fieldsOfMap has a field a row, named by what the row fills: no two rows fill
// the same. The order of rows makes no difference to what a map does.
func fieldsOfMap(m *transform.Map) []field {
	list := []field{{"description", m.Description}, {"source", m.Source}, {"target", m.Target}, {"assetClass", m.AssetClass},
		{"when", m.When}, {"whenFindings", m.WhenFindings}}
	for _, row := range m.Rows {
		text := "from " + row.From
		if row.Expr != "" {
			text = "expr " + row.Expr
		}
		if row.Convert != "" {
			text += ", convert " + row.Convert
		}
		if row.Default != "" {
			text += ", default " + row.Default
		}
		if row.Values != nil {
			var values []string
			for _, from := range slices.Sorted(maps.Keys(row.Values)) {
				values = append(values, fmt.Sprintf("%q: %s", from, row.Values[from]))
			}
			text += ", values {" + strings.Join(values, ", ") + "}"
		}
		list = append(list, field{row.To, text})
	}
	return list
}
