package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"sluice/internal/source"
)

// Counts is what writing some records did to the inventory.
type Counts struct {
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	// Returned were stale or fixed and are back; they are counted here only.
	Returned int64 `json:"returned"`
	Rejected int64 `json:"rejected"`
	// LeftOut are what the map's conditions leave out: neither taken nor
	// rejected. They count as seen, so that what is there of them stays as it was.
	LeftOut int64 `json:"leftOut"`
}

// Add adds another batch's counts.
func (c *Counts) Add(o Counts) {
	c.Created += o.Created
	c.Updated += o.Updated
	c.Unchanged += o.Unchanged
	c.Returned += o.Returned
	c.Rejected += o.Rejected
	c.LeftOut += o.LeftOut
}

// Total is the number of things counted: all that there was.
func (c Counts) Total() int64 { return c.Judged() + c.LeftOut }

// Judged is how many of them were rejected or taken. What the map leaves out is
// none of them: a map that keeps a tenth of the records and rejects half of that
// does not fit.
func (c Counts) Judged() int64 {
	return c.Created + c.Updated + c.Unchanged + c.Returned + c.Rejected
}

// aFewRejects are no reason to fail a stream, whatever their share: a delta
// run may bring a dozen records, and one that is bad stays bad.
const aFewRejects = 10

// TooManyRejected reports whether more was rejected than the percentage that
// is allowed: more than a few, or all that was judged.
func (c Counts) TooManyRejected(percent int32) bool {
	if c.Rejected == 0 || c.Rejected*100 <= c.Judged()*int64(percent) {
		return false
	}
	return c.Rejected > aFewRejects || c.Rejected == c.Judged()
}

// Phase is what a stream of a run is doing.
type Phase string

const (
	Pending     Phase = "pending"
	Fetching    Phase = "fetching"
	Waiting     Phase = "waiting" // for the vendor, until Stream.WaitUntil, or for a worker
	Paused      Phase = "paused"  // by a person, see Progress.Paused
	Reconciling Phase = "reconciling"
	Done        Phase = "done"
	Broken      Phase = "failed"
)

// Stream is the progress of one asset type's records in a run.
type Stream struct {
	Name string `json:"name"`
	// Role is empty in what older versions have left: then it is Assets.
	Role     source.Role `json:"role,omitempty"`
	Phase    Phase       `json:"phase"`
	Batches  int         `json:"batches"`  // written
	Pages    int64       `json:"pages"`    // fetched
	Records  int64       `json:"records"`  // fetched
	SetAside int64       `json:"setAside"` // records that could not be read
	Expected int64       `json:"expected"` // records, by the vendor's count; 0 when it does not say
	Assets   Counts      `json:"assets"`
	Findings Counts      `json:"findings"`
	// LeftAlone are assets, findings and entries that newer runs have brought than
	// the one that is replayed.
	LeftAlone int64 `json:"leftAlone,omitempty"`
	// Stale, Retired and Fixed are what Reconcile found to be gone.
	Stale   int64 `json:"stale"`
	Retired int64 `json:"retired"`
	Fixed   int64 `json:"fixed"`
	// Fetched says that the vendor marked the stream's end; Complete that, in
	// addition, nothing contradicts it, so that it may be reconciled.
	Fetched   bool      `json:"fetched"`
	Complete  bool      `json:"complete"`
	WaitUntil time.Time `json:"waitUntil,omitzero"`
	Waits     string    `json:"waits,omitempty"` // why it waits
	Doubt     string    `json:"doubt,omitempty"` // why it is not complete
	// Unread are parts of the source that could not be read; the stream is
	// complete but for them.
	Unread []source.Scope `json:"unread,omitempty"`
	Error  string         `json:"error,omitempty"` // why it failed
	Code   string         `json:"code,omitempty"`  // the error's code
	// Trouble is the last error that the stream has got over.
	Trouble string `json:"trouble,omitempty"`
	// Began is when its first batch was asked for, Ended when its last was
	// written; IdleSeconds of the time between it waited or was paused.
	Began       time.Time `json:"began,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	IdleSeconds float64   `json:"idleSeconds,omitempty"`
}

func (s Stream) ofAssets() bool { return s.Role == source.Assets || s.Role == "" }

// Rate is how many records a second the stream has brought so far, leaving
// out the time that it was not at work; 0 when there is nothing to tell.
func (s Stream) Rate(now time.Time) float64 {
	if !s.Ended.IsZero() {
		now = s.Ended
	}
	busy := now.Sub(s.Began).Seconds() - s.IdleSeconds
	if s.Began.IsZero() || busy <= 0 {
		return 0
	}
	return float64(s.Records) / busy
}

// Fraction is how much of the stream has been fetched, from 0 to 1; false
// when the vendor has not said how much there is.
func (s Stream) Fraction() (float64, bool) {
	switch {
	case s.Fetched:
		return 1, true
	case s.Expected <= 0:
		return 0, false
	}
	return min(1, float64(s.Records+s.SetAside)/float64(s.Expected)), true
}

// Left is how long the stream will take at its rate; false when that cannot
// be told.
func (s Stream) Left(now time.Time) (time.Duration, bool) {
	rate := s.Rate(now)
	missing := s.Expected - s.Records - s.SetAside
	if rate <= 0 || missing < 0 || s.Expected <= 0 || s.Fetched {
		return 0, false
	}
	return time.Duration(float64(missing) / rate * float64(time.Second)), true
}

// Pause is that a person has asked a run to hold.
type Pause struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Progress is a run's live state: the answer to the workflow's query
// "progress".
type Progress struct {
	RunID     int64     `json:"runId"`
	Profile   string    `json:"profile"`
	Connector string    `json:"connector"`
	Mode      Mode      `json:"mode"`
	State     State     `json:"state"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Started   time.Time `json:"started"`
	// Paused is set while a person has the run hold before its next step.
	Paused  *Pause   `json:"paused,omitempty"`
	Streams []Stream `json:"streams"`
}

