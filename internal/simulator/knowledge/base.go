// Package knowledge generates the simulated vendor's knowledge base: the
// entries, by QID, that detections of hosts and findings of web applications
// refer to, and how they change.
//
// An entry is a pure function of (seed, index, changes so far). Which QIDs there
// are never changes; some of them are published only later, so that findings
// can refer to an entry that is not there yet. Two are always there, published,
// and of no finding: a test of a connection asks for them.
package knowledge

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"sluice/internal/simulator/qid"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/snapshot"
)

const (
	maxEntries     = 1_000_000
	maxGenerations = 10_000

	firstQID  = 38_000  // of hosts
	secondQID = 370_000 // of hosts, above those of web applications
	qidStride = 7
	inFirst   = (qid.WASFirst - firstQID) / qidStride // entries that fit below those of web applications
)

// The types of entries, in the vendor's words.
const (
	Vulnerability = "Vulnerability"
	Potential     = "Potential Vulnerability"
	Information   = "Information Gathered"
	Either        = "Vulnerability or Potential Vulnerability"
)

// wellKnown are the entries that are always there: the vendor's own test of API
// access asks for these QIDs (documented). The titles are invented.
var wellKnown = [...]struct {
	qid   int64
	title string
}{{82024, "Answers to ICMP Echo Requests"}, {82054, "TCP Services That Answered"}}

// wellKnownTitle is the title of a QID that is always there, "" of any other.
func wellKnownTitle(number int64) string {
	for _, w := range wellKnown {
		if w.qid == number {
			return w.title
		}
	}
	return ""
}

// Config describes a knowledge base.
type Config struct {
	Seed    uint64
	Entries int  // entries of hosts, without the two that are always there
	Web     bool // the entries of web applications as well: qid.WAS
	// Start is the moment the simulation begins; all dates of the first entries
	// lie 30 days or more before it. Required.
	Start time.Time
	// Unpublished is the share (0 to 1) of the other entries that are published
	// only by Advance.
	Unpublished float64
}

// Base is the changing whole; View is how it looks now. Safe for concurrent use.
type Base struct {
	seed  uint64
	epoch int64   // latest date of first entries, Unix seconds
	qids  []int64 // ascending
	view  *snapshot.Latest[View]
}

// generation is what one Advance did.
type generation struct {
	at        int64 // Unix seconds
	updated   random.Picker
	published random.Picker
}

// View is an immutable snapshot. Entries are addressed by index, 0 to Len-1,
// ascending by QID.
type View struct {
	*Base
	unpublished random.Picker // of the first generation
	waiting     int           // entries not published yet
	published   random.Picker // what the last Advance published
	generations []generation
}

// New generates a knowledge base.
func New(cfg Config) (*Base, error) {
	switch {
	case cfg.Entries < 0 || cfg.Entries > maxEntries:
		return nil, fmt.Errorf("simulator: the knowledge base has %d entries; allowed are 0 to %d", cfg.Entries, maxEntries)
	case cfg.Start.IsZero():
		return nil, fmt.Errorf("simulator: Start is not set; it is the moment the simulation begins")
	}
	if err := random.CheckShare("unpublished", cfg.Unpublished); err != nil {
		return nil, err
	}
	b := &Base{
		seed:  random.Mix(cfg.Seed + 0x6b62),
		epoch: random.Epoch(cfg.Start),
	}
	for i := range cfg.Entries {
		first := int64(firstQID + i*qidStride)
		if i >= inFirst {
			first = int64(secondQID + (i-inFirst)*qidStride)
		}
		number := first + int64(random.Mix(b.seed+uint64(i))%qidStride)
		if wellKnownTitle(number) != "" {
			number = first
		}
		b.qids = append(b.qids, number)
	}
	for n := 0; cfg.Web && n < qid.WASCount; n++ {
		b.qids = append(b.qids, int64(qid.WASFirst+n))
	}
	others := len(b.qids)
	for _, w := range wellKnown {
		b.qids = append(b.qids, w.qid)
	}
	slices.Sort(b.qids)
	waiting := random.Portion(cfg.Unpublished, others)
	b.view = snapshot.Of(&View{
		Base:        b,
		unpublished: random.NewPicker(b.seed+1, others, waiting),
		waiting:     waiting,
		published:   random.NewPicker(b.seed+1, others, 0),
	})
	return b, nil
}

