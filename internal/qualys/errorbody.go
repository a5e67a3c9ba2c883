package qualys

import (
	"encoding/json"
	"strings"

	"sluice/internal/fault"
)

// Message takes what Qualys says out of an error body, or "" when the body is
// none of the known shapes. These are documented:
//
//	{"authentication_exceptions":[["Authentication Failure: ..."]]}     /auth
//	{"status":401,"error":"Unauthorized","message":"JWT expired"}       gateway
//	{"errorCode":"403 FORBIDDEN","message":"The user does not have ..."} Container Security
//	{"ServiceResponse":{"responseCode":"X","responseErrorDetails":{"errorMessage":"..","errorResolution":".."}}} QPS
func Message(body []byte) string {
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
			return strings.TrimRight(short(said), ". ")
		}
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

// short bounds a vendor's sentence inside a message of ours.
func short(s string) string {
	s = fault.Head([]byte(strings.TrimSpace(s)))
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
