package transform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/schema"
)

// A sample is a default map and what it is measured with.
type sample struct {
	name    string
	program *Program
	model   *Model
}

// samples are all default maps.
func samples(t testing.TB) []sample {
	t.Helper()
	maps, err := LoadMaps(schema.Maps())
	require.NoError(t, err)
	models := defaultModels(t)
	var all []sample
	for _, m := range maps {
		p, err := Compile(m, models)
		require.NoError(t, err)
		all = append(all, sample{m.Name, p, models.Get(m.Source)})
	}
	return all
}

// apply maps a record and returns how many findings it has; a record that is
// an entry of the knowledge base, or an asset without a list, counts as one.
func (s sample) apply(t testing.TB, a *Applier, record []byte) int {
	if s.program.target == "knowledge" {
		entry, rejects := a.ApplyVulnerability(record)
		if entry == nil || len(rejects) > 0 {
			t.Fatal(s.name, rejects)
		}
		return 1
	}
	asset, rejects := a.Apply(record)
	if asset == nil || len(rejects) > 0 {
		t.Fatal(s.name, rejects)
	}
	return max(1, len(asset.Findings))
}

// record is one as the vendor sends it: all fields of the model that have an
// example, and ten findings where it lists them. A bare one has only fields
// that the map reads. Beside them the record, and each finding, has a number of
// fields that no map knows.
func (s sample) record(n int, bare bool, unknown int) []byte {
	w := recordWriter{model: s.model, n: n, unknown: unknown}
	for _, r := range s.program.rules {
		from := s.program.rows[r.index].From
		if r.id {
			w.ids = append(w.ids, from)
		}
		if bare {
			w.only = append(w.only, from)
		}
	}
	if s.program.findings != nil {
		w.findings = s.program.findings.path
	}
	return []byte(w.object(""))
}

type recordWriter struct {
	model    *Model
	n        int
	unknown  int
	ids      []string // paths
	only     []string // paths of what is written; nil for all
	findings string   // path of their list; "" for none
	position int      // of the finding
}

const findingsPerAsset = 10

// object writes the object whose fields' paths begin with the prefix.
func (w *recordWriter) object(prefix string) string {
	var members []string
	for i := range w.model.Fields {
		f := &w.model.Fields[i]
		name, ok := strings.CutPrefix(f.Path, prefix)
		if ok && !strings.ContainsAny(name, ".[]") && w.writes(f.Path) {
			if value := w.value(f); value != "" {
				members = append(members, strconv.Quote(name)+":"+value)
			}
		}
	}
	if prefix == "" || prefix == w.findings+"[]." {
		for i := range w.unknown {
			members = slices.Insert(members, i*2%(len(members)+1), fmt.Sprintf(`"unknown%d":%s`, i, unknownValues[i%len(unknownValues)]))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (w *recordWriter) writes(path string) bool {
	return w.only == nil || slices.ContainsFunc(w.only, func(row string) bool {
		return row == path || strings.HasPrefix(row, path+".") || strings.HasPrefix(row, path+"[]") || strings.HasPrefix(path, row)
	})
}

var unknownValues = []string{`"some text, \"quoted\""`, "1.5", `[1,{"a":"b"},[]]`, `{"c":null,"d\u0041":true}`, `""`}

func (w *recordWriter) value(f *Field) string {
	switch {
	case slices.Contains(w.ids, f.Path):
		return strconv.Quote(strconv.Itoa(880_000 + 100*w.n + w.position))
	case f.Type == Object:
		return w.object(f.Path + ".")
	case f.Type == Array:
		return "[" + strings.Join(w.elements(f.Path), ",") + "]"
	case f.Example == "":
		return ""
	case f.Type != String && jsontext.Value(f.Example).IsValid():
		return f.Example
	}
	return string(quote(nil, f.Example))
}

func (w *recordWriter) elements(path string) (elements []string) {
	element := w.model.byPath[path+"[]"]
	n := 2
	if path == w.findings {
		n = findingsPerAsset
	}
	for i := range n {
		if path == w.findings {
			w.position = i
		}
		if element != nil {
			elements = append(elements, w.value(element))
		} else {
			elements = append(elements, w.object(path+"[]."))
		}
	}
	return slices.DeleteFunc(elements, func(e string) bool { return e == "" || e == "{}" })
}