// Change says what happens to the knowledge base between two runs. Shares are
// between 0 and 1 and rounded up.
type Change struct {
	// Updated is the share of all entries that get a new title, and some a new
	// severity, score or solution, and the current time as their date of
	// modification.
	Updated float64 `json:"updated,omitempty"`
	// Published is the share of the entries still waiting that are published.
	Published float64 `json:"published,omitempty"`
}

// Validate checks the shares.
func (c Change) Validate() error {
	return random.CheckShares(map[string]float64{"knowledge updated": c.Updated, "knowledge published": c.Published})
}

// Advance changes the knowledge base as of a time.
func (b *Base) Advance(at time.Time, c Change) error {
	if err := c.Validate(); err != nil || c == (Change{}) {
		return err
	}
	return b.view.Change(func(v *View) error {
		number := len(v.generations) + 1
		if number > maxGenerations {
			return fmt.Errorf("simulator: a knowledge base has at most %d generations; start a new one", maxGenerations)
		}
		publish := random.Portion(c.Published, v.waiting)
		v.published = v.published.After(publish)
		v.waiting -= publish
		// A fresh slice: views in use must not see the append.
		v.generations = append(v.generations[:number-1:number-1], generation{
			at:        at.Unix(),
			updated:   random.NewPicker(random.Mix(b.seed+uint64(number)<<8), len(b.qids), random.Portion(c.Updated, len(b.qids))),
			published: v.published,
		})
		return nil
	})
}

// View returns the knowledge base as it is now.
func (b *Base) View() *View { return b.view.Load() }

// Len is the number of QIDs, published or not.
func (b *Base) Len() int { return len(b.qids) }

// QID of an entry.
func (b *Base) QID(index int) int64 { return b.qids[index] }

// OfWeb tells whether an entry is one of web applications.
func (b *Base) OfWeb(index int) bool { return qid.IsWAS(int(b.qids[index])) }

// OfHosts tells whether an entry is one that detections on hosts can have.
func (b *Base) OfHosts(index int) bool { return !b.OfWeb(index) && wellKnownTitle(b.qids[index]) == "" }

// Type of an entry: one of those above. It never changes.
func (b *Base) Type(index int) string {
	switch bits := b.hash(index) >> 8 % 16; {
	case wellKnownTitle(b.qids[index]) != "":
		return Information
	case bits < 9:
		return Vulnerability
	case bits < 12:
		return Potential
	case bits < 14:
		return Information
	default:
		return Either
	}
}

func (b *Base) hash(index int) uint64 {
	return random.Mix(b.seed ^ uint64(b.qids[index])*0xd1342543de82ef95)
}

// Published tells whether the vendor shows an entry.
func (v *View) Published(index int) bool { return v.publication(index) >= 0 }

// publication is the generation in which the entry was published: 0 for the
// first, -1 when it has not been.
func (v *View) publication(index int) int {
	place := v.place(index)
	if !v.unpublished.Has(place) {
		return 0
	}
	for i := range v.generations {
		if v.generations[i].published.Has(place) {
			return i + 1
		}
	}
	return -1
}

// place of an entry among those that may be published later; -1 for one that is
// always there.
func (b *Base) place(index int) int {
	place := index
	for _, w := range wellKnown {
		switch {
		case w.qid == b.qids[index]:
			return -1
		case w.qid < b.qids[index]:
			place--
		}
	}
	return place
}

// Truth yields the published entries, ascending by QID.
func (v *View) Truth() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var e Entry
		for index := range v.Len() {
			if v.Load(&e, index) && !yield(e) {
				return
			}
		}
	}
}
