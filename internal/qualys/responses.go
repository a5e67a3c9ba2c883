package qualys

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A response is the envelope of a small QPS answer.
type response struct {
	code  string
	said  string // of an error
	count string // empty when there is none
}

// parseResponse reads a ServiceResponse in XML or JSON; ok is false for other
// documents.
func parseResponse(body []byte) (r response, ok bool) {
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '{' {
		var envelope struct {
			ServiceResponse struct {
				Code  string      `json:"responseCode"`
				Count json.Number `json:"count"`
			}
		}
		if json.Unmarshal(body, &envelope) != nil {
			return r, false
		}
		r = response{code: envelope.ServiceResponse.Code, count: envelope.ServiceResponse.Count.String(), said: Message(body)}
		return r, r.code != ""
	}
	var said []string
	for _, e := range elements(body) {
		switch e.path {
		case "ServiceResponse/responseCode":
			r.code = e.text
		case "ServiceResponse/count":
			r.count = e.text
		case "ServiceResponse/responseErrorDetails/errorMessage", "ServiceResponse/responseErrorDetails/errorResolution":
			said = append(said, e.text)
		}
	}
	r.said = sentence(strings.Join(said, " "))
	return r, r.code != ""
}
