package qualys

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// maxErrorDepth bounds the nesting of an error body; known ones have five.
const maxErrorDepth = 32

// An element is an element of an error body that has no children.
type element struct {
	path string // names from the root on: "SIMPLE_RETURN/RESPONSE/CODE"
	text string // without white space around it
	attr []xml.Attr
}

// elements reads the elements of a small XML document in their order. The
// document may be cut, and have comments, a DOCTYPE and whatever encoding
// declaration: what can be read of it counts. Nothing outside it is looked at.
func elements(head []byte) []element {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(head, []byte("\uFFFD"))))
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var (
		all  []element
		path []string
		text strings.Builder
		attr []xml.Attr
		leaf bool
	)
	add := func() {
		if leaf {
			all = append(all, element{strings.Join(path, "/"), strings.TrimSpace(text.String()), attr})
		}
		leaf = false
	}
	for {
		token, err := decoder.Token()
		if err != nil {
			add() // of a document that was cut, what there is
			return all
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) == maxErrorDepth {
				return all
			}
			path = append(path, t.Name.Local)
			text.Reset()
			attr, leaf = t.Copy().Attr, true
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			add()
			path = path[:len(path)-1]
		}
	}
}
