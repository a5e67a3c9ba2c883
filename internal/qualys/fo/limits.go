package fo

import (
	"cmp"
	"time"
)

// Limits bound the work and memory of reading. Zero values take the defaults.
type Limits struct {
	Chunk     int           // bytes above which a chunk ends; default 4 MiB
	LookAhead int           // bytes that a range of ids is read ahead of its turn; default 4 MiB
	Record    int           // bytes of a record, or of a part of one that is split; default 16 MiB
	Split     int           // bytes above which a record with parts is split; default 256 KiB
	Backoff   time.Duration // before the second try; default 250 ms
}

func (l Limits) withDefaults() Limits {
	l.Chunk = cmp.Or(l.Chunk, 4<<20)
	l.LookAhead = cmp.Or(l.LookAhead, 4<<20)
	l.Record = cmp.Or(l.Record, 16<<20)
	l.Split = cmp.Or(l.Split, 256<<10)
	l.Backoff = cmp.Or(l.Backoff, 250*time.Millisecond)
	return l
}

// piece is in how many bytes records travel from a range to the reader.
func (l Limits) piece() int { return max(1, l.LookAhead/8) }
