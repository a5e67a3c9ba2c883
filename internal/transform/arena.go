package transform

import "strings"

// Results outlive the record they come from, by thousands of records. They
// are cut from large pieces of memory, which are given up once they are full
// and freed when nothing of them is in use any more.

const stringChunk = 64 << 10 // bytes

// stringArena makes many small strings of few allocations.
type stringArena struct{ chunk strings.Builder }

// keep returns b as a string.
func (a *stringArena) keep(b []byte) string {
	if a.chunk.Cap()-a.chunk.Len() < len(b) {
		if len(b) > stringChunk/4 {
			return string(b)
		}
		a.chunk = strings.Builder{}
		a.chunk.Grow(stringChunk)
	}
	start := a.chunk.Len()
	a.chunk.Write(b)
	return a.chunk.String()[start:] // the builder never moves: it had room
}

// sliceArena makes many small slices of few allocations.
type sliceArena[T any] struct {
	size  int // of a chunk, in elements
	chunk []T
}

// take returns a slice of n zero values that nothing else uses.
func (a *sliceArena[T]) take(n int) []T {
	if n > a.size/4 {
		return make([]T, n)
	}
	if cap(a.chunk)-len(a.chunk) < n {
		a.chunk = make([]T, 0, a.size)
	}
	start := len(a.chunk)
	a.chunk = a.chunk[:start+n]
	return a.chunk[start : start+n : start+n]
}
