package transform

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A map as a table, for spreadsheets. First what the map says of itself, a line
// each; then, under their headings, the rows:
//
//	name,shop
//	sourceModel,qualys-tas.application
//	targetModel,inventory
//	when,record.name != 'test'
//
//	source,target,convert,default,values,expr
//	id,asset.assetHeader.externalAssetId,,,,
//	status,asset.assetDetail.attributes.open,,,"{""new"":true,""old"":false}",
//
// A default is a number, true or false as it stands, and else text; text that
// could be taken for those is in double quotes. Values are a JSON object. What
// a spreadsheet would take for a formula has an apostrophe before it.
var (
	csvKeys = []csvKey{
		{"name", "name"}, {"description", "description"}, {"sourceModel", "source"}, {"targetModel", "target"},
		{"assetClass", "assetClass"}, {"when", "when"}, {"whenFindings", "whenFindings"},
	}
	csvColumns = []csvKey{
		{"source", "from"}, {"target", "to"}, {"convert", "convert"}, {"default", "default"}, {"values", "values"}, {"expr", "expr"},
	}
)

// csvKey is a word of the table, and the key of the map file that it stands for.
type csvKey struct{ word, key string }

// words are what a form calls the keys of a map that it does not call by their
// own names.
type words map[string]string

func (w words) of(key string) string {
	if word := w[key]; word != "" {
		return word
	}
	return key
}

// tableWords are those of a table.
var tableWords = func() words {
	w := words{}
	for _, k := range slices.Concat(csvKeys, csvColumns) {
		w[k.key] = k.word
	}
	return w
}()

func csvWords(keys []csvKey) []string {
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = k.word
	}
	return words
}

// isWord says that a cell is one of some words.
func isWord(keys []csvKey, cell string) bool {
	return slices.ContainsFunc(keys, func(k csvKey) bool { return strings.EqualFold(k.word, strings.TrimSpace(cell)) })
}

// WriteCSV writes a map as a table that ParseCSV reads as it is.
func WriteCSV(m *Map) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = guard(cells[i])
		}
		_ = w.Write(cells) // to memory
	}
	for i, text := range []string{m.Name, m.Description, m.Source, m.Target, m.AssetClass, m.When, m.WhenFindings} {
		if text != "" || csvKeys[i].word == "name" {
			write(csvKeys[i].word, text)
		}
	}
	w.Flush()
	b.WriteByte('\n')
	write(csvWords(csvColumns)...)
	for _, r := range m.Rows {
		fallback := ""
		if r.Default != "" {
			fallback = defaultCell(r.Default)
		}
		write(r.From, r.To, r.Convert, fallback, valuesCell(r.Values), r.Expr)
	}
	w.Flush()
	return b.Bytes()
}

// ParseCSV reads a map from a table, as WriteCSV writes it or a spreadsheet
// saves it: with commas, semicolons or tabs, the columns in any order.
// Otherwise it is as ParseMap.
func ParseCSV(file string, data []byte) (*Map, error) { return ParseCSVAs(file, data, "") }

// ParseCSVAs is ParseCSV of a map that gets another name than the table's, which
// may have none; empty, it keeps the table's.
func ParseCSVAs(file string, data []byte, name string) (*Map, error) {
	d := &document{file: file, words: tableWords}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	switch {
	case len(data) > maxFileBytes:
		d.addf(nil, "is larger than %d KiB", maxFileBytes>>10)
	case !utf8.Valid(data):
		d.addf(nil, "is not valid UTF-8; save it as CSV in UTF-8")
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	t := &table{document: d, root: &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}}
	t.read(data)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	d.row = 0
	if name != "" {
		t.rename(name)
	}
	return d.readMap(t.root)
}

// table is a CSV file being read, as the YAML it stands for.
type table struct {
	*document
	root    *yaml.Node
	rows    *yaml.Node // once the headings are read
	columns []string   // the key of each; "" for one without a heading
	csv     *csv.Reader
}

// rename gives the map that is read a name.
func (t *table) rename(name string) {
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: 1, Column: 1}
	for i := 0; i < len(t.root.Content); i += 2 {
		if t.root.Content[i].Value == "name" {
			t.root.Content[i+1] = value
			return
		}
	}
	t.root.Content = append(t.root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "name"}, value)
}

