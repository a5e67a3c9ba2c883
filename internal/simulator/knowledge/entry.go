package knowledge

import (
	"strconv"
	"time"

	"sluice/internal/simulator/qid"
	"sluice/internal/simulator/random"
)

// Entry is an entry of the knowledge base, as a faithful reader has it. Texts
// are what the XML says, without white space around them: the vendor leaves
// HTML and its entities in them.
type Entry struct {
	QID                int64       `json:"qid"`
	Type               string      `json:"type"`
	Severity           int         `json:"severity"` // 1 to 5
	Title              string      `json:"title"`
	Category           string      `json:"category"`
	Customized         time.Time   `json:"customized,omitzero"`
	Modified           time.Time   `json:"modified"` // by the service; moves with every change
	Published          time.Time   `json:"published"`
	CodeModified       time.Time   `json:"codeModified,omitzero"`
	Bugtraq            []Reference `json:"bugtraq,omitempty"`
	Patchable          bool        `json:"patchable"`
	PatchPublished     time.Time   `json:"patchPublished,omitzero"`
	Software           []Software  `json:"software,omitempty"`
	VendorReferences   []Reference `json:"vendorReferences,omitempty"`
	CVEs               []Reference `json:"cves,omitempty"`
	Diagnosis          string      `json:"diagnosis"`
	Consequence        string      `json:"consequence,omitempty"`
	Solution           string      `json:"solution,omitempty"`
	CVSS               Score       `json:"cvss,omitzero"`
	CVSSv3             Score       `json:"cvssV3,omitzero"`
	PCI                bool        `json:"pci"`
	ThreatIntelligence []Threat    `json:"threatIntelligence,omitempty"`
	SupportedModules   string      `json:"supportedModules,omitempty"`
	Remote             bool        `json:"remote"`
	AuthTypes          []string    `json:"authTypes,omitempty"`
	Disabled           bool        `json:"disabled"`
}

// Reference is an id with a page about it.
type Reference struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Software is a product an entry concerns.
type Software struct {
	Product string `json:"product"`
	Vendor  string `json:"vendor"`
}

// Score is a CVSS score, its numbers as decimals such as "7.5".
type Score struct {
	Base       string `json:"base"`
	BaseSource string `json:"baseSource,omitempty"` // attribute of the base, where there is one
	Temporal   string `json:"temporal"`
	Vector     string `json:"vector"`
	Version    string `json:"version,omitempty"` // of v3: "3.1"
}

// Threat is one thing known about how an entry is exploited.
type Threat struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// Load fills e with an entry and tells whether it is published.
func (v *View) Load(e *Entry, index int) bool {
	publication := v.publication(index)
	hash := v.hash(index)
	*e = Entry{
		QID:       v.qids[index],
		Type:      v.Type(index),
		Severity:  v.Severity(index),
		Patchable: hash>>20%3 > 0,
		PCI:       hash>>24%2 == 0,
		Remote:    hash>>25%3 > 0,
		Disabled:  hash>>27%64 == 0,
	}
	published, modified := random.Dates(hash, v.epoch)
	if publication > 0 {
		published = v.generations[publication-1].at
		modified = published
	}
	revision := 0
	for i := max(publication, 0); i < len(v.generations); i++ {
		if g := &v.generations[i]; g.updated.Has(index) && publication >= 0 {
			revision++
			modified = g.at
			if random.Mix(hash+uint64(i))%2 == 0 {
				e.Severity = e.Severity%5 + 1
			}
		}
	}
	e.Published, e.Modified = time.Unix(published, 0).UTC(), time.Unix(modified, 0).UTC()
	if hash>>30%4 > 0 {
		e.CodeModified = e.Published
	}
	if hash>>32%32 == 0 {
		e.Customized = e.Published.Add(time.Hour)
	}
	v.describe(e, index, hash, revision)
	v.score(e, hash, revision)
	return publication >= 0
}

// Severity an entry begins with, 1 to 5. Detections take it over; entries may
// change it later.
func (b *Base) Severity(index int) int {
	return 1 + int(severities[b.hash(index)>>40%uint64(len(severities))])
}

