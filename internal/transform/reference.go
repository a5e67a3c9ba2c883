package transform

import "fmt"

// What people who write maps look up is here, next to what it speaks of, for
// pages and help to show; tests hold it against what maps really take.

// A KeyReference explains a key of a map file, or of one of its rows.
type KeyReference struct {
	Key    string // in YAML
	Column string // in CSV: the word of a line, or the heading of a column
	Says   string
}

// MapKeys explains what a map says of itself.
func MapKeys() []KeyReference {
	return explainKeys(csvKeys, map[string]string{
		"name":         "what the map is called",
		"description":  "what it is for",
		"source":       "the source model: what the records are like",
		"target":       "the target model: inventory, or knowledge for a knowledge base",
		"assetClass":   "the class of the assets, needed where a target belongs to one",
		"when":         "a condition: records for which it is false are left out",
		"whenFindings": "the same for the findings in a record",
	})
}

// RowKeys explains what a row of a map can say.
func RowKeys() []KeyReference {
	return explainKeys(csvColumns, map[string]string{
		"from":    "the field that the row takes",
		"expr":    "an expression to take instead of a field",
		"to":      "the field that the row fills; no two rows fill the same one",
		"convert": "the type to read the value as; not beside values",
		"default": "what is taken where there is nothing; an id has none",
		"values":  "a table of what each value becomes; one that it lacks is rejected",
	})
}

func explainKeys(keys []csvKey, says map[string]string) []KeyReference {
	explained := make([]KeyReference, len(keys))
	for i, k := range keys {
		explained[i] = KeyReference{Key: k.key, Column: k.word, Says: says[k.key]}
	}
	return explained
}

// A ConversionReference shows what a row's convert reads: some values that it
// takes, and some that it rejects, as JSON.
type ConversionReference struct {
	Name           string
	Takes, Rejects []string
}

// Conversions are what a row's convert can name.
func Conversions() []ConversionReference {
	return []ConversionReference{
		{string(String), []string{`"a"`, `12`, `true`}, []string{`["a"]`, `{"a":1}`}},
		{string(Int), []string{`12`, `"12"`, `-3`}, []string{`1.5`, `1e3`, `"1,000"`, `" 12"`}},
		{string(Float), []string{`7.5`, `"7.5"`, `12`, `1e3`}, []string{`"7,5"`, `"high"`, `1e400`}},
		{string(Bool), []string{`true`, `"false"`}, []string{`1`, `"yes"`, `"True"`}},
		{string(Timestamp), []string{`"2025-01-31T09:30:00Z"`, `"2025-01-31T09:30:00.123+01:00"`, `1738315800`, `1738315800000`},
			[]string{`"2025-01-31"`, `"2025-01-31T09:30:00"`, `20250131`}},
		{string(Severity), []string{`1`, `5`, `"4"`}, []string{`0`, `"high"`, `4.0`}},
	}
}

// A FunctionReference shows functions and operators of expressions at work.
type FunctionReference struct {
	Names   []string
	Example string
	Gives   string // for ExampleRecord, as JSON
}

// ExampleRecord is the record that the examples of Functions are about.
const ExampleRecord = `{"id": "a-7", "kind": "Web", "score": 7.5, "open": 3, "live": true, "Host-Nr": 12,
 "found": "2025-01-31T09:30:15Z", "day": "2025-02-01", "tags": ["eu", "prod"], "note": null,
 "owner": {"mail": " Ann@example.com"}}`

