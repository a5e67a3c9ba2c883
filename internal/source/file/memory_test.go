package file

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
)

// table is a file of many records that is made while it is read.
type table struct {
	head   string
	record func(n int) string
	tail   string
	n      int // records that are left
	rest   []byte
}

func (f *table) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		switch {
		case f.head != "":
			f.rest, f.head = []byte(f.head), ""
		case f.n > 0:
			f.n--
			f.rest = []byte(f.record(f.n))
		case f.tail != "":
			f.rest, f.tail = []byte(f.tail), ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (f *table) Close() error { return nil }

var tables = map[string]table{
	CSV: {head: "id,name,description\n",
		record: func(n int) string { return fmt.Sprintf("%d,host-%d,\"a \"\"quoted\"\" text, and more of it\"\n", n, n) }},
	NDJSON: {record: func(n int) string {
		return fmt.Sprintf("{\"id\":%d,\"host name\":\"host-%d\",\"tags\":[\"a\",\"b\"]}\n", n, n)
	}},
	JSON: {head: `{"next":null,"items":[{"id":0}`, tail: `]}`,
		record: func(n int) string {
			return fmt.Sprintf(",{\"id\":%d,\"host name\":\"host-%d\",\"tags\":[\"a\",\"b\"]}", n, n)
		}},
}

// read reads a file of so many records as a run does, in chunks.
func read(t testing.TB, format string, records int, chunk func(source.Chunk)) {
	text := tables[format]
	text.n = records
	detected, o, err := Detect("-", &text, Options{Format: format})
	require.NoError(t, err)
	r, err := newReader(New(Limits{}).(kind).limits, source.Request{Upload: &source.Upload{
		Reading: o.Reading(),
		Records: int64(records),
		Open:    func(context.Context, int64) io.ReadCloser { return io.NopCloser(detected) },
	}})
	require.NoError(t, err)
	for {
		c, err := r.Next(t.Context())
		require.NoError(t, err)
		require.Empty(t, c.SetAside)
		chunk(c)
		if c.End {
			require.NoError(t, r.Close())
			return
		}
	}
}

// It measures the heap of the whole process: it is not parallel.
func TestTheHeapDoesNotGrowWithTheFile(t *testing.T) {
	highest := func(format string, records int) (most uint64) {
		read(t, format, records, func(source.Chunk) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		})
		return most
	}
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			few, many := highest(format, 10_000), highest(format, 200_000)
			require.Less(t, many, few+1<<20)
		})
	}
}

// BenchmarkRead reads files of 10,000 records.
func BenchmarkRead(b *testing.B) {
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				size := 0
				read(b, format, 10_000, func(c source.Chunk) { size += len(c.Data) })
				b.SetBytes(int64(size))
			}
		})
	}
}
