package main

import (
	"fmt"
	"io"
	"time"
)

// progressEvery is how often progress is drawn.
const progressEvery = 200 * time.Millisecond

// progressReader shows on a terminal how far a file was read.
type progressReader struct {
	io.ReadCloser
	out   io.Writer // nil: there is no terminal
	name  string
	size  int64 // 0: not known
	read  int64
	drawn time.Time
}

func (a *app) newProgress(in io.ReadCloser, name string, size int64) *progressReader {
	p := &progressReader{ReadCloser: in, name: harmless(name), size: size}
	if _, ok := isTerminal(a.err); ok {
		p.out = a.err
	}
	return p
}

// Read implements io.Reader.
func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.read += int64(n)
	if p.out != nil && time.Since(p.drawn) >= progressEvery {
		p.drawn = time.Now()
		fmt.Fprintf(p.out, "\r\x1b[K%s", p.line())
	}
	return n, err
}

func (p *progressReader) line() string {
	const mib = 1 << 20
	if p.size == 0 {
		return fmt.Sprintf("sending %s: %.1f MiB", p.name, float64(p.read)/mib)
	}
	return fmt.Sprintf("sending %s: %.1f of %.1f MiB, %d %%", p.name, float64(p.read)/mib, float64(p.size)/mib, 100*min(p.read, p.size)/p.size)
}

// done takes the line away.
func (p *progressReader) done() {
	if p.out != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.out = nil
	}
}

// Close implements io.Closer.
func (p *progressReader) Close() error {
	p.done()
	return p.ReadCloser.Close()
}
