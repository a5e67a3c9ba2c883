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
	"sluice/internal/transform"
)

// maxRenamed bounds the names that are remembered to be told of.
const maxRenamed = 100

// objects makes values of JSON records.
type objects struct {
	reader  bytes.Reader
	decoder *jsontext.Decoder
	encoder *jsontext.Encoder
	record  bytes.Buffer
	renamed map[string]string
	fields  []string // of the records, as paths write them
	met     map[string]bool
}

// Renamed implements Scanner.
func (o *objects) Renamed() map[string]string { return maps.Clone(o.renamed) }

// object writes a value as a record, in one line; a reason says why it is none.
func (o *objects) object(value []byte) (record []byte, reason string) {
	if o.decoder == nil {
		o.decoder, o.encoder = jsontext.NewDecoder(&o.reader, transform.Lenient...), jsontext.NewEncoder(&o.record, transform.Lenient...)
	}
	o.reader.Reset(value)
	o.record.Reset()
	o.decoder.Reset(&o.reader, transform.Lenient...)
	o.encoder.Reset(&o.record, transform.Lenient...)
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
			return nil, notValid(err)
		}
		switch {
		case o.decoder.StackDepth() > transform.MaxDepth:
			return nil, fmt.Sprintf("is nested deeper than %d levels", transform.MaxDepth)
		case o.record.Len() == 0 && o.encoder.OutputOffset() == 0 && token.Kind() != '{':
			return nil, "is no object"
		case o.decoder.StackDepth() == 0 && token.Kind() != '}' || o.encoder.OutputOffset() > 0 && o.encoder.StackDepth() == 0:
			return nil, "has more behind its object"
		}
		if isName && token.Kind() == '"' {
			name := token.String()
			path := nameInPath(name)
			if o.decoder.StackDepth() == 1 {
				o.meet(path)
			}
			if path != name {
				o.remember(name, path)
				token = jsontext.String(path)
			}
		}
		if err := o.encoder.WriteToken(token); err != nil {
			return nil, notValid(err)
		}
		if o.encoder.OutputOffset() > maxRecord {
			return nil, fmt.Sprintf("is longer than %d MiB", maxRecord>>20)
		}
	}
}

// Names implements Scanner.
func (o *objects) Names() []string { return o.fields }

// meet notes the name of a record's field.
func (o *objects) meet(path string) {
	if o.met[path] || len(o.fields) == maxColumns {
		return
	}
	if o.met == nil {
		o.met = make(map[string]bool)
	}
	o.met[path] = true
	o.fields = append(o.fields, strings.Clone(path))
}

func (o *objects) remember(name, path string) {
	if o.renamed == nil {
		o.renamed = make(map[string]string)
	}
	if len(o.renamed) < maxRenamed {
		o.renamed[strings.Clone(name)] = path
	}
}

func notValid(err error) (reason string) {
	place, reason := said(err)
	return fmt.Sprintf("is not valid JSON at byte %d: %s", place+1, reason)
}

// said is what the library says of JSON that is wrong, and at which byte. It
// also knows the names that lead there, of which there can be thousands.
func said(err error) (place int64, reason string) {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		place, err = syntactic.ByteOffset, syntactic.Err
	}
	return place, fault.Head([]byte(strings.TrimPrefix(err.Error(), "jsontext: ")))
}
