package qualys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// qpsRequest is the QPS dialect (documented for the WAS APIs, inferred here).
type qpsRequest struct {
	ServiceRequest struct {
		Preferences struct {
			LimitResults    *looseInt `json:"limitResults"`
			StartFromOffset *looseInt `json:"startFromOffset"` // 1-based
			StartFromID     *looseInt `json:"startFromId"`     // inclusive
			Verbose         any       `json:"verbose"`
		} `json:"preferences"`
		Filters struct {
			Criteria oneOrMany `json:"Criteria"`
		} `json:"filters"`
	} `json:"ServiceRequest"`
}

// gatewayRequest is the gateway dialect (inferred).
type gatewayRequest struct {
	Filters oneOrMany `json:"filters"`
	Limit   *looseInt `json:"limit"`
	Offset  *looseInt `json:"offset"` // 0-based
}

type criterion struct {
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// oneOrMany is a list of criteria; the vendor takes a single one without a list
// around it too.
type oneOrMany []criterion

func (l *oneOrMany) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return json.Unmarshal(data, (*[]criterion)(l))
	}
	*l = make([]criterion, 1)
	return json.Unmarshal(data, &(*l)[0])
}

// looseInt is a number that may be written as a string.
type looseInt int64

func (n *looseInt) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64)
	*n = looseInt(value)
	return err
}

// errSyntax marks a body that is no JSON at all.
var errSyntax = errors.New("malformed JSON request")

// parseSearch understands the body of a search. An empty body asks for
// everything (documented for the QPS APIs).
func parseSearch(dialect Dialect, body []byte) (search, error) {
	q := newSearch()
	if len(bytes.TrimSpace(body)) == 0 {
		return q, nil
	}
	if !json.Valid(body) {
		return q, errSyntax
	}
	var limit, offset *looseInt
	var criteria oneOrMany
	if dialect == Gateway {
		var r gatewayRequest
		if err := decodeStrictly(body, &r); err != nil {
			return q, err
		}
		limit, offset, criteria = r.Limit, r.Offset, r.Filters
	} else {
		var r qpsRequest
		if err := decodeStrictly(body, &r); err != nil {
			return q, err
		}
		p := r.ServiceRequest.Preferences
		limit, criteria = p.LimitResults, r.ServiceRequest.Filters.Criteria
		if p.StartFromOffset != nil {
			fromZero := *p.StartFromOffset - 1
			offset = &fromZero
		}
		if p.StartFromID != nil {
			q.after = int64(*p.StartFromID) - 1
		}
	}
	if limit != nil {
		if *limit < 1 || *limit > maxLimit {
			return q, &requestError{
				fmt.Sprintf("Invalid limit of results (%d).", *limit),
				fmt.Sprintf("Specify a number between 1 and %d.", maxLimit),
			}
		}
		q.limit = int(*limit)
	}
	if offset != nil {
		if *offset < 0 {
			return q, &requestError{"Invalid start offset.", "Specify a positive number."}
		}
		q.offset = int(*offset)
	}
	for _, c := range criteria {
		value := string(c.Value)
		var text string
		if json.Unmarshal(c.Value, &text) == nil {
			value = text
		}
		if err := q.add(c.Field, c.Operator, value); err != nil {
			return q, err
		}
	}
	return q, nil
}

// decodeStrictly refuses fields it does not know: a request in another dialect
// must not pass for a search without filters.
func decodeStrictly(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &requestError{"Invalid request: " + err.Error() + ".", "Check the structure of the request."}
	}
	if _, err := d.Token(); err != io.EOF {
		return errSyntax
	}
	return nil
}
