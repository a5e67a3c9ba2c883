package azure

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// Codes of errors that callers of ARM have to tell apart, besides those of
// package transport.
const (
	// CodePricingTier: the service's tier does not have what was asked for.
	CodePricingTier = "pricing-tier"
	// CodeBusy: something else works on the resource just now (409, 412), or
	// the service is under maintenance (422).
	CodeBusy = "resource-busy"
	// CodeNotAcceptable: there is none in the form that was asked for (406).
	CodeNotAcceptable = "not-acceptable"
	// CodeVersion: the api-version is not taken there.
	CodeVersion = "api-version"
	// CodeNoSubscriptions: the credentials are good, and open nothing.
	CodeNoSubscriptions = "no-subscriptions"
)

// maxErrorBody is read of an error body for its code, in bytes.
const maxErrorBody = 16 << 10

// armError is the error body of ARM: {"error":{"code","message"}}.
type armError struct{ Code, Message string }

func readARMError(body []byte) armError {
	var b struct {
		Error armError `json:"error"`
		armError
	}
	if len(body) > maxErrorBody || json.Unmarshal(bytes.TrimSpace(body), &b) != nil {
		return armError{}
	}
	if b.Error.Code == "" {
		return b.armError // some providers leave the envelope out
	}
	return b.Error
}

// armMessage is what an error body says to people.
func armMessage(body []byte) string {
	e := readARMError(body)
	switch {
	case e.Code == "":
		return ""
	case e.Message == "":
		return short(e.Code)
	}
	return short(e.Code + ": " + e.Message)
}

// Said is what ARM itself said in an error, in few words and without the call;
// where it said nothing, what is known of it.
func Said(err error) string {
	f := fault.As(err)
	if f == nil {
		return err.Error()
	}
	if said := armMessage([]byte(f.Detail)); said != "" {
		return said
	}
	return f.Message
}

// refineARM classifies by status and code, never by the message (Azure
// documentation: "Troubleshoot common Azure deployment errors"; codes of API
// Management from Microsoft's own tools).
func refineARM(f *fault.Error, answer transport.Failure) {
	code := readARMError(answer.Head).Code
	switch s := answer.Status; {
	case s == http.StatusTooManyRequests:
		f.Class, f.Code = fault.Throttled, transport.CodeThrottled
		if wait := milliseconds(answer.Header); wait > 0 {
			f.Wait = wait
		}
	case f.Class == fault.Throttled:
	case code == "MethodNotAllowedInPricingTier":
		f.Class, f.Code, f.Advice = fault.Refused, CodePricingTier, "the service's tier does not have this"
	case code == "InvalidApiVersionParameter", code == "NoRegisteredProviderFound":
		f.Class, f.Code, f.Advice = fault.Refused, CodeVersion, "this cloud does not have the version of the API that Sluice speaks"
	case code == "InvalidAuthenticationTokenAudience", code == "InvalidAuthenticationTokenTenant":
		// A fresh token would be the same.
		f.Class, f.Code = fault.Refused, transport.CodeTokenNotAccepted
		f.Advice = "check " + FieldCloud + " and " + FieldTenantID + ": the token is for another cloud or tenant"
	case s == http.StatusUnauthorized:
		f.Advice = "check " + FieldCloud + " and " + FieldTenantID
	case s == http.StatusForbidden:
		f.Advice = "give the application the role " + ReaderRole + " (or Reader) there, under Access control (IAM); a new role takes some minutes"
	case s == http.StatusNotFound:
		f.Advice = "it has been removed, or the application may not see it"
	case s == http.StatusNotAcceptable:
		f.Class, f.Code = fault.Refused, CodeNotAcceptable
	case s == http.StatusConflict, s == http.StatusPreconditionFailed, s == http.StatusUnprocessableEntity:
		f.Class, f.Code = fault.Transient, CodeBusy
		f.Advice = "the service is being changed or under maintenance; that takes minutes"
	}
}

// milliseconds reads the waits that Azure states more exactly than by
// Retry-After (azcore, the Azure SDK for Go, honours them first).
func milliseconds(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, err := strconv.ParseInt(h.Get(name), 10, 32); err == nil && n > 0 {
			return time.Duration(n) * time.Millisecond
		}
	}
	return 0
}

// Skippable says whether an error concerns only what was asked for, so that
// others can be read all the same: a permission, a removed resource, a service
// in maintenance or one that fails at this again and again. Errors of the
// network, of the credentials and of the throttle concern everything.
func Skippable(err error) bool {
	f := fault.As(err)
	if f == nil {
		return false
	}
	switch f.Class {
	case fault.Refused:
		return f.Code != transport.CodeTokenNotAccepted && f.Code != transport.CodeRedirected && !transport.NotReached(f)
	case fault.Contract:
		return f.Code != "token-answer" && f.Code != transport.CodeMarkup
	case fault.Transient:
		return f.Code == CodeBusy || f.Code == transport.CodeServerError
	}
	return false
}
