package file

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// from opens a text at a place.
func from(text string) func(int64) io.Reader {
	return func(at int64) io.Reader { return strings.NewReader(text[at:]) }
}

// all reads the rest of a file: records as they are, others as "! reason".
func all(t require.TestingT, s Scanner) (records []string, err error) {
	for {
		r, err := s.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		if r.Reason != "" {
			records = append(records, "! "+r.Reason)
			continue
		}
		line, ended := bytes.CutSuffix(r.Data, []byte("\n"))
		require.True(t, ended && !bytes.Contains(line, []byte("\n")), "a record is one line: %q", r.Data)
		records = append(records, string(line))
	}
}

func scanned(t require.TestingT, text string, o Options) ([]string, error) {
	s, err := Scan(from(text), o, Position{})
	if err != nil {
		return nil, err
	}
	return all(t, s)
}

var comma = Options{Format: CSV, Delimiter: ","}

func TestRecordsOfFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options Options
		text    string
		records []string
	}{
		"values of CSV are strings, and empty ones are left out": {comma, "id,name,n\n1,\"a \"\"b\"\"\",007\r\n2,,\n", []string{`{"id":"1","name":"a \"b\"","n":"007"}`, `{"id":"2"}`}},
		"a value in quotes may have line ends and delimiters":    {comma, "id,name\n1,\"a\nb,c\"\n", []string{`{"id":"1","name":"a\nb,c"}`}},
		"rows without any value are none":                        {comma, "id,name\n,\n\n1,a\n,", []string{`{"id":"1","name":"a"}`}},
		"blanks around column names are not part of them":        {Options{Format: CSV, Delimiter: ";"}, " id ; Host IP;os.name;a[0]\n1;2;3;4", []string{`{"id":"1","Host_IP":"2","os_name":"3","a_0":"4"}`}},
		"formulas and NUL are values like any other":             {comma, "id,x\n=1+1,\"@a\x00b\"\n", []string{`{"id":"=1+1","x":"@a\u0000b"}`}},
		"ragged rows and stray quotes are set aside": {comma, "id,name\n1\n2,a,b\n3,c\n4,a\"b\n\"5\"x,c\n6,d\n", []string{
			"! row 2 (line 2) has 1 values, and the header 2", "! row 3 (line 3) has 3 values, and the header 2", `{"id":"3","name":"c"}`,
			"! row 5 (line 5): a value that is not in quotes has one in it", "! row 6 (line 6): a value goes on behind its closing quote (a quote inside of one is written twice)", `{"id":"6","name":"d"}`}},
		"rows are counted past values of several lines": {comma, "id,name\n1,\"a\n\nb\"\n2\n", []string{`{"id":"1","name":"a\n\nb"}`, "! row 3 (line 5) has 1 values, and the header 2"}},
		"an object a line": {Options{Format: NDJSON}, "{\"id\": 1}\n\n {\"id\":\"\\u0000\"} \r\n[1]\n{\n{} 1\n{}{}\n{\"a b\":{\"c.d\":[]}}", []string{
			`{"id":1}`, `{"id":"\u0000"}`, "! line 4 is no object", "! line 5 is not valid JSON at byte 3: unexpected EOF", "! line 6 has more behind its object", "! line 7 has more behind its object", `{"a_b":{"c_d":[]}}`}},
		"a list":                            {Options{Format: JSON}, " [ {\"id\":\n1.50} , 7,{\"id\":2} ] ", []string{`{"id":1.50}`, "! record 2 is no object", `{"id":2}`}},
		"an empty list":                     {Options{Format: JSON}, "[]", nil},
		"an object with an empty list":      {Options{Format: JSON}, `{"items":[]}`, nil},
		"an object with a list":             {Options{Format: JSON}, `{"n":2,"tags":["a"],"deep":{"er":{"a":[[{"x":1}]]}},"data":{"items":[{"id":1},{"id":2}]},"next":null}`, []string{`{"id":1}`, `{"id":2}`}},
		"a list by its name":                {Options{Format: JSON, Records: "b"}, `{"a":[{"id":1}],"b":[{"id":2}]}`, []string{`{"id":2}`}},
		"a record that is nested too deep":  {Options{Format: NDJSON}, `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + "}\n{}", []string{"! line 1 is nested deeper than 64 levels", "{}"}},
		"a field that is there twice stays": {Options{Format: NDJSON}, `{"a":1,"a":2}`, []string{`{"a":1,"a":2}`}},
	} {
		records, err := scanned(t, c.text, c.options)
		require.NoError(t, err, name)
		require.Equal(t, c.records, records, name)
	}
}

// TestARecordIsNoLongerAsJSONThanItMayBe, though it is in the file.
func TestARecordIsNoLongerAsJSONThanItMayBe(t *testing.T) {
	t.Parallel()
	for escaped, times := range map[string]int{"\x01": 6, `\`: 2, `""`: 2, "\n": 2} {
		value := func(n int) string { return strings.Repeat(escaped, n) }
		longest := (maxRecord - len(`{"id":""}`)) / times
		records, err := scanned(t, "id\n\""+value(longest)+"\"\n\""+value(longest+2)+"\"\n3\n", comma)
		require.NoError(t, err)
		require.LessOrEqual(t, len(records[0]), maxRecord)
		require.Contains(t, records[1], " is longer than 16 MiB as JSON", "%q", escaped)
		require.Equal(t, `{"id":"3"}`, records[2])
	}
	records, err := scanned(t, `{"a":"`+strings.Repeat("\xff", maxRecord/2)+"\"}\n{}", Options{Format: NDJSON})
	require.NoError(t, err)
	require.Equal(t, []string{"! line 1 is longer than 16 MiB", "{}"}, records)
}

func TestTheNamesThatRecordsHave(t *testing.T) {
	t.Parallel()
	for text, o := range map[string]Options{
		"a b,c\n1,\n": comma,
		`[{"a b":{"x":1}},7,{"c":[{"y":2}],"a.b":null}]`: {Format: JSON},
		"{\"a b\":1}\n{\"c\":2}":                         {Format: NDJSON},
	} {
		s, err := Scan(from(text), o, Position{})
		require.NoError(t, err)
		_, err = all(t, s)
		require.NoError(t, err)
		require.Equal(t, []string{"a_b", "c"}, s.Names(), text)
	}
}

// TestJSONOfManyLevelsIsToldInFewWords: not with all the names that lead there.
func TestJSONOfManyLevelsIsToldInFewWords(t *testing.T) {
	t.Parallel()
	_, err := scanned(t, "["+strings.Repeat(`{"a":`, 100_000), Options{Format: JSON})
	require.EqualError(t, err, "it is not valid JSON behind record 0, at byte 49997: exceeded max depth")
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options Options
		text    string
		says    string
	}{
		"no header":           {comma, "", "it has no header row"},
		"a column twice":      {comma, "id,a,id\n", "columns 1 and 3 are both called id"},
		"alike in paths":      {comma, "a b,a.b\n", "columns 1 and 2 are both called a_b"},
		"a column unnamed":    {comma, "id, ,x\n", "column 2 has no name"},
		"too many columns":    {comma, "a" + strings.Repeat(",", 2000), "it has 2001 columns, and 2000 are the most"},
		"names too long":      {comma, strings.Repeat("a", 64<<10+1), "longer than 64 KiB"},
		"CR alone":            {comma, "id\r1\r2", "its lines end by CR alone"},
		"a quote left open":   {comma, "id,name\n1,a\n2,\"b\n3,c\n", "row 3, from line 3 on, has a quote that is not closed"},
		"cut off":             {Options{Format: JSON}, `[{"id":1},{"id"`, "it ends in the middle, behind record 1"},
		"cut between records": {Options{Format: JSON}, `{"a":[{"id":1}`, "it ends in the middle, behind record 1"},
		"no JSON":             {Options{Format: JSON}, `[{"id":1},{id:2}]`, "it is not valid JSON behind record 1, at byte"},
		"a comma too many":    {Options{Format: JSON}, `[{"id":1},]`, "it is not valid JSON behind record 1"},
		"more behind it":      {Options{Format: JSON}, `[{"id":1}] x`, "it goes on behind the end of its JSON"},
		"an object a line":    {Options{Format: JSON}, "{\"id\":1}\n{\"id\":2}", "give --format ndjson"},
		"no list":             {Options{Format: JSON}, `{"id":1}`, "it has no list of objects"},
		"a scalar":            {Options{Format: JSON}, `7`, "it has no list of objects"},
		"two lists":           {Options{Format: JSON}, `{"a":[{}],"b":{"c":[{}]}}`, "several lists of objects, a and b.c: which one has the records? (say which by --records, such as --records a)"},
		"another list":        {Options{Format: JSON, Records: "c"}, `{"a":[{}]}`, "it has no list c"},
		"nested endlessly":    {Options{Format: JSON}, strings.Repeat("[", 20000), "behind record 0, at byte 10001: exceeded max depth"},
	} {
		_, err := scanned(t, c.text, c.options)
		require.ErrorContains(t, err, c.says, name)
	}
}

