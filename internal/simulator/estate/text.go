package estate

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Encoding is how text is appended.
type Encoding uint8

// Raw is the text as it is meant; JSON is the same inside a JSON string,
// without the quotes around it.
const (
	Raw Encoding = iota
	JSON
	encodings
)

// phrase is a piece of text in every encoding, made once so that rendering a
// record only copies bytes.
type phrase [encodings]string

// phrases encodes texts. JSON allows several spellings of one character and a
// reader must take them all: every third text is pure ASCII with \u escapes,
// the others are UTF-8 as it stands.
func phrases(texts ...string) []phrase {
	out := make([]phrase, len(texts))
	for i, text := range texts {
		quoted, err := json.Marshal(text)
		if err != nil {
			panic(err) // a string always has a JSON form
		}
		escaped := strings.Trim(string(quoted), " ")
		escaped = escaped[1 : len(escaped)-1]
		if i%3 == 2 {
			escaped = strings.ReplaceAll(ascii(escaped), "/", `\/`)
		}
		out[i] = phrase{Raw: text, JSON: escaped}
	}
	return out
}

// ascii writes every character outside ASCII as \u escapes, in surrogate pairs
// where it needs two.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func choose(table []phrase, bits uint64) *phrase { return &table[bits%uint64(len(table))] }

// AppendName appends the asset's name.
func (r *Record) AppendName(b []byte, e Encoding) []byte {
	b = append(b, choose(nameQualities, r.Hash>>8)[e]...)
	b = append(b, ' ')
	b = append(b, choose(nameThings, r.Hash>>24)[e]...)
	b = append(b, " #"...)
	b = strconv.AppendInt(b, int64(r.Index), 10)
	if r.Renamed > 0 {
		b = append(b, " (renamed "...)
		b = strconv.AppendInt(b, int64(r.Renamed), 10)
		b = append(b, ')')
	}
	return b
}

// HasURL tells whether the asset has an address of its own; API collections do not.
func (r *Record) HasURL() bool { return r.Type == Application && r.Defect != MissingOptional }

// AppendURL appends the address of an application.
func (r *Record) AppendURL(b []byte, e Encoding) []byte {
	b = append(b, "https://"...)
	b = append(b, choose(hosts, r.Hash>>12)[e]...)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(r.Index), 10)
	b = append(b, choose(paths, r.Hash>>32)[e]...)
	return b
}

// Specification says what an API collection's openApiFile is.
type Specification uint8

// An uploaded file, no such field at all, or null.
const (
	SpecificationFile Specification = iota
	SpecificationAbsent
	SpecificationNull
)

// Specification of the API collection; some never had one uploaded.
func (r *Record) Specification() Specification {
	switch bits := (r.Hash >> 16) % 32; {
	case r.Type != APICollection || r.Defect == MissingOptional || bits < 3:
		return SpecificationAbsent
	case bits == 3:
		return SpecificationNull
	}
	return SpecificationFile
}

// AppendSpecificationURL appends the address of the uploaded specification.
func (r *Record) AppendSpecificationURL(b []byte, e Encoding) []byte {
	b = append(b, "https://specs.example.com/collections/"...)
	b = strconv.AppendInt(b, r.ID, 10)
	b = append(b, choose(specFiles, r.Hash>>28)[e]...)
	return b
}

// AppendTitle appends the finding's title.
func (f *Finding) AppendTitle(b []byte, e Encoding) []byte {
	b = append(b, choose(titles, f.Hash>>4)[e]...)
	b = append(b, choose(places, f.Hash>>20)[e]...)
	if f.Retitled > 0 {
		b = append(b, " (revision "...)
		b = strconv.AppendInt(b, int64(f.Retitled), 10)
		b = append(b, ')')
	}
	return b
}

// AppendDescription appends the finding's description.
func (f *Finding) AppendDescription(b []byte, e Encoding) []byte {
	return append(b, choose(descriptions, f.Hash>>28)[e]...)
}

// AppendOwner appends the user name of the asset's owner.
func (r *Record) AppendOwner(b []byte, e Encoding) []byte {
	return append(b, choose(owners, r.Hash>>36)[e]...)
}

// AppendTag appends the name of the asset's n-th tag.
func (r *Record) AppendTag(b []byte, e Encoding, n int) []byte {
	return append(b, choose(tags, r.Hash>>40+uint64(n)*7)[e]...)
}

// Tags is the number of tags of the asset.
func (r *Record) Tags() int { return int(r.Hash>>44) & 3 }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Instant turns Unix milliseconds into a time in UTC.
func Instant(millis int64) time.Time { return time.UnixMilli(millis).UTC() }
