package vm

import (
	"iter"
	"strconv"
	"time"

	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/random"
)

// States of a detection, in the vendor's words.
const (
	StatusNew      = "New"
	StatusActive   = "Active"
	StatusFixed    = "Fixed"
	StatusReopened = "Re-Opened"
)

// Types of a detection, in the vendor's words.
const (
	Confirmed = "Confirmed"
	Potential = "Potential"
	Info      = "Info" // information gathered: has no status and no score
)

// Detection is one detection as a faithful reader of a list with all details
// has it. Texts are what the XML says, without white space around them: the
// vendor leaves entities of HTML in them.
type Detection struct {
	HostID          int64     `json:"hostId"`
	ID              int64     `json:"id"` // UNIQUE_VULN_ID
	QID             int64     `json:"qid"`
	Type            string    `json:"type"`
	Severity        int       `json:"severity"` // 1 to 5
	Port            int       `json:"port,omitempty"`
	Protocol        string    `json:"protocol,omitempty"`
	FQDN            string    `json:"fqdn,omitempty"`
	SSL             string    `json:"ssl,omitempty"` // "0" or "1"; empty when not said
	Instance        string    `json:"instance,omitempty"`
	Service         string    `json:"service,omitempty"`
	Results         string    `json:"results,omitempty"`
	Status          string    `json:"status,omitempty"` // empty of Info
	FirstFound      time.Time `json:"firstFound"`
	LastFound       time.Time `json:"lastFound"`
	QDS             int       `json:"qds,omitempty"` // 1 to 100; 0 of Info
	Factors         []Factor  `json:"factors,omitempty"`
	TimesFound      int       `json:"timesFound"`
	LastTest        time.Time `json:"lastTest"`
	LastUpdate      time.Time `json:"lastUpdate"`
	LastFixed       time.Time `json:"lastFixed,omitzero"`
	FirstReopened   time.Time `json:"firstReopened,omitzero"`
	LastReopened    time.Time `json:"lastReopened,omitzero"`
	TimesReopened   int       `json:"timesReopened,omitempty"`
	Ignored         bool      `json:"ignored"`
	Disabled        bool      `json:"disabled"`
	RunningKernel   string    `json:"runningKernel,omitempty"` // "0" or "1"; empty when not said, as the next
	RunningService  string    `json:"runningService,omitempty"`
	ExploitableConf string    `json:"exploitableConfig,omitempty"`
	LastProcessed   time.Time `json:"lastProcessed"`
	// Malformed is the defect for which the detection cannot be taken, "" for a
	// good one; its host and the other detections are good.
	Malformed DefectKind `json:"malformed,omitempty"`

	changed time.Time // when the status changed; zero when it never did
	result  result
}

// Factor is one of what a detection's score is made of.
type Factor struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// QDSSeverity is the word that goes with a score (documented: Critical from 90,
// High from 70, Medium from 40, else Low).
func QDSSeverity(qds int) string {
	switch {
	case qds >= 90:
		return "CRITICAL"
	case qds >= 70:
		return "HIGH"
	case qds >= 40:
		return "MEDIUM"
	default:
		return "LOW"
	}
}

// Updated is what the vendor's filter detection_updated_since goes by
// (documented): the change of the status, or when it never changed the date
// last found.
func (d *Detection) Updated() time.Time {
	if d.changed.IsZero() {
		return d.LastFound
	}
	return d.changed
}

// Plain is the detection without what is not said of it: two that look the same
// are equal.
func (d Detection) Plain() Detection {
	d.changed, d.result = time.Time{}, result{}
	return d
}

// Detections yields the detections of the loaded host in their order, without
// their Results. The detection is overwritten by the next.
func (r *Record) Detections() iter.Seq[*Detection] {
	return func(yield func(*Detection) bool) {
		var d Detection
		ordinal, malformed := 0, false
		next := func(born int) bool {
			if r.detection(&d, ordinal, born) {
				if r.Defect.ofDetection() && !malformed {
					d.Malformed, malformed = r.Defect, true
				}
				if !yield(&d) {
					return false
				}
			}
			ordinal++
			return true
		}
		first := r.begunWith()
		for range first {
			if !next(-1) {
				return
			}
		}
		for n := range r.events {
			e := &r.events[n]
			if e.scan == 0 {
				continue
			}
			more := e.change.New * float64(max(first, 1))
			for range int(more + float64(e.hash>>40)/(1<<24)) {
				if !next(n) {
					return
				}
			}
		}
	}
}

// begunWith is the number of detections the host was made with.
func (r *Record) begunWith() int {
	if r.w.large.Detections > 0 && r.Index == r.w.first/2 {
		return r.w.large.Detections
	}
	return min(r.w.spread.Draw(random.Mix(r.hash+3)), detectionStride/2)
}

