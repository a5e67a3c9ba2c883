package was

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/qid"
	"sluice/internal/simulator/random"
)

// Types and states of findings (documented).
const (
	Vulnerability       = "VULNERABILITY"
	SensitiveContent    = "SENSITIVE_CONTENT"
	InformationGathered = "INFORMATION_GATHERED"

	StatusNew       = "NEW"
	StatusActive    = "ACTIVE"
	StatusReopened  = "REOPENED"
	StatusProtected = "PROTECTED"
	StatusFixed     = "FIXED"
)

// Finding is what a faithful reader knows of a finding. INFORMATION_GATHERED
// has neither URL, Status, TimesDetected nor Ignored.
type Finding struct {
	ID          string `json:"id"` // decimal
	UniqueID    string `json:"uniqueId"`
	QID         int    `json:"qid"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	Potential   bool   `json:"potential"`
	FindingType string `json:"findingType"`
	Group       string `json:"group,omitempty"`
	Param       string `json:"param,omitempty"`
	Severity    int    `json:"severity"` // 1 to 5
	URL         string `json:"url,omitempty"`
	Status      string `json:"status,omitempty"`

	FirstDetected time.Time `json:"firstDetected"`
	LastDetected  time.Time `json:"lastDetected"`
	LastTested    time.Time `json:"lastTested"`
	Fixed         time.Time `json:"fixed,omitzero"`
	Updated       time.Time `json:"updated"`
	TimesDetected int       `json:"timesDetected,omitempty"`

	WebAppID   string `json:"webAppId"` // decimal
	WebAppName string `json:"webAppName"`
	WebAppURL  string `json:"webAppUrl"`
	WebAppTags []Tag  `json:"webAppTags,omitempty"`

	Ignored        bool      `json:"ignored,omitempty"`
	IgnoredReason  string    `json:"ignoredReason,omitempty"`
	IgnoredComment string    `json:"ignoredComment,omitempty"`
	IgnoredDate    time.Time `json:"ignoredDate,omitzero"`

	DetectionScore int             `json:"detectionScore"`
	CVSSBase       float64         `json:"cvssBase,omitempty"`     // 0 where there is none
	CVSSTemporal   float64         `json:"cvssTemporal,omitempty"` // 0 where there is none
	OWASP          *Classification `json:"owasp,omitempty"`
	WASC           *Classification `json:"wasc,omitempty"`
	CWE            []int           `json:"cwe,omitempty"`
	Patch          int64           `json:"patch,omitempty"`
	ExternalRef    string          `json:"externalRef,omitempty"`
	RetestStatus   string          `json:"retestStatus,omitempty"`

	// Malformed is the defect for which the finding cannot be taken, "" for a
	// good one. The other fields then say what was meant.
	Malformed DefectKind `json:"malformed,omitempty"`
}

// Classification is an entry of OWASP's or WASC's list.
type Classification struct {
	Code int    `json:"code"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// finding is a finding at one moment; texts are made when asked for.
type finding struct {
	index                              int
	hash                               uint64 // source of every detail that never changes
	id                                 int64
	qid                                int
	kind                               string // its type
	severity                           int
	status                             string
	first, last, tested, fixed, update int64 // Unix seconds, 0 for none
	times                              int
	ignored                            bool
	ignoredDate                        int64
	edited                             bool // a person has changed the severity
	owner                              int  // index of the web application
	defect                             DefectKind
}

// finding loads a finding that the scope shows; shown is false for any other.
func (w *World) finding(index int, scope account.Scope) (f finding, shown bool) {
	hash := w.findingHash(index)
	born := birth(index, len(w.generations), w.findingsIn)
	f = finding{index: index, hash: hash, owner: w.ownerOf(hash, born)}
	if !w.sees(scope, f.owner) {
		return f, false
	}
	f.id = w.findingID(index)
	f.qid = qid.WAS(hash >> 4)
	f.kind = typeOf(f.qid)
	f.severity = severities[hash%uint64(len(severities))]
	w.begin(&f, born)
	for i := born; i < len(w.generations); i++ {
		g := &w.generations[i]
		if g.draw(hash, drawGone, g.change.Gone) {
			return f, false
		}
		f.happen(g)
	}
	f.defect = w.defect(index)
	return f, true
}

// typeOf a finding depends on its QID alone, as the vendor's knowledge base has it.
func typeOf(id int) string {
	switch bits := random.Mix(uint64(id)) % 10; {
	case bits < 6:
		return Vulnerability
	case bits == 6:
		return SensitiveContent
	}
	return InformationGathered
}

// severities, weighted as scanners find them.
var severities = [...]int{1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 1}

// firstStatuses of findings that are there from the start.
var firstStatuses = [...]string{
	StatusActive, StatusActive, StatusActive, StatusActive, StatusActive, StatusNew, StatusNew, StatusReopened, StatusProtected, StatusFixed,
}

// begin sets what the finding was when it was first there.
func (w *World) begin(f *finding, born int) {
	if born > 0 {
		at := w.generations[born-1].at
		f.first, f.last, f.tested, f.update = at, at, at, at
		f.status, f.times = StatusNew, 1
	} else {
		created, _ := random.Dates(w.webAppHash(f.owner), w.epoch)
		age := w.epoch - created
		bits := random.Mix(f.hash + 3)
		f.first = created + int64(bits%uint64(age))
		f.last = f.first + int64(bits>>20%uint64(w.epoch-f.first))
		f.tested = f.last
		f.update = f.tested + (w.epoch-f.tested)/2
		f.status = firstStatuses[f.hash>>40%uint64(len(firstStatuses))]
		f.times = 1 + int(f.hash>>44%40)
		switch f.status {
		case StatusNew:
			f.last, f.tested, f.times = f.first, f.first, 1
		case StatusFixed:
			f.tested += (w.epoch - f.tested) / 3
			f.fixed = f.tested
		}
		if f.kind != InformationGathered && f.hash>>48&15 == 0 {
			f.ignored, f.ignoredDate = true, f.update
		}
	}
	if f.kind == InformationGathered {
		f.status, f.times, f.fixed = "", 0, 0
	}
}

// happen applies one generation.
func (f *finding) happen(g *generation) {
	c := &g.change
	open := f.status != StatusFixed
	switch {
	case open && f.status != "" && g.draw(f.hash, drawFixed, c.Fixed):
		f.status, f.fixed, f.tested, f.update = StatusFixed, g.at, g.at, g.at
	case !open && g.draw(f.hash, drawReopened, c.Reopened):
		f.status, f.fixed = StatusReopened, 0
		f.last, f.tested, f.update = g.at, g.at, g.at
		f.times++
	case open && g.draw(f.hash, drawRetested, c.Retested):
		f.last, f.tested = g.at, g.at
		if f.times > 0 {
			f.times++
		}
	}
	if g.draw(f.hash, drawEdited, c.Edited) {
		f.update = g.at
		if f.status == "" || random.Mix(f.hash^g.salt)&1 == 0 {
			f.severity, f.edited = 1+f.severity%5, true
			return
		}
		f.ignored, f.ignoredDate = !f.ignored, g.at
		if !f.ignored {
			f.ignoredDate = 0
		}
	}
}

func (f *finding) potential() bool {
	return f.kind == Vulnerability && random.Mix(uint64(f.qid)+1)&3 == 0
}

// findingTypes (documented: QUALYS, BURP; the third inferred).
var findingTypes = []string{"QUALYS", "BURP", "MANUAL"}

func (f *finding) findingType() string {
	if bits := f.hash >> 12 & 31; bits < 3 {
		return findingTypes[bits]
	}
	return findingTypes[0]
}

func (f *finding) group() string {
	if f.kind == InformationGathered {
		return ""
	}
	return groups[uint64(f.qid)%uint64(len(groups))]
}

func (f *finding) param() string {
	if f.kind == InformationGathered || f.hash>>20&1 == 0 {
		return ""
	}
	return params[f.hash>>21%uint64(len(params))]
}

// url of the finding: below that of its web application.
func (f *finding) url(app *webApp) string {
	if f.kind == InformationGathered {
		return ""
	}
	base, _, _ := strings.Cut(app.url(), "?")
	return strings.TrimRight(base, "/#") + paths[f.hash>>28%uint64(len(paths))]
}

// ignoredReasons (documented: FALSE_POSITIVE; the others inferred).
var ignoredReasons = []string{"FALSE_POSITIVE", "RISK_ACCEPTED", "NOT_APPLICABLE"}

func (f *finding) ignoredReason() string {
	if !f.ignored {
		return ""
	}
	return ignoredReasons[f.hash>>33%uint64(len(ignoredReasons))]
}

func (f *finding) ignoredComment() string {
	if !f.ignored {
		return ""
	}
	return comments[f.hash>>35%uint64(len(comments))]
}

func (f *finding) weakness() *weakness { return &weaknesses[uint64(f.qid)%uint64(len(weaknesses))] }

// cvss are the scores in tenths; information has none.
func (f *finding) cvss() (base, temporal int) {
	if f.kind == InformationGathered {
		return 0, 0
	}
	base = 10 + int(random.Mix(uint64(f.qid)+2)%91)
	return base, base - base/10
}

func (f *finding) detectionScore() int {
	if f.kind == InformationGathered {
		return 0
	}
	return f.severity*18 + int(f.hash>>50%10)
}

func (f *finding) patch() int64 {
	if f.kind != Vulnerability || f.hash>>52&15 != 1 {
		return 0
	}
	return 90_000 + int64(f.hash>>30%5000)
}

func (f *finding) externalRef() string {
	if f.hash>>54&15 != 2 {
		return ""
	}
	return "TICKET-" + strconv.FormatUint(f.hash>>30%100_000, 10) + " & co"
}

// retestStatuses (inferred).
var retestStatuses = []string{"NO_RETEST", "UNDER_RETEST", "RETESTED"}

func (f *finding) retestStatus() string {
	if f.kind == InformationGathered || f.hash>>58&7 != 3 {
		return ""
	}
	return retestStatuses[f.hash>>14%uint64(len(retestStatuses))]
}

func (f *finding) truth(w *World) Finding {
	app := w.webApp(f.owner)
	base, temporal := f.cvss()
	out := Finding{
		ID: strconv.FormatInt(f.id, 10), UniqueID: random.UUID(f.hash), QID: f.qid, Name: qid.Title(f.qid), Type: f.kind,
		Potential: f.potential(), FindingType: f.findingType(), Group: f.group(), Param: f.param(), Severity: f.severity,
		URL: f.url(&app), Status: f.status,
		FirstDetected: date(f.first), LastDetected: date(f.last), LastTested: date(f.tested), Fixed: date(f.fixed), Updated: date(f.update),
		TimesDetected: f.times,
		WebAppID:      strconv.FormatInt(app.id, 10), WebAppName: app.name(), WebAppURL: app.url(), WebAppTags: app.tags(),
		Ignored: f.ignored, IgnoredReason: f.ignoredReason(), IgnoredComment: f.ignoredComment(), IgnoredDate: date(f.ignoredDate),
		DetectionScore: f.detectionScore(), CVSSBase: float64(base) / 10, CVSSTemporal: float64(temporal) / 10,
		Patch: f.patch(), ExternalRef: f.externalRef(), RetestStatus: f.retestStatus(),
		Malformed: f.defect,
	}
	if c := f.weakness(); c.cwe != nil {
		out.OWASP, out.WASC, out.CWE = &c.owasp, &c.wasc, c.cwe
	}
	return out
}

// TruthOfFindings yields the findings that a user sees, ascending by id; the
// zero user sees all that are not hidden from everybody. It takes constant
// memory.
func (w *World) TruthOfFindings(user account.User) iter.Seq[Finding] {
	scope := user.Scope(webAppScopeName)
	return func(yield func(Finding) bool) {
		for index := range w.Findings() {
			if f, shown := w.finding(index, scope); shown && !yield(f.truth(w)) {
				return
			}
		}
	}
}