// Functions are the functions and operators that expressions have, with an
// example of each.
func Functions() []FunctionReference {
	return []FunctionReference{
		{[]string{"==", "!=", "<", "<=", ">", ">="}, `record.score >= 7`, `true`},
		{[]string{"&&", "||", "!"}, `record.live && !(record.open == 0)`, `true`},
		{[]string{"?:"}, `record.score > 8.9 ? 5 : 3`, `3`},
		{[]string{"+", "-", "*", "/", "%"}, `record.kind + '-' + string(record.open * 2)`, `"Web-6"`},
		{[]string{"has"}, `has(record.note)`, `false`},
		{[]string{".?", "orValue"}, `record.?note.orValue('none')`, `"none"`},
		{[]string{"or", "value"}, `record.?note.or(record.?kind).value()`, `"Web"`},
		{[]string{"hasValue"}, `record.?owner.?mail.hasValue()`, `true`},
		{[]string{"optMap", "optFlatMap"}, `record.?note.optMap(n, n.size()).orValue(0)`, `0`},
		{[]string{"optional.of", "optional.none", "optional.ofNonZeroValue"}, `record.live ? optional.of(record.kind) : optional.none()`, `"Web"`},
		{[]string{"unwrapOpt", "optional.unwrap"}, `[record.?note, record.?kind].unwrapOpt()`, `["Web"]`},
		{[]string{"lowerAscii", "upperAscii"}, `record.kind.lowerAscii()`, `"web"`},
		{[]string{"trim"}, `record.owner.mail.trim()`, `"Ann@example.com"`},
		{[]string{"replace"}, `record.id.replace('-', '_')`, `"a_7"`},
		{[]string{"substring"}, `record.day.substring(0, 4)`, `"2025"`},
		{[]string{"split"}, `record.id.split('-')[1]`, `"7"`},
		{[]string{"join"}, `record.tags.join(', ')`, `"eu, prod"`},
		{[]string{"startsWith", "endsWith", "contains"}, `record.owner.mail.endsWith('@example.com')`, `true`},
		{[]string{"matches"}, `record.id.matches('^[a-z]+-[0-9]+$')`, `true`},
		{[]string{"size"}, `size(record.tags)`, `2`},
		{[]string{"in"}, `'prod' in record.tags`, `true`},
		{[]string{"[]", "[?]", "first", "last"}, `[record.tags[0], record.tags[?5].orValue('?')]`, `["eu","?"]`},
		{[]string{"exists", "all", "exists_one"}, `record.tags.exists(t, t.startsWith('p'))`, `true`},
		{[]string{"filter"}, `record.tags.filter(t, t != 'eu')`, `["prod"]`},
		{[]string{"map"}, `record.tags.map(t, t.upperAscii())`, `["EU","PROD"]`},
		{[]string{"string", "int", "double", "bool", "uint", "bytes"}, `string(record.open) + '/' + string(int(record.score))`, `"3/7"`},
		{[]string{"timestamp"}, `timestamp(record.day + 'T00:00:00Z')`, `"2025-02-01T00:00:00Z"`},
		{[]string{"duration"}, `record.found + duration('24h')`, `"2025-02-01T09:30:15Z"`},
		{[]string{"getFullYear", "getMonth", "getDate"}, `[record.found.getFullYear(), record.found.getMonth() + 1, record.found.getDate()]`, `[2025,1,31]`},
		{[]string{"getHours", "getMinutes", "getSeconds", "getMilliseconds"}, `record.found.getHours('Europe/Berlin')`, `10`},
		{[]string{"getDayOfWeek", "getDayOfMonth", "getDayOfYear"}, `record.found.getDayOfWeek()`, `5`},
		{[]string{"type", "dyn"}, `type(record.score) == double`, `true`},
	}
}

// A LimitReference is a bound of maps.
type LimitReference struct{ Of, Is string }

// MapLimits are the bounds of maps and of what their expressions do.
func MapLimits() []LimitReference {
	return []LimitReference{
		{"a map", fmt.Sprintf("%d rows, %d KiB", maxRows, maxFileBytes>>10)},
		{"a path", fmt.Sprintf("%d names, %d bytes", maxPathSteps, maxPathBytes)},
		{"an expression", fmt.Sprintf("%d characters, %d levels of nesting", maxExpression, maxExpressionDepth)},
		{"its evaluation", fmt.Sprintf("%d steps, about one for each operation and for ten characters", maxCost)},
		{"its value", fmt.Sprintf("%d KiB of text, %d KiB of JSON", maxText>>10, maxResult>>10)},
		{"a record", fmt.Sprintf("%d levels of objects and lists", MaxDepth)},
	}
}