// detection fills in the detection with an ordinal, made with the host (born is
// -1) or by one of its scans. It tells whether the detection still is there.
func (r *Record) detection(d *Detection, ordinal, born int) bool {
	hash := random.Mix(r.hash ^ uint64(ordinal+1)*0x9fb21c651e98df25)
	later := r.events[born+1:]
	*d = Detection{HostID: r.ID, ID: firstDetectionID + int64(r.Index)*detectionStride + int64(ordinal)}
	r.identify(d, hash, ordinal)
	d.Ignored, d.Disabled = hash>>9%32 == 0, hash>>14%64 == 0
	d.QDS = int(1 + hash>>20%100)
	h := history{}
	switch {
	case born >= 0:
		h.begin(&r.events[born])
	case r.before == 0:
		g := &r.w.generations[r.w.birth(r.Index)-1]
		h.begin(&event{generation: g, scan: r.Created})
	default:
		h.past(r, hash)
	}
	revision := 0
	for i := range later {
		e := &later[i]
		bits := random.Mix(hash ^ e.hash)
		if e.change.Purged > 0 && random.Below(random.Mix(bits+1), e.change.Purged) {
			return false
		}
		rescored := e.silent
		if e.scan != 0 {
			h.scan(e, bits, d.Type == Info)
			rescored = rescored || e.change.Rescored > 0 && random.Below(random.Mix(bits+4), e.change.Rescored)
			if e.change.Ignored > 0 && random.Below(random.Mix(bits+5), e.change.Ignored) {
				d.Ignored = !d.Ignored
			}
		}
		if rescored {
			revision++
			d.Severity = d.Severity%5 + 1
			d.QDS = (d.QDS+16)%100 + 1
		}
	}
	h.tell(d)
	d.Factors = factorSets[hash>>28%uint64(len(factorSets))]
	if d.Type == Info {
		d.Status, d.QDS, d.Factors = "", 0, nil
	}
	d.result = r.result(hash, revision)
	return true
}

// identify fills in what never changes. QID, port, protocol, SSL and instance
// together are unique on a host, as is the ID alone; every eighth detection
// shares its QID with the one before.
func (r *Record) identify(d *Detection, hash uint64, ordinal int) {
	slot, second := ordinal/8*7+min(ordinal%8, 6), ordinal%8 == 7
	n := uint64(len(r.w.entries))
	entry := r.w.entries[(uint64(slot)%n*r.w.multipliers[r.hash>>4%uint64(len(r.w.multipliers))]+r.hash>>24)%n]
	d.QID = r.w.knowledge.QID(entry)
	d.Severity = r.w.knowledge.Severity(entry)
	switch r.w.knowledge.Type(entry) {
	case knowledge.Potential:
		d.Type = Potential
	case knowledge.Information:
		d.Type = Info
	case knowledge.Either:
		d.Type = [...]string{Confirmed, Potential}[random.Mix(uint64(d.QID))%2]
	default:
		d.Type = Confirmed
	}
	switch bits := hash >> 34 % 8; {
	case second:
		d.Port, d.Protocol = otherPorts[hash>>37%uint64(len(otherPorts))], "tcp"
	case bits < 4: // found on the host itself
	case bits < 7:
		d.Port, d.Protocol = ports[hash>>37%uint64(len(ports))], "tcp"
	default:
		d.Port, d.Protocol = 161, "udp"
	}
	if d.Protocol == "tcp" || hash>>41%2 == 0 {
		d.SSL = [...]string{"0", "0", "1"}[hash>>42%3]
	}
	if d.Port != 0 && hash>>45%2 == 0 {
		d.Service = services[hash>>46%uint64(len(services))]
	}
	switch cycle := uint64(slot) / n; {
	case cycle > 0: // the QIDs are used up: it is another instance
		d.Instance = "oracle19:1521:DB" + strconv.FormatUint(cycle, 10)
	case hash>>48%16 == 0:
		d.Instance = "main & <only>"
	}
	if hash>>52%8 == 0 {
		d.FQDN = r.FQDN()
	}
	d.RunningKernel = flags[hash>>55%3]
	d.RunningService = flags[hash>>57%3]
	d.ExploitableConf = flags[hash>>59%3]
}

var (
	flags      = [...]string{"", "0", "1"}
	ports      = [...]int{443, 80, 22, 3389, 8443, 25, 445, 8080}
	otherPorts = [...]int{9443, 81, 2222, 3390, 10443, 587, 139, 8081}
	services   = [...]string{"http", "CIFS/SMB", "Microsoft-DS & more", "ssl"}
)

// factorSets are what scores are made of (names documented).
var factorSets = func() (sets [16][]Factor) {
	all := []Factor{
		{"RTI", "local"}, {"exploit_maturity", "weaponized,poc"}, {"CISA_vuln", "YES"}, {"CVSS", "7.8"}, {"CVSS_version", "v3.x"},
		{"epss", "0.00052"}, {"trending", "02222024,02162024,02262024,02152024"},
		{"CVSS_vector", "AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}, {"mitigation_controls", "18436,18437"},
	}
	for i := range sets {
		for n, f := range all {
			if i > 1 && random.Mix(uint64(i*100+n))%2 == 0 {
				sets[i] = append(sets[i], f)
			}
		}
	}
	return sets
}()
