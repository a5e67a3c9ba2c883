package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/fault"
)

// lenient is how JSON is read: what is wrong inside of a record is judged where
// the record is mapped.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// maxRenamed bounds the names that are remembered to be told of.
const maxRenamed = 100

// objects makes values of JSON records.
type objects struct {
	reader  bytes.Reader
	decoder *jsontext.Decoder
	encoder *jsontext.Encoder
	record  bytes.Buffer
	renamed map[string]string
}

// Renamed implements Scanner.
func (o *objects) Renamed() map[string]string { return maps.Clone(o.renamed) }

// object writes a value as a record, in one line; a reason says why it is none.
func (o *objects) object(value []byte) (record []byte, reason string) {
	if o.decoder == nil {
		o.decoder, o.encoder = jsontext.NewDecoder(&o.reader, lenient...), jsontext.NewEncoder(&o.record, lenient...)
	}
	o.reader.Reset(value)
	o.record.Reset()
	o.decoder.Reset(&o.reader, lenient...)
	o.encoder.Reset(&o.record, lenient...)
	for {
		isName := false
		if kind, n := o.decoder.StackIndex(o.decoder.StackDepth()); kind == '{' && n%2 == 0 {
			isName = true
		}
		token, err := o.decoder.ReadToken()
		if errors.Is(err, io.EOF) {
			return o.record.Bytes(), "" // the encoder has ended the line
		}
		if err != nil {
			return nil, "is not valid JSON: " + said(err)
		}
		switch {
		case o.decoder.StackDepth() > maxDepth:
			return nil, fmt.Sprintf("is nested deeper than %d levels", maxDepth)
		case o.record.Len() == 0 && o.encoder.OutputOffset() == 0 && token.Kind() != '{':
			return nil, "is no object"
		case o.decoder.StackDepth() == 0 && token.Kind() != '}' || o.encoder.OutputOffset() > 0 && o.encoder.StackDepth() == 0:
			return nil, "has more behind its object"
		}
		if isName && token.Kind() == '"' {
			name := token.String()
			if path := nameInPath(name); path != name {
				o.remember(name, path)
				token = jsontext.String(path)
			}
		}
		if err := o.encoder.WriteToken(token); err != nil {
			return nil, "is not valid JSON: " + said(err)
		}
	}
}

func (o *objects) remember(name, path string) {
	if o.renamed == nil {
		o.renamed = make(map[string]string)
	}
	if len(o.renamed) < maxRenamed {
		o.renamed[strings.Clone(name)] = path
	}
}

// said is what the library says of JSON that is wrong.
func said(err error) string {
	return fault.Head([]byte(strings.TrimPrefix(err.Error(), "jsontext: ")))
}
