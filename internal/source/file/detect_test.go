package file

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

func encoded(t *testing.T, e interface{ String(string) (string, error) }, text string) string {
	t.Helper()
	s, err := e.String(text)
	require.NoError(t, err)
	return s
}

func TestHowAFileIsRead(t *testing.T) {
	t.Parallel()
	const table = "id;name\n1;Käse\n2;a,b\n"
	le := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder()
	be := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder()
	for _, c := range []struct {
		what, name, content string
		given, found        Options
		text                string // empty: that of the table
	}{
		{"UTF-8", "a.csv", table, Options{}, Options{CSV, ";", UTF8, ""}, ""},
		{"UTF-8 with its mark", "a", "\uFEFF" + table, Options{}, Options{CSV, ";", UTF8, ""}, ""},
		{"UTF-16 with its mark", "a.csv", encoded(t, be, table), Options{}, Options{CSV, ";", UTF16, ""}, ""},
		{"UTF-16 without", "a.csv", encoded(t, le, table), Options{}, Options{CSV, ";", UTF16, ""}, ""},
		{"UTF-16 as given", "a.csv", encoded(t, le, table), Options{Encoding: UTF16}, Options{CSV, ";", UTF16, ""}, ""},
		{"Windows", "a.csv", encoded(t, charmap.Windows1252.NewEncoder(), table), Options{}, Options{CSV, ";", Windows1252, ""}, ""},
		{"tabs", "a.tsv", "id\tname\n1\ta,b,c,d\n", Options{}, Options{CSV, "\t", UTF8, ""}, "id\tname\n1\ta,b,c,d\n"},
		{"bars", "-", "id|name, first\n1|b\n", Options{}, Options{CSV, "|", UTF8, ""}, "id|name, first\n1|b\n"},
		{"one column", "-", "id\n1\n", Options{}, Options{CSV, ",", UTF8, ""}, "id\n1\n"},
		{"a delimiter that the file says", "a.csv", "sep=;\r\n" + table, Options{}, Options{CSV, ";", UTF8, ""}, ""},
		{"a delimiter that is given", "a.csv", table, Options{Delimiter: ","}, Options{CSV, ",", UTF8, ""}, ""},
		{"a list", "a.txt", ` [{"id":1}]`, Options{}, Options{JSON, "", UTF8, ""}, ` [{"id":1}]`},
		{"an object", "a", `{"id":1}`, Options{}, Options{JSON, "", UTF8, ""}, `{"id":1}`},
		{"objects", "a.json", "{\"id\":1}\n{", Options{}, Options{NDJSON, "", UTF8, ""}, "{\"id\":1}\n{"},
		{"objects by the name", "a.jsonl", `{"id":1}`, Options{}, Options{NDJSON, "", UTF8, ""}, `{"id":1}`},
		{"a format that is given", "a.csv", `{"id":1}`, Options{Format: NDJSON}, Options{NDJSON, "", UTF8, ""}, `{"id":1}`},
	} {
		text, found, err := Detect(c.name, strings.NewReader(c.content), c.given)
		require.NoError(t, err, c.what)
		require.Equal(t, c.found, found, c.what)
		read, err := io.ReadAll(text)
		require.NoError(t, err, c.what)
		if c.text == "" {
			c.text = table
		}
		require.Equal(t, c.text, string(read), c.what)
	}
}