// endless repeats a text for ever.
type endless struct {
	head, text string
	read       int64
}

func (e *endless) Read(p []byte) (n int, err error) {
	n = copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	e.read += int64(n)
	return n, nil
}

func TestARecordWithoutAnEndIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options Options
		head    string
		text    string
		most    int64
	}{
		"a quote never closed":  {comma, "id\n\"", "abcdefghij", 17 << 20},
		"columns without end":   {comma, "id\n", ",", 3 << 20},
		"a header without end":  {comma, "", "a,b,c,d,", 3 << 20},
		"a line without end":    {Options{Format: NDJSON}, `{"a":"`, "abcdefghij", 17 << 20},
		"a string without end":  {Options{Format: JSON}, `[{"a":"`, "abcdefghij", 17 << 20},
		"a record without end":  {Options{Format: JSON}, `[{"a":[`, "1,", 17 << 20},
		"a string on the way":   {Options{Format: JSON}, `{"a":"`, "abcdefghij", 17 << 20},
		"blanks on the way":     {Options{Format: JSON}, `{"a":`, "          ", 17 << 20},
		"blanks between values": {Options{Format: JSON}, `[{},`, "          ", 17 << 20},
	} {
		text := &endless{head: c.head, text: c.text}
		s, err := Scan(func(int64) io.Reader { return text }, c.options, Position{})
		if err == nil {
			_, err = all(t, s)
		}
		require.ErrorContains(t, err, "is longer than 16 MiB, or has more than 1000000 delimiters", name)
		require.Less(t, text.read, c.most, name)
	}
}

