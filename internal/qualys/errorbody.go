package qualys

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"strings"
)

// Message takes what Qualys says out of an error body, or "" when the body is
// none of the known shapes. These are documented:
//
//	{"authentication_exceptions":[["Authentication Failure: ..."]]}     /auth
//	{"status":401,"error":"Unauthorized","message":"JWT expired"}       gateway
//	{"errorCode":"403 FORBIDDEN","message":"The user does not have ..."} Container Security
//	{"ServiceResponse":{"responseCode":"X","responseErrorDetails":{"errorMessage":"..","errorResolution":".."}}} QPS
//	<ServiceResponse> with the same                                      QPS
//	<SIMPLE_RETURN>, <GENERIC_RETURN>                                    FO
//	a web page, of which the title is taken
func Message(body []byte) string {
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '<' {
		return messageInXML(body)
	}
	var b struct {
		Message         any
		Error           any
		ResponseMessage any             `json:"responseMessage"`
		Exceptions      any             `json:"authentication_exceptions"`
		Details         any             `json:"responseErrorDetails"`
		ErrorMessage    any             `json:"errorMessage"`
		ErrorResolution any             `json:"errorResolution"`
		Service         json.RawMessage `json:"ServiceResponse"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	if b.Service != nil {
		return Message(b.Service)
	}
	if details, ok := b.Details.(map[string]any); ok {
		b.ErrorMessage, b.ErrorResolution = details["errorMessage"], details["errorResolution"]
	}
	for _, v := range []any{b.ErrorMessage, b.Message, b.ResponseMessage, firstOf(b.Exceptions), b.Error} {
		if said, _ := v.(string); strings.TrimSpace(said) != "" {
			if what, _ := b.ErrorResolution.(string); what != "" {
				said += " " + what
			}
			return sentence(said)
		}
	}
	return ""
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func messageInXML(body []byte) string {
	if code, text, _, ok := ParseReturn(body); ok {
		return sentence("code " + code + ": " + text)
	}
	if r, ok := parseResponse(body); ok {
		return sentence(r.code + ": " + r.said)
	}
	if found := title.FindSubmatch(body); found != nil {
		return sentence(`a web page, "` + strings.TrimSpace(html.UnescapeString(string(found[1]))) + `"`)
	}
	return ""
}

// firstOf descends into nested lists to their first element.
func firstOf(v any) any {
	for {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return v
		}
		v = list[0]
	}
}

// sentence makes a vendor's sentence fit into a message of ours.
func sentence(s string) string { return strings.TrimRight(Short(strings.TrimSpace(s)), ":. ") }