// noise is what nobody wrote: bytes without any order.
func noise() string {
	bytes := make([]byte, 100_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(bytes)
	return string(bytes)
}

func TestFilesThatAreNoRecords(t *testing.T) {
	t.Parallel()
	for says, content := range map[string]string{
		"it is empty": " \n",
		"it is a ZIP archive or an Excel workbook": "PK\x03\x04...",
		"it is compressed by gzip":                 "\x1f\x8b\x08",
		"it looks like XML or HTML":                "<html>",
		"it is no text":                            noise(),
		"it is no text (":                          "\x7fELF" + strings.Repeat("\x00", 100),
	} {
		_, _, err := Detect("a", strings.NewReader(content), Options{})
		require.ErrorContains(t, err, says)
	}
	_, _, err := Detect("a", strings.NewReader("\uFEFFid"), Options{Encoding: Windows1252})
	require.ErrorContains(t, err, "it begins with the mark of utf-8, and is said to be in windows-1252 (leave --encoding out)")
	for says, given := range map[string]Options{
		"did you mean ndjson?":           {Format: "ndjsn"},
		"known: utf-8, utf-16":           {Encoding: "latin-15"},
		`delimiter ";;" is not one char`: {Delimiter: ";;"},
		`is not one character`:           {Delimiter: `"`},
	} {
		_, _, err := Detect("a", strings.NewReader("id"), given)
		require.ErrorContains(t, err, says)
	}
}

func TestTextThatStopsBeingUTF8SaysWhere(t *testing.T) {
	t.Parallel()
	text, _, err := Detect("a.csv", strings.NewReader("id\n"+strings.Repeat("a\n", 100_000)+"\xe4\n"), Options{})
	require.NoError(t, err)
	_, err = io.ReadAll(text)
	require.EqualError(t, err, "it is not in utf-8: line 100002, character 1 (say in which encoding it is, such as --encoding windows-1252)")
}

// TestTwoIdsDoNotBecomeOne because neither of them is of the encoding.
func TestTwoIdsDoNotBecomeOne(t *testing.T) {
	t.Parallel()
	le := func(units ...uint16) (text string) {
		for _, unit := range units {
			text += string([]byte{byte(unit), byte(unit >> 8)})
		}
		return text
	}
	for what, c := range map[string]struct {
		content, encoding, says string
	}{
		"windows-1252 has no 0x81":   {"id\nk\xe4se\nab\x81\n", Windows1252, "it is not in windows-1252: line 3, character 3 (save it in utf-8, and import that)"},
		"nor 0x9d":                   {"id\n\xe4\x9d\n", "", "it is not in windows-1252: line 2, character 2"},
		"half a character of UTF-16": {le('i', 'd', '\n', 'a', 0xD83D, 0xDE00, 0xD83D, 'b', '\n'), UTF16, "it is not in utf-16: line 2, character 3"},
		"the second half of one":     {le(0xFEFF, 'i', '\n', 0xDE00), "", "it is not in utf-16: line 2, character 1"},
		"half of it at the end":      {le(0xFEFF, 'i', '\n', 'a', 0xD83D), "", "it is not in utf-16: line 2, character 2"},
		"an odd byte at the end":     {le(0xFEFF, 'i', 'd', '\n') + "a", "", "it is not in utf-16: line 2, character 1"},
	} {
		text, _, err := Detect("a.csv", strings.NewReader(c.content), Options{Encoding: c.encoding})
		require.NoError(t, err, what)
		_, err = io.ReadAll(text)
		require.ErrorContains(t, err, c.says, what)
	}
}

// TestTextIsDecodedAsTheStandardSays, whatever the pieces that it comes in.
func TestTextIsDecodedAsTheStandardSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(Encodings()).Draw(rt, "encoding")
		encoder := map[string]*encoding.Encoder{
			UTF8: encoding.Nop.NewEncoder(), Windows1252: charmap.Windows1252.NewEncoder(),
			UTF16: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder(),
		}[name]
		var want strings.Builder
		for _, r := range rapid.SliceOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("aä€\n😀")))).Draw(rt, "text") {
			if _, err := encoder.String(string(r)); err == nil && r != utf8.RuneError {
				want.WriteRune(r)
			}
		}
		content, err := encoder.String(want.String())
		require.NoError(rt, err)
		read, err := io.ReadAll(decoded(iotest.OneByteReader(strings.NewReader(content)), name, nextOf(name, binary.BigEndian)))
		require.NoError(rt, err)
		require.Equal(rt, want.String(), string(read))
	})
}

func TestATextAboveItsBoundIsRefused(t *testing.T) {
	t.Parallel()
	_, err := io.Copy(io.Discard, &limited{r: strings.NewReader("abcd"), rest: 3})
	require.ErrorContains(t, err, "its text is larger than 1024 MiB (split it")
	_, err = io.Copy(io.Discard, &limited{r: strings.NewReader("abc"), rest: 3})
	require.NoError(t, err)
}

// FuzzDetect reads files of all names and options: whatever is detected can be
// read, in UTF-8, to its end or to what is wrong with it.
func FuzzDetect(f *testing.F) {
	f.Add("a.csv", uint8(0), []byte("sep=;\r\nid;name\n1;\"a\nb\"\n"))
	f.Add("a.json", uint8(1), []byte("\uFEFF{\"a\":[{\"id\":1}]}\n{}"))
	f.Add("a", uint8(2), []byte("\xFF\xFEi\x00d\x00\n\x00\x00\xD8"))
	f.Add("-", uint8(3), []byte("id|name\n1|K\xe4se\n"))
	f.Add("a.jsonl", uint8(4), []byte("PK\x03\x04"))
	f.Add("a.tsv", uint8(5), []byte("id\tn\n1\t\"2\n"))
	f.Fuzz(func(t *testing.T, name string, given uint8, content []byte) {
		o := Options{
			Format:   append(Formats(), "")[given%4],
			Encoding: append(Encodings(), "")[given/4%4],
		}
		text, found, err := Detect(name, bytes.NewReader(content), o)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NoError(t, found.Check())
		require.NotEmpty(t, found.Format)
		require.True(t, o.Format == "" || o.Format == found.Format)
		read, err := io.ReadAll(text)
		require.True(t, validUTF8(read) || err != nil)
		records, _ := scanned(t, string(read), found)
		for _, record := range records {
			require.True(t, strings.HasPrefix(record, "! ") || json.Valid([]byte(record)), "%q", record)
		}
	})
}

// TestWhateverIsDetectedCanBeRead without a panic, and in UTF-8.
func TestWhateverIsDetectedCanBeRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		content := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) })).Draw(rt, "content")
		text, o, err := Detect(rapid.SampledFrom([]string{"a", "a.csv", "a.json", "a.jsonl"}).Draw(rt, "name"), bytes.NewReader(content), Options{})
		if err != nil {
			return
		}
		read, err := io.ReadAll(text)
		if err == nil {
			require.True(rt, validUTF8(read))
			_, _ = scanned(rt, string(read), o)
		}
	})
}
