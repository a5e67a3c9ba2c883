package xmlstream_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/xmlstream"
)

// benchmarked is 4 MB of detections.
func benchmarked() string {
	var b strings.Builder
	b.WriteString(detectionsHead)
	for id := 1; b.Len() < 4<<20; id++ {
		b.WriteString(host(id, 40))
	}
	b.WriteString(detectionsTail)
	return b.String()
}

// BenchmarkTokens reads every token of a document.
func BenchmarkTokens(b *testing.B) {
	document := benchmarked()
	b.Run("xmlstream", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			d := decoder(document)
			for {
				if _, err := d.Next(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			d := xml.NewDecoder(strings.NewReader(document))
			for {
				if _, err := d.RawToken(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkJSON converts all hosts of a document to JSON records. What is
// written on encoding/xml does no more than write tokens, in a shape of its
// own: it is the floor.
func BenchmarkJSON(b *testing.B) {
	document := benchmarked()
	b.Run("xmlstream", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			if err := readHosts(strings.NewReader(document), func([]byte) {}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			d := xml.NewDecoder(strings.NewReader(document))
			var buf []byte
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				switch t := token.(type) {
				case xml.StartElement:
					if t.Name.Local == "HOST" {
						buf = buf[:0]
					}
					buf, _ = jsontext.AppendQuote(buf, t.Name.Local)
				case xml.CharData:
					buf, _ = jsontext.AppendQuote(buf, t)
				}
			}
		}
	})
}

// BenchmarkSkip passes over a document.
func BenchmarkSkip(b *testing.B) {
	document := benchmarked()
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		d := decoder(document)
		if kind, err := d.Next(); err != nil || kind != xmlstream.Start {
			b.Fatal(kind, err)
		}
		if err := d.Skip(); err != nil {
			b.Fatal(err)
		}
	}
}
