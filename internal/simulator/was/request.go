package was

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	defaultLimit = 100
	maxLimit     = 1000 // inferred: clients send up to 250
)

// request is a ServiceRequest in either dialect (documented).
type request struct {
	limit, offset int   // offset: matching records to leave out at the beginning
	fromID        int64 // only ids from this on; 0 for all
	verbose       bool
	criteria      []criterion
}

type criterion struct{ field, operator, value string }

// requestError is a request that the vendor refuses, under HTTP 200 (recorded).
type requestError struct{ code, message, resolution string }

func (e *requestError) Error() string { return e.message }

func invalid(message, resolution string) error {
	return &requestError{"INVALID_REQUEST", message, resolution}
}

// jsonRequest is the JSON dialect.
type jsonRequest struct {
	ServiceRequest struct {
		Preferences struct {
			LimitResults    *loose `json:"limitResults"`
			StartFromOffset *loose `json:"startFromOffset"`
			StartFromID     *loose `json:"startFromId"`
			Verbose         *loose `json:"verbose"`
			LimitHistories  *loose `json:"limitHistories"` // taken, and without effect
		} `json:"preferences"`
		Filters struct {
			Criteria oneOrMany `json:"Criteria"`
		} `json:"filters"`
	} `json:"ServiceRequest"`
}

type jsonCriterion struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    loose  `json:"value"`
}

// oneOrMany is a list of criteria; the vendor takes a single one without a list
// around it too.
type oneOrMany []jsonCriterion

func (l *oneOrMany) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]jsonCriterion)(l))
	}
	*l = make([]jsonCriterion, 1)
	return json.Unmarshal(data, &(*l)[0])
}

// loose is a scalar, written as a string or not.
type loose string

func (l *loose) UnmarshalJSON(data []byte) error {
	switch {
	case len(data) > 0 && (data[0] == '{' || data[0] == '['):
		return errors.New("a single value is expected")
	case len(data) > 0 && data[0] == '"':
		return json.Unmarshal(data, (*string)(l))
	}
	*l = loose(data)
	return nil
}

// xmlRequest is the XML dialect.
type xmlRequest struct {
	XMLName     xml.Name `xml:"ServiceRequest"`
	Preferences struct {
		LimitResults    *loose       `xml:"limitResults"`
		StartFromOffset *loose       `xml:"startFromOffset"`
		StartFromID     *loose       `xml:"startFromId"`
		Verbose         *loose       `xml:"verbose"`
		LimitHistories  *loose       `xml:"limitHistories"` // taken, and without effect
		Unknown         []xmlElement `xml:",any"`
	} `xml:"preferences"`
	Filters struct {
		Criteria []struct {
			Field    string `xml:"field,attr"`
			Operator string `xml:"operator,attr"`
			Value    string `xml:",chardata"`
		} `xml:"Criteria"`
		Unknown []xmlElement `xml:",any"`
	} `xml:"filters"`
	Unknown []xmlElement `xml:",any"`
}

type xmlElement struct{ XMLName xml.Name }

// parseRequest understands the body of a search or count. An empty body asks
// for everything (documented).
func parseRequest(d dialect, body []byte) (request, error) {
	q := request{limit: defaultLimit}
	if len(bytes.TrimSpace(body)) == 0 {
		return q, nil
	}
	if d == jsonDialect {
		return q.parseJSON(body)
	}
	return q.parseXML(body)
}

func (q request) parseJSON(body []byte) (request, error) {
	var r jsonRequest
	// What is not known is refused, so that a request in another dialect does
	// not pass for one without filters.
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return q, invalid("Invalid JSON request: "+err.Error()+".", "Check the structure of the request.")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return q, invalid("Invalid JSON request.", "Check the structure of the request.")
	}
	for _, c := range r.ServiceRequest.Filters.Criteria {
		q.criteria = append(q.criteria, criterion{c.Field, c.Operator, string(c.Value)})
	}
	p := &r.ServiceRequest.Preferences
	return q.preferences(p.LimitResults, p.StartFromOffset, p.StartFromID, p.Verbose)
}

func (q request) parseXML(body []byte) (request, error) {
	var r xmlRequest
	// The code is inferred.
	if err := xml.Unmarshal(body, &r); err != nil {
		return q, &requestError{"INVALID_XML", "Invalid XML request: " + err.Error() + ".", "Check the structure of the request."}
	}
	for _, unknown := range [][]xmlElement{r.Unknown, r.Preferences.Unknown, r.Filters.Unknown} {
		if len(unknown) > 0 {
			return q, &requestError{"INVALID_XML", "Unknown element '" + unknown[0].XMLName.Local + "'.", "Check the structure of the request."}
		}
	}
	for _, c := range r.Filters.Criteria {
		q.criteria = append(q.criteria, criterion{c.Field, c.Operator, strings.TrimSpace(c.Value)})
	}
	p := &r.Preferences
	return q.preferences(p.LimitResults, p.StartFromOffset, p.StartFromID, p.Verbose)
}

func (q request) preferences(limit, offset, fromID, verbose *loose) (request, error) {
	for _, p := range []struct {
		name        string
		value       *loose
		least, most int64
		take        func(int64)
	}{
		{"limitResults", limit, 1, maxLimit, func(n int64) { q.limit = int(n) }},
		{"startFromOffset", offset, 1, maxRecords, func(n int64) { q.offset = int(n - 1) }},
		{"startFromId", fromID, 0, 1 << 62, func(n int64) { q.fromID = n }},
	} {
		if p.value == nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(*p.value)), 10, 64)
		if err != nil || n < p.least || n > p.most {
			return q, invalid(fmt.Sprintf("Invalid value for preference '%s' (%s).", p.name, *p.value),
				fmt.Sprintf("Specify a number between %d and %d.", p.least, p.most))
		}
		p.take(n)
	}
	if verbose != nil {
		switch strings.TrimSpace(string(*verbose)) {
		case "true":
			q.verbose = true
		case "false":
		default:
			return q, invalid(fmt.Sprintf("Invalid value for preference 'verbose' (%s).", *verbose), "Values expected: true, false.")
		}
	}
	return q, nil
}