func (t *table) read(data []byte) {
	t.csv = csv.NewReader(bytes.NewReader(data))
	t.csv.Comma = delimiter(data)
	t.csv.FieldsPerRecord = -1
	for {
		cells, err := t.csv.Read()
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			t.addf(&yaml.Node{Line: wrong.Line, Column: wrong.Column}, "is not valid CSV: %v", wrong.Err)
			return
		}
		if err != nil {
			break // the end
		}
		if slices.IndexFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) < 0 {
			continue
		}
		switch {
		case t.rows != nil:
			t.mapRow(cells)
		case isWord(csvColumns, cells[0]):
			t.headings(cells)
		default:
			t.property(cells)
		}
		if len(t.problems) > maxRows {
			return
		}
	}
	if t.rows == nil {
		t.problems = nil // without them, nobody knows what a line is
		t.addf(nil, "has no headings above its rows: a line such as %s", strings.Join(csvWords(csvColumns), ","))
	}
}

// delimiter finds what separates the headings.
func delimiter(data []byte) rune {
	for line := range bytes.Lines(data) {
		line := strings.ReplaceAll(string(line), `"`, "")
		for _, d := range ",;\t" {
			if word, _, ok := strings.Cut(line, string(d)); ok && isWord(csvColumns, word) {
				return d
			}
		}
	}
	return ','
}

// node makes a cell a scalar at its place in the file.
func (t *table) node(cells []string, i int) *yaml.Node {
	line, column := t.csv.FieldPos(i)
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: unguard(cells[i]), Line: line, Column: column}
}

// lookup returns the key that a cell names, or "" after adding a problem.
func (t *table) lookup(at *yaml.Node, what string, keys []csvKey) string {
	word := strings.TrimSpace(at.Value)
	for _, k := range keys {
		if strings.EqualFold(k.word, word) {
			return k.key
		}
	}
	t.addf(at, "unknown %s %q%s", what, cut(word), suggest(word, csvWords(keys)))
	last := &t.problems[len(t.problems)-1]
	last.Key, last.Suggestion = cut(word), nearest(word, csvWords(keys))
	return ""
}

func (t *table) property(cells []string) {
	word := t.node(cells, 0)
	key := t.lookup(word, "line", csvKeys)
	if key == "" || len(cells) < 2 || cells[1] == "" && key != "name" {
		return
	}
	t.root.Content = append(t.root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key, Line: word.Line, Column: word.Column}, t.node(cells, 1))
	t.surplus(cells, 2)
}

// surplus reports cells that no column is for.
func (t *table) surplus(cells []string, from int) {
	for i := from; i < len(cells); i++ {
		if strings.TrimSpace(cells[i]) != "" {
			t.addf(t.node(cells, i), "%q stands in a column that has no heading", cut(cells[i]))
		}
	}
}

func (t *table) headings(cells []string) {
	for i := range cells {
		at := t.node(cells, i)
		key := ""
		if strings.TrimSpace(at.Value) != "" {
			key = t.lookup(at, "heading", csvColumns)
		}
		if key != "" && slices.Contains(t.columns, key) {
			t.addf(at, "the heading %q is there twice", at.Value)
		}
		t.columns = append(t.columns, key)
	}
	at := t.node(cells, 0)
	t.rows = &yaml.Node{Kind: yaml.SequenceNode, Line: at.Line, Column: at.Column}
	t.root.Content = append(t.root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "rows", Line: at.Line, Column: at.Column}, t.rows)
}

func (t *table) mapRow(cells []string) {
	at := t.node(cells, 0)
	row := &yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Column}
	t.rows.Content = append(t.rows.Content, row)
	t.document.row = len(t.rows.Content)
	for i := range cells[:min(len(cells), len(t.columns))] {
		cell := t.node(cells, i)
		switch key := t.columns[i]; {
		case strings.TrimSpace(cell.Value) == "":
			continue
		case key == "":
			t.surplus(cells[:i+1], i)
			continue
		case key == "default":
			t.literal(cell)
		case key == "values":
			cell = t.values(cell)
		case key != "expr":
			cell.Value = strings.TrimSpace(cell.Value)
		}
		row.Content = append(row.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: t.columns[i], Line: cell.Line, Column: cell.Column}, cell)
	}
	t.surplus(cells, len(t.columns))
}