var severities = [...]uint8{0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4}

// describe fills in what people read.
func (v *View) describe(e *Entry, index int, hash uint64, revision int) {
	product := &products[hash>>12%uint64(len(products))]
	if title := wellKnownTitle(e.QID); title != "" {
		e.Title, e.Category = title, "Information gathering"
	} else if v.OfWeb(index) {
		e.Title, e.Category = qid.Title(int(e.QID)), "Web Application"
	} else {
		e.Category = categories[hash>>44%uint64(len(categories))]
		e.Title = product.title + " " + flaws[hash>>48%uint64(len(flaws))] + " (" + advisory(e.QID, hash) + ")"
		e.Software = append(e.Software, Software{product.product, product.vendor})
		if hash>>52%4 == 0 {
			e.Software = append(e.Software, Software{product.product + "_server", product.vendor})
		}
		e.VendorReferences = []Reference{{advisory(e.QID, hash), "https://advisories.example.com/" + advisory(e.QID, hash) + "?lang=en&v=2"}}
	}
	if revision > 0 {
		e.Title += " - revision " + strconv.Itoa(revision)
	}
	// Many entries name no CVE, most that do name one, some name several.
	for n := range [...]int{0, 0, 0, 1, 1, 1, 2, 5}[hash>>56%8] {
		cve := "CVE-" + strconv.Itoa(e.Published.Year()) + "-" + strconv.FormatUint(10_000+random.Mix(hash+uint64(n)+70)%40_000, 10)
		e.CVEs = append(e.CVEs, Reference{cve, "https://cve.example.org/cgi-bin/name.cgi?name=" + cve})
	}
	if hash>>59%8 == 0 {
		e.Bugtraq = []Reference{{strconv.FormatUint(hash%90_000, 10), "https://bugs.example.org/bid/" + strconv.FormatUint(hash%90_000, 10)}}
	}
	e.Diagnosis = diagnoses[hash>>16%uint64(len(diagnoses))]
	if hash>>8%7 > 0 { // one in seven says neither what follows nor what to do
		e.Consequence = consequences[hash>>21%uint64(len(consequences))]
		e.Solution = solutions[hash>>23%uint64(len(solutions))]
		if revision > 1 {
			e.Solution += "<P>Updated " + strconv.Itoa(revision) + " times."
		}
	}
	if e.Patchable {
		e.PatchPublished = e.Published.Add(-24 * time.Hour)
	}
	for n := range threats {
		if random.Mix(hash+uint64(n)+90)%5 == 0 {
			e.ThreatIntelligence = append(e.ThreatIntelligence, threats[n])
		}
	}
	if hash>>35%2 == 0 {
		e.SupportedModules = "VM,CA-Windows Agent,CA-Linux Agent"
	}
	for n := range int(hash>>38%4) - 1 {
		e.AuthTypes = append(e.AuthTypes, authTypes[n])
	}
}

func advisory(number int64, hash uint64) string {
	return "ADV-" + strconv.FormatUint(2015+hash%11, 10) + "-" + strconv.FormatInt(number, 10)
}

// score fills in the scores; an update raises that of v3.
func (v *View) score(e *Entry, hash uint64, revision int) {
	if hash>>33%8 > 0 {
		base := hash >> 36 % 101
		e.CVSS = Score{Base: tenths(base), Temporal: tenths(base * 9 / 10), Vector: "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:N/E:POC/RL:OF/RC:C"}
		if hash>>43%2 == 0 {
			e.CVSS.BaseSource = "service"
		}
	}
	if hash>>34%4 > 0 {
		base := (hash>>29 + uint64(revision)*7) % 101
		e.CVSSv3 = Score{
			Base: tenths(base), Temporal: tenths(base * 9 / 10), Version: "3.1",
			Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:L/A:N/E:P/RL:O/RC:C",
		}
	}
}

func tenths(n uint64) string {
	return strconv.FormatUint(n/10, 10) + "." + strconv.FormatUint(n%10, 10)
}