// texts are files of all formats, right and wrong.
func texts(t *rapid.T) (string, Options) {
	word := rapid.OneOf(rapid.StringMatching(`[a-z ",;\n\r\\]{0,6}`), rapid.SampledFrom([]string{"", "é", "\x00", `"`, "null"}))
	rows := rapid.SliceOfN(rapid.SliceOfN(word, 0, 4), 0, 8).Draw(t, "rows")
	var b strings.Builder
	switch o := rapid.SampledFrom([]Options{comma, {Format: JSON}, {Format: NDJSON}, {Format: JSON, Records: "a.b c"}}).Draw(t, "options"); o.Format {
	case CSV:
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		require.NoError(t, w.Write([]string{"a", "b c", "d"}))
		for _, row := range rows {
			if rapid.IntRange(0, 9).Draw(t, "break") == 0 {
				w.Flush()
				b.WriteString(strings.Join(row, "") + "\n")
				continue
			}
			require.NoError(t, w.Write(row))
		}
		w.Flush()
		return b.String(), o
	default:
		var values []string
		for _, row := range rows {
			object := make(map[string]any)
			for i, value := range row {
				object[fmt.Sprint("f ", i)] = value
			}
			var value []byte
			if value, _ = json.Marshal(object); len(row) == 0 {
				value = []byte("[1]")
			}
			values = append(values, string(value))
		}
		if o.Format == NDJSON {
			return strings.Join(values, rapid.SampledFrom([]string{"\n", "\r\n\n"}).Draw(t, "end")), o
		}
		list := "[" + strings.Join(values, rapid.SampledFrom([]string{",", " ,\n"}).Draw(t, "between")) + "]"
		if o.Records != "" {
			list = `{"n":1,"a":{"x":[{}],"b c":` + list + `,"y":{}},"z":[]}`
		}
		return list, o
	}
}

// TestReadingGoesOnAtEveryPosition as if it had not been interrupted.
func TestReadingGoesOnAtEveryPosition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text, o := texts(rt)
		requireResumes(rt, text, o)
	})
}

func requireResumes(t require.TestingT, text string, o Options) {
	whole, wholeErr := scanned(t, text, o)
	s, err := Scan(from(text), o, Position{})
	if err != nil {
		return
	}
	for read := 0; ; read++ {
		at := s.Position()
		require.EqualValues(t, read, at.Records)
		encoded, err := json.Marshal(at)
		require.NoError(t, err)
		var again Position
		require.NoError(t, json.Unmarshal(encoded, &again))
		resumed, err := Scan(from(text), o, again)
		require.NoError(t, err)
		rest, restErr := all(t, resumed)
		require.Equal(t, append([]string{}, whole[read:]...), append([]string{}, rest...), "after record %d of %q", read, text)
		require.Equal(t, wholeErr == nil, restErr == nil, "%q: %v, %v", text, wholeErr, restErr)
		if _, err := s.Next(); err != nil {
			return
		}
	}
}

func fuzz(f *testing.F, o Options, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		records, _ := scanned(t, string(data), o)
		for _, record := range records {
			require.True(t, strings.HasPrefix(record, "! ") || strings.HasPrefix(record, "{") && json.Valid([]byte(record)), "%q", record)
		}
		if len(data) < 200 { // at each record, all of the rest
			requireResumes(t, string(data), o)
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzz(f, comma, "id,name\n1,\"a\n\"\"b\"\n2\n\"x", "a b,c\r\n,\r\n\x00,\xff\n", "id\n\"\"\"")
}

func FuzzJSON(f *testing.F) {
	fuzz(f, Options{Format: JSON}, `[{"a":1},{"b c":[{"d.e":{}}]},7]`, `{"a":{"b":[{"id":1},{}]},"c":[]}`, `[[[[[`, `{"a":[{}],"b":[{}]}`, "[{\"\xff\":\"\\ud800\"}]")
}

func FuzzNDJSON(f *testing.F) {
	fuzz(f, Options{Format: NDJSON}, "{\"a\":1}\n\n{}{}\n[1]\n", "{\"a b\":{\"c\":[]}}", "{\"\x00\":1}\n{")
}