// Totals sums the streams, but for what findings refer to.
func (p Progress) Totals() (assets, findings Counts) {
	for _, s := range p.Streams {
		if s.Role == source.Reference {
			continue
		}
		assets.Add(s.Assets)
		findings.Add(s.Findings)
	}
	return assets, findings
}

// AssetsIn says that every stream of assets has brought them in. Findings may
// still be coming, where the vendor delivers them apart; a run that reads no
// assets is over with all its streams.
func (p Progress) AssetsIn() bool {
	streams := slices.DeleteFunc(slices.Clone(p.Streams), func(s Stream) bool { return !s.ofAssets() })
	if len(streams) == 0 {
		streams = p.Streams
	}
	for _, s := range streams {
		if s.Phase != Done && s.Phase != Reconciling {
			return false
		}
	}
	return len(streams) > 0
}

// Stands is the state with what is still to come: "Processed (findings: 62 %)"
// while the assets are in and findings are coming.
func (p Progress) Stands() string {
	if p.State != Processed || p.Outcome != "" {
		return string(p.State)
	}
	var share float64
	coming, known := 0, true
	for _, s := range p.Streams {
		if s.Role != source.Findings {
			continue
		}
		fraction, ok := s.Fraction()
		share, known = share+fraction, known && ok
		coming++
	}
	switch {
	case coming == 0 || known && share >= float64(coming):
		return string(p.State)
	case !known:
		return fmt.Sprintf("%s (findings: coming)", p.State)
	}
	return fmt.Sprintf("%s (findings: %d %%)", p.State, int(100*share/float64(coming)))
}

// Line describes a stream in one line, for people; what it has not written
// any of is left out.
func (s Stream) Line() string {
	of := ""
	if s.Expected > 0 {
		of = fmt.Sprintf(" of %d", s.Expected)
	}
	line := fmt.Sprintf("%s %s: %d%s records", s.Name, s.Phase, s.Records, of)
	assets := "assets"
	if s.Role == source.Reference {
		assets = "entries"
	}
	for _, written := range []struct {
		what string
		Counts
	}{{assets, s.Assets}, {"findings", s.Findings}} {
		if written.Counts != (Counts{}) {
			line += fmt.Sprintf(", %s %s", written.what, written.Counts)
		}
	}
	switch {
	case s.Error != "":
		line += ": " + s.Error
	case s.Phase == Waiting && s.WaitUntil.IsZero():
		line += ": " + s.Waits
	case s.Phase == Waiting:
		line += fmt.Sprintf(": %s until %s", s.Waits, s.WaitUntil.Format(time.TimeOnly))
	}
	return line
}

func (c Counts) String() string {
	text := fmt.Sprintf("+%d ~%d =%d", c.Created, c.Updated, c.Unchanged)
	if c.Returned > 0 {
		text += fmt.Sprintf(" returned %d", c.Returned)
	}
	if c.Rejected > 0 {
		text += fmt.Sprintf(" rejected %d", c.Rejected)
	}
	if c.LeftOut > 0 {
		text += fmt.Sprintf(" left out %d", c.LeftOut)
	}
	return text
}
