package was

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/random"
)

// Tag of a web application.
type Tag struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// WebApp is what a faithful reader knows of a web application.
type WebApp struct {
	ID          string    `json:"id"` // decimal
	Name        string    `json:"name"`
	URL         string    `json:"url"`
	Owner       string    `json:"owner"` // user name; brief records have the id only
	OwnerID     int64     `json:"ownerId"`
	Tags        []Tag     `json:"tags,omitempty"`
	RiskScore   int       `json:"riskScore"` // 0 to 1000
	Scheduled   bool      `json:"isScheduled"`
	Scanned     bool      `json:"isScanned"`
	ScanStatus  string    `json:"lastScanStatus,omitempty"`
	SwaggerFile string    `json:"swaggerFile,omitempty"` // its name, where the web application is an API
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
}

// webApp is a web application at one moment; texts are made when asked for.
type webApp struct {
	index            int
	hash             uint64 // source of every detail that never changes
	id               int64
	created, updated int64 // Unix seconds
	renamed          int   // how often the name has changed
	retagged         int   // how often the tags have changed
	revision         int   // how often anything has changed
}

func (w *World) webApp(index int) webApp {
	a := webApp{index: index, hash: w.webAppHash(index), id: w.webAppID(index)}
	born := birth(index, len(w.generations), w.webAppsIn)
	if born == 0 {
		a.created, a.updated = random.Dates(a.hash, w.epoch)
	} else {
		a.created = w.generations[born-1].at
		a.updated = a.created
	}
	for i := born; i < len(w.generations); i++ {
		g := &w.generations[i]
		if !g.updatedWebApps.Has(index) {
			continue
		}
		a.updated = g.at
		a.revision++
		bits := random.Mix(a.hash ^ g.salt)
		if bits&3 == 0 {
			a.renamed++
		}
		if bits>>2&3 == 0 {
			a.retagged++
		}
	}
	return a
}

func (a *webApp) name() string {
	var b strings.Builder
	b.WriteString(qualities[a.hash>>8%uint64(len(qualities))])
	b.WriteByte(' ')
	b.WriteString(things[a.hash>>24%uint64(len(things))])
	b.WriteString(" #")
	b.WriteString(strconv.Itoa(a.index))
	if a.renamed > 0 {
		b.WriteString(" (renamed " + strconv.Itoa(a.renamed) + ")")
	}
	return b.String()
}

func (a *webApp) url() string {
	return "https://" + hosts[a.hash>>12%uint64(len(hosts))] + "-" + strconv.Itoa(a.index) + roots[a.hash>>32%uint64(len(roots))]
}

// tags are none to three of the vendor's.
func (a *webApp) tags() []Tag {
	n := int(a.hash >> 44 & 3)
	if n == 0 {
		return nil
	}
	out := make([]Tag, n)
	start := a.hash>>46 + uint64(a.retagged)
	for i := range out {
		out[i] = tags[(start+uint64(i)*3)%uint64(len(tags))]
	}
	return out
}

// attribute is one that the subscription itself has defined.
type attribute struct{ name, value string }

func (a *webApp) attributes() []attribute {
	if a.hash>>14&1 == 0 {
		return nil
	}
	return []attribute{{"Business Function", "Sales & \"Service\""}, {"Cost centre", strconv.FormatUint(a.hash>>30%9000, 10)}}
}

func (a *webApp) owner() *person { return &people[a.hash>>36%uint64(len(people))] }

func (a *webApp) riskScore() int { return int((a.hash>>30 + uint64(a.revision)*37) % 1001) }

func (a *webApp) scheduled() bool { return a.hash>>50&3 == 0 }

func (a *webApp) scanned() bool { return a.hash>>52&15 != 0 }

// scanStatuses of the last scan (documented).
var scanStatuses = []string{
	"FINISHED", "SUBMITTED", "RUNNING", "TIME_LIMIT_EXCEEDED", "SCAN_NOT_LAUNCHED", "SCANNER_NOT_AVAILABLE", "ERROR", "CANCELED",
}

// scanStatus of the last scan; "" when there was none.
func (a *webApp) scanStatus() string {
	if !a.scanned() {
		return ""
	}
	if bits := a.hash >> 56; bits < 64 {
		return scanStatuses[bits%uint64(len(scanStatuses))]
	}
	return "FINISHED"
}

// scanDate is when the last scan began.
func (a *webApp) scanDate() int64 {
	return a.created + int64(a.hash>>20%uint64(a.updated-a.created+1))
}

func (a *webApp) swaggerFile() string {
	if a.hash>>48&7 != 0 {
		return ""
	}
	return "openapi-" + strconv.Itoa(a.index) + " (ä).json"
}

func (a *webApp) truth() WebApp {
	return WebApp{
		ID: strconv.FormatInt(a.id, 10), Name: a.name(), URL: a.url(), Owner: a.owner().name, OwnerID: a.owner().id,
		Tags: a.tags(), RiskScore: a.riskScore(), Scheduled: a.scheduled(), Scanned: a.scanned(), ScanStatus: a.scanStatus(),
		SwaggerFile: a.swaggerFile(), Created: date(a.created), Updated: date(a.updated),
	}
}

// TruthOfWebApps yields the web applications that a user sees, ascending by id;
// the zero user sees all that are not hidden from everybody. It takes constant
// memory.
func (w *World) TruthOfWebApps(user account.User) iter.Seq[WebApp] {
	scope := user.Scope(webAppScopeName)
	return func(yield func(WebApp) bool) {
		for index := range w.WebApps() {
			if !w.sees(scope, index) {
				continue
			}
			a := w.webApp(index)
			if !yield(a.truth()) {
				return
			}
		}
	}
}

func date(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
