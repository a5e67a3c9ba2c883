package qualyswas

import (
	"encoding/json"
	"encoding/xml"
	"strings"

	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
)

// Everything that is known, or guessed, about requests stands in this file.
//
// Documented (Qualys documentation: "WAS API user guide", version 3): the
// paths, the criteria's fields and operators by type (of numbers EQUALS, NOT
// EQUALS, GREATER, LESSER and IN with a list separated by commas; of texts
// CONTAINS, EQUALS and NOT EQUALS; of keywords EQUALS, NOT EQUALS and IN; of
// dates as of numbers without IN), that all criteria have to be met, and the
// form of dates. Recorded: both forms of a request, limitResults and
// startFromOffset, which counts from 1. Inferred: that GREATER and LESSER are
// strict, that two criteria may name the same field, and that webApp.id can be
// compared by GREATER and LESSER as numbers can.
const (
	fieldID = "id" // what records are ordered by

	opEquals  = "EQUALS"
	opIn      = "IN"
	opGreater = "GREATER"
	opLesser  = "LESSER"
)

// A catalogue is one of the two sorts of records that WAS searches.
type catalogue struct {
	assetType string
	plural    string // for messages
	count     string // path that counts what criteria leave
	search    string // path that searches
	updated   string // field that a delta run compares
	webApp    string // prefix of the fields of the web application
}

var (
	webApps = catalogue{
		assetType: WebApp, plural: "web applications",
		count: "/qps/rest/3.0/count/was/webapp", search: "/qps/rest/3.0/search/was/webapp",
		updated: "updatedDate",
	}
	// Findings have no updatedDate to search by. lastDetectedDate does not move
	// when a finding turns out to be fixed, lastTestedDate does (inferred from
	// what known clients go by).
	findings = catalogue{
		assetType: Finding, plural: "findings",
		count: "/qps/rest/3.0/count/was/finding", search: "/qps/rest/3.0/search/was/finding",
		updated: "lastTestedDate", webApp: "webApp.",
	}
)

// A criterion is a condition of a search; all of them have to be met.
type criterion struct {
	Field    string `json:"field" xml:"field,attr"`
	Operator string `json:"operator" xml:"operator,attr"`
	Value    string `json:"value" xml:",chardata"`
}

// oneOf is the condition that a field of numbers or keywords has one of the
// values; without any, nothing meets it.
func oneOf(field string, values []string) criterion {
	switch len(values) {
	case 0:
		return criterion{field, opEquals, "0"}
	case 1:
		return criterion{field, opEquals, values[0]}
	}
	return criterion{field, opIn, strings.Join(values, ",")}
}

// A span is the web applications with ids above from and up to to; an empty
// end is open.
type span struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// criteria are the conditions on a finding that leave the span's.
func (s span) criteria() []criterion {
	var list []criterion
	if s.From != "" {
		list = append(list, criterion{findings.webApp + fieldID, opGreater, s.From})
	}
	if s.To != "" {
		list = append(list, criterion{findings.webApp + fieldID, opLesser, next(s.To)})
	}
	return list
}

// next is the number after a numeric id. Ids are digits, of any length.
func next(id string) string {
	digits := []byte(id)
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != '9' {
			digits[i]++
			return string(digits)
		}
		digits[i] = '0'
	}
	return "1" + string(digits)
}

// A request is the body of a call, before it is written in a format.
type request struct {
	XMLName     xml.Name     `json:"-" xml:"ServiceRequest"`
	Preferences *preferences `json:"preferences,omitempty" xml:"preferences"`
	Filters     *filters     `json:"filters,omitempty" xml:"filters"`
}

type preferences struct {
	Verbose         bool `json:"verbose" xml:"verbose"`
	LimitResults    int  `json:"limitResults" xml:"limitResults"`
	StartFromOffset int  `json:"startFromOffset,omitempty" xml:"startFromOffset,omitempty"`
}

type filters struct {
	Criteria []criterion `json:"Criteria" xml:"Criteria"`
}

// counting is a request of how many records meet the conditions.
func counting(conditions []criterion) request {
	if len(conditions) == 0 {
		return request{}
	}
	return request{Filters: &filters{conditions}}
}

// searching is a request of one page.
func searching(q qps.Query, conditions []criterion, verbose bool) request {
	if q.After != "" {
		conditions = append([]criterion{{fieldID, opGreater, q.After}}, conditions...)
	}
	r := counting(conditions)
	r.Preferences = &preferences{Verbose: verbose, LimitResults: q.Size}
	if q.Skip > 0 {
		r.Preferences.StartFromOffset = q.Skip + 1
	}
	return r
}

// write writes a request in a format.
func (r request) write(format qualys.Format) []byte {
	var body []byte
	var err error
	if format == qualys.XML {
		body, err = xml.Marshal(r)
	} else {
		body, err = json.Marshal(map[string]request{"ServiceRequest": r})
	}
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return body
}
