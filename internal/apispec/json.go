package apispec

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// summariseJSON reads what begins like JSON. What turns out to be none (a
// comment, a trailing comma, single quotes) is often readable as YAML.
func summariseJSON(data []byte, hint string) Summary {
	d, rest, err := readJSON(data)
	switch {
	case err == nil:
		if len(bytes.Trim(rest, " \t\r\n\x00")) > 0 {
			d.flag(FlagTrailingData)
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		d.flag(FlagTruncated)
		d.problem = problem("truncated", "the JSON ends too early, after %d bytes; what stands before that was read", len(data))
	default:
		d.flag(FlagInvalid)
		d.problem = problem("invalid-json", "%v; what stands before that was read", err)
		if other := readYAML(data); other.operations > d.operations || other.problem == "" && other.family(hint) != "" {
			if other.problem != "" {
				other.problem = d.problem
			}
			d = other
			d.flag(FlagInvalid)
			d.flag(FlagNotJSON)
		}
	}
	return d.summary("+json", hint)
}

// readJSON also returns what stands behind the document.
func readJSON(data []byte) (d *draft, rest []byte, err error) {
	d = &draft{}
	c := &jsonCursor{decoder: jsontext.NewDecoder(bytes.NewBuffer(data),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	err = d.read(c)
	return d, data[min(int(c.decoder.InputOffset()), len(data)):], err
}

// jsonCursor reads JSON as a stream: what is not asked for is not kept.
type jsonCursor struct{ decoder *jsontext.Decoder }

func (c *jsonCursor) kind() kind {
	switch c.decoder.PeekKind() {
	case '{':
		return object
	case '[':
		return array
	case '"', '0', 't', 'f':
		return scalar
	case 'n':
		return null
	}
	return invalid
}

func (c *jsonCursor) members(visit func(name string) error) error {
	return c.inside('}', func() error {
		name, err := c.decoder.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		return c.visited(func() error { return visit(text) })
	})
}

func (c *jsonCursor) elements(visit func() error) error {
	return c.inside(']', func() error { return c.visited(visit) })
}

// inside passes an object or array, of which each reads one entry.
func (c *jsonCursor) inside(end jsontext.Kind, each func() error) error {
	if _, err := c.decoder.ReadToken(); err != nil {
		return err
	}
	for c.decoder.PeekKind() != end {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := c.decoder.ReadToken()
	return err
}

// visited passes the value that a visit has left.
func (c *jsonCursor) visited(visit func() error) error {
	before := c.decoder.InputOffset()
	if err := visit(); err != nil || c.decoder.InputOffset() != before {
		return err
	}
	return c.decoder.SkipValue()
}

func (c *jsonCursor) text() (string, error) {
	token, err := c.decoder.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

func (c *jsonCursor) skip() error { return c.decoder.SkipValue() }
