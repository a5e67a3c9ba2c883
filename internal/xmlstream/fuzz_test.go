package xmlstream_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/xmlstream"
)

var seeds = []string{
	"<a/>", "", "<", "<a>x</b>", "<a b='c' d=\"e\">&lt;&#65;&e;</a>", "<a><![CDATA[x]]y]]></a>",
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE a [<!ENTITY e 'x>'>]><!-- c --><s:a xsi:b=''><p:c/>\r\n</s:a>",
	"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "<a>\x00\xff&#0;</a>",
	"<A>x<B>1</B><ITEM>2</ITEM><B>3</B><TAGS/><SCORE s='4'>5</SCORE>y</A>",
	"<list><B/><C/><B> z </B></list>",
	detectionsHead + host(1, 1) + detectionsTail,
}

// stricter is what encoding/xml accepts and a Decoder refuses, beside limits.
var stricter = []string{"outside of the root", "second root", "attribute stands twice", "declaration stands behind", "declaration has no name", "its encoding"}

// What a Decoder reads in another way: a reference of this length is none, and
// ISO-8859-1 is known.
var different = regexp.MustCompile(`&#[0-9a-fxA-F]{20}|(?i:latin|8859)`)

// FuzzTokens compares the tokens with those of encoding/xml, for all documents
// that it accepts.
func FuzzTokens(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		got, err := tokens(xmlstream.NewDecoder(bytes.NewReader(document), xmlstream.Limits{}))
		again, errAgain := tokens(xmlstream.NewDecoder(iotest.OneByteReader(bytes.NewReader(document)), xmlstream.Limits{}))
		require.Equal(t, got, again)
		require.Equal(t, err, errAgain)
		require.LessOrEqual(t, len(got), 2*len(document))

		want, reference := standardTokens(document)
		var limit *xmlstream.LimitError
		switch {
		case reference != nil, errors.As(err, &limit), different.Match(document):
			return
		case len(want) == 0: // for encoding/xml, a document may have no element
			require.NotEqual(t, io.EOF, err)
			return
		}
		for _, reason := range stricter {
			if strings.Contains(err.Error(), reason) {
				return
			}
		}
		require.Equal(t, io.EOF, err)
		require.Equal(t, want, got)
	})
}

// standardTokens are a document's tokens as encoding/xml sees them, written as
// by tokens.
func standardTokens(document []byte) ([]string, error) {
	document = bytes.TrimPrefix(document, []byte("\xEF\xBB\xBF")) // which it does not know
	for d := xml.NewDecoder(bytes.NewReader(document)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	var all []string
	var text []byte
	depth := 0
	for d := xml.NewDecoder(bytes.NewReader(document)); ; {
		token, err := d.RawToken()
		switch token.(type) {
		case xml.StartElement, xml.EndElement:
			if len(text) > 0 && depth > 0 {
				all = append(all, fmt.Sprintf("%q", text))
			}
			text = nil
		}
		if err != nil {
			return all, nil
		}
		switch is := token.(type) {
		case xml.StartElement:
			all = append(all, "<"+fullName(is.Name)+">")
			depth++
		case xml.EndElement:
			all = append(all, "</"+fullName(is.Name)+">")
			depth--
		case xml.CharData:
			text = append(text, is...)
		}
	}
}

func fullName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// FuzzJSON converts anything at all. What comes out is valid JSON without NUL,
// its member names differ, it is within its bound, and it says the same as a
// plain conversion by way of a tree.
func FuzzJSON(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed), 1000)
	}
	f.Fuzz(func(t *testing.T, document []byte, limit int) {
		limit &= 1<<20 - 1
		d := xmlstream.NewDecoder(bytes.NewReader(document), xmlstream.Limits{})
		if is, err := d.Child(); err != nil || !is {
			return
		}
		got, err := d.AppendJSON(nil, shapes, limit)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(got), limit)
		require.True(t, jsontext.Value(got).IsValid(), "%s", got)
		require.NotContains(t, string(got), `\u0000`)
		require.NotContains(t, string(got), "\n")
		require.Zero(t, d.Depth())

		root := tree(xmlstream.NewDecoder(bytes.NewReader(document), xmlstream.Limits{}))
		want, err := json.Marshal(root.value())
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	})
}

// A node is an element of a document, with all that is in it.
type node struct {
	name, parent string
	attributes   [][2]string
	content      []any // *node or string, in order
}

// tree reads the whole of a document that is valid up to its root's end.
func tree(d *xmlstream.Decoder) *node {
	open := []*node{{}}
	text := ""
	for {
		kind, err := d.Next()
		top := open[len(open)-1]
		if kind == xmlstream.Text {
			text += string(d.Text())
			continue
		}
		if text = strings.Trim(text, " \n\t\r"); text != "" {
			top.content = append(top.content, text)
		}
		text = ""
		switch {
		case err != nil:
			panic(err)
		case kind == xmlstream.End:
			if open = open[:len(open)-1]; len(open) == 1 {
				return open[0].content[0].(*node)
			}
		default:
			n := &node{name: string(d.Name()), parent: top.name}
			for _, name := range d.AttributeNames() {
				value, _ := d.Attr(name)
				n.attributes = append(n.attributes, [2]string{name, string(value)})
			}
			top.content = append(top.content, n)
			open = append(open, n)
		}
	}
}

// value is the element as the rules of AppendJSON have it, by the table shapes.
func (n *node) value() any {
	children := 0
	for _, c := range n.content {
		if _, is := c.(*node); is {
			children++
		}
	}
	switch n.name {
	case "SCORE", "BOX", "TAGS", "list":
	case "PLACE":
		if n.parent != "IN" && children == 0 {
			return strings.Join(texts(n.content), "")
		}
	default:
		n.attributes = nil
		if children == 0 {
			return strings.Join(texts(n.content), "")
		}
	}
	if n.name == "PLACE" && n.parent != "IN" {
		n.attributes = nil
	}
	object := map[string]any{}
	add := func(name string, list bool, value any) {
		before, repeats := object[name]
		array, is := before.(listed)
		switch {
		case is:
			object[name] = append(array, value)
		case repeats:
			object[name] = listed{before, value}
		case list:
			object[name] = listed{value}
		default:
			object[name] = value
		}
	}
	for _, a := range n.attributes {
		add(a[0], false, a[1])
	}
	for _, c := range n.content {
		child, is := c.(*node)
		if !is {
			add("value", false, c)
			continue
		}
		add(child.name, child.name == "ITEM" || n.name == "TAGS" && child.name == "TAG" || n.name == "list", child.value())
	}
	return object
}

type listed []any

func texts(content []any) (all []string) {
	for _, c := range content {
		all = append(all, c.(string))
	}
	return all
}
