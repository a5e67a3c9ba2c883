package fo

import (
	"time"

	"sluice/internal/source"
)

// A piece is some records of a range of ids, on their way to the reader.
type piece struct {
	data     []byte // lines
	records  int
	repeated int
	ids      []uint64 // of the records that are complete or set aside
	setAside []source.SetAside
	// next is the id to go on with: all below have been delivered or passed.
	next  uint64
	pages int       // answers that ended
	clock time.Time // of the answer
	doubt string
}

func (p *piece) empty() bool {
	return p.records == 0 && p.repeated == 0 && p.pages == 0 && len(p.ids) == 0 && len(p.setAside) == 0
}

// An output collects records and sends them on in pieces.
type output struct {
	*piece
	mark int // where the line begins that is not finished
	size int // bytes above which a piece is sent
	send func(*piece) error
	// fresh gives an empty piece.
	fresh func() *piece
}

// line ends a line.
func (o *output) line() {
	o.data = append(o.data, '\n')
	o.mark = len(o.data)
	o.records++
}

// unfinished is how long the line is that is not finished.
func (o *output) unfinished() int { return len(o.data) - o.mark }

// drop forgets what is not finished.
func (o *output) drop() { o.data = o.data[:o.mark] }

// offer sends the piece if it is full. No line is unfinished then.
func (o *output) offer() error {
	if len(o.data) < o.size && len(o.ids) < maxPieceIDs {
		return nil
	}
	return o.flush()
}

// maxPieceIDs bounds a piece of very small records.
const maxPieceIDs = 10_000

// flush sends what there is.
func (o *output) flush() error {
	if o.empty() {
		return nil
	}
	full := o.piece
	next, clock := full.next, full.clock
	o.piece, o.mark = o.fresh(), 0
	o.next, o.clock = next, clock
	return o.send(full)
}
