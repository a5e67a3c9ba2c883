package qualys

import (
	"regexp"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// Codes of errors that the vendor names by codes of its own.
const (
	CodeAccountExpired   = "account-expired"
	CodeAccountInactive  = "account-inactive"
	CodeAccountLocked    = "account-locked"
	CodePasswordExpired  = "password-expired"
	CodeRegistration     = "registration-incomplete" // terms not accepted
	CodeSecondFactor     = "second-factor-required"
	CodeNotLicensed      = "not-licensed"
	CodeUnknownParameter = "unknown-parameter" // an older version of the API may not know it
	CodeBadParameter     = "bad-parameter"
	CodeNotUnderstood    = "request-not-understood"
	CodeVendorError      = "vendor-error"
	CodeMaintenance      = "maintenance"
	CodeTooMany          = "too-many-at-once" // calls; all other limits are transport.CodeThrottled
	CodeUnknown          = "response-code"    // the vendor's code is in no table here
)

// A codeRule says what a code of the vendor means.
type codeRule struct {
	class  fault.Class
	code   string
	advice string
	wait   time.Duration // Throttled only: when the vendor names no time
	says   string        // what it means, in front of the vendor's words; empty: nothing more than those
}

const (
	adviceReport   = "this request was ours: please report it with this message"
	adviceExpired  = "have a Manager of the subscription extend or renew the account, or enter another one"
	adviceActive   = "have a Manager of the subscription activate the account, or enter another one"
	advicePassword = "log in to Qualys with this account in a browser and set a new password, and give that one"
	adviceLocked   = "have a Manager of the subscription unlock the account or reset its password, or wait until it is unlocked; until then, each try may lock it for longer"
	adviceAccept   = "log in to Qualys once with this account in a browser, complete the registration and accept the terms"
	adviceFactor   = "use an account without SecureID, or a client id and secret"
	adviceLicence  = "the subscription or the account does not include this API: ask the subscription's manager"
)

// returns are the codes of the FO API (Qualys documentation: VM/PC API user
// guide, error codes): documented, recorded, or inferred from their names and
// from published clients. All times are inferred.
var returns = map[string]codeRule{
	"999":  {fault.Transient, CodeVendorError, "", 0, ""},                   // inferred; its root GENERIC_RETURN is documented
	"1901": {fault.Refused, CodeUnknownParameter, adviceReport, 0, ""},      // documented
	"1903": {fault.Refused, CodeBadParameter, adviceReport, 0, ""},          // documented: one is missing
	"1904": {fault.Refused, CodeBadParameter, adviceReport, 0, ""},          // documented: only one of some
	"1905": {fault.Refused, CodeBadParameter, "", 0, ""},                    // documented, recorded: an invalid value
	"1907": {fault.Refused, CodeBadParameter, adviceReport, 0, ""},          // documented: values that do not go together
	"1908": {fault.Refused, CodeBadParameter, adviceReport, 0, ""},          // documented: method and parameters
	"1920": {fault.Throttled, CodeTooMany, "", shortWait, ""},               // documented; that it passes is inferred
	"1922": {fault.Refused, CodeBadParameter, adviceReport, 0, ""},          // documented: at least one of some
	"1960": {fault.Throttled, CodeTooMany, "", shortWait, ""},               // documented: too many calls at once
	"1965": {fault.Throttled, transport.CodeThrottled, "", time.Minute, ""}, // documented: too many calls in a period
	"1999": {fault.Transient, CodeMaintenance, "", 0, ""},                   // inferred

	"2000": {fault.Auth, transport.CodeLoginRefused, adviceUser, 0, ""},                                    // inferred
	"2001": {fault.Auth, CodeAccountExpired, adviceExpired, 0, "the account has expired"},                  // recorded, under HTTP 200
	"2002": {fault.Auth, CodeAccountInactive, adviceActive, 0, "the account is not active"},                // inferred
	"2003": {fault.Refused, CodeRegistration, adviceAccept, 0, "the account has not accepted the terms"},   // documented
	"2011": {fault.Refused, CodeSecondFactor, adviceFactor, 0, "the account logs in by SecureID"},          // documented
	"2012": {fault.Refused, CodeNotLicensed, adviceLicence, 0, "the account is not licensed for this API"}, // inferred
}

// shortWait is how long the end of a call that runs elsewhere is waited for.
const shortWait = 10 * time.Second

// success is the response code of a QPS answer that is one.
const success = "SUCCESS"

// responses are the codes of a QPS answer other than success, which arrive
// with HTTP 200: documented for the QPS APIs, recorded, or inferred.
var responses = map[string]codeRule{
	"INVALID_CREDENTIALS":     {fault.Auth, transport.CodeTokenNotAccepted, "", 0, ""}, // recorded
	"INVALID_REQUEST":         {fault.Refused, CodeNotUnderstood, "", 0, ""},           // recorded
	"UNAUTHORIZED":            {fault.Refused, transport.CodeForbidden, "", 0, ""},     // documented
	"INSUFFICIENT_PERMISSION": {fault.Refused, transport.CodeForbidden, "", 0, ""},     // documented
	"OTHER_ERROR":             {fault.Transient, CodeVendorError, "", 0, ""},           // documented
	"EVALUATION_EXPIRED":      {fault.Refused, transport.CodeForbidden, "", 0, ""},     // inferred, as what follows
	"BAD_REQUEST":             {fault.Refused, CodeNotUnderstood, "", 0, ""},
	"INVALID_XML":             {fault.Refused, CodeNotUnderstood, "", 0, ""},
	"INVALID_API_VERSION":     {fault.Refused, CodeNotUnderstood, "", 0, ""},
	"UNSUPPORTED_URL":         {fault.Refused, CodeNotUnderstood, "", 0, ""},
	"MAINTENANCE":             {fault.Transient, CodeMaintenance, "", 0, ""},
	"LIMIT_EXCEEDED":          {fault.Throttled, transport.CodeThrottled, "", time.Minute, ""},
}

// Returned is the error that a code of the FO API means, under whatever status
// it arrived; wait is how long the vendor asks to wait, 0 when it does not
// say. A code that is not known is a Contract error.
func Returned(code, text string, wait time.Duration) *fault.Error {
	return coded(returns, "code "+Short(code), code, text, wait)
}

// Responded is the error that a response code of a QPS API other than success
// means. A code that is not known is a Contract error.
func Responded(code, text string) *fault.Error {
	return coded(responses, Short(code), code, text, 0)
}

func coded(rules map[string]codeRule, name, code, text string, wait time.Duration) *fault.Error {
	f := &fault.Error{
		Class: fault.Contract, Code: CodeUnknown, Message: answered(name, text),
		Advice: "this code is not known here: please report it with this message",
	}
	if rule, known := rules[code]; known {
		rule.apply(f, text, wait)
	}
	return f
}

// states are those of accounts that the words of a refusal may tell where its
// code does not, such as the names of exceptions of /auth (inferred).
var states = []struct {
	words *regexp.Regexp
	rule  codeRule
}{
	{regexp.MustCompile(`(?i)(^|[^a-z])locked([^a-z]|$)|(?-i:[a-z]Locked)`), codeRule{fault.Auth, CodeAccountLocked, adviceLocked, 0, "the account is locked"}},
	{regexp.MustCompile(`(?i)(password|credentials?) ?(is |are |has |have )?expired`), codeRule{fault.Auth, CodePasswordExpired, advicePassword, 0, "the password has expired"}},
	{regexp.MustCompile(`(?i)expired`), returns["2001"]},
	{regexp.MustCompile(`(?i)second ?factor|secureid`), returns["2011"]},
	{regexp.MustCompile(`(?i)terms ?not ?accepted`), returns["2003"]},
	{regexp.MustCompile(`(?i)disabled|inactive|not active|deactivated`), returns["2002"]},
}

var aboutToken = regexp.MustCompile(`(?i)token|jwt`)

// stateIn looks for the state of the account in what the vendor says with a
// refusal of who we are.
func stateIn(text string) (codeRule, bool) {
	if aboutToken.MatchString(text) {
		return codeRule{}, false // it is not the account that has expired
	}
	for _, state := range states {
		if state.words.MatchString(text) {
			return state.rule, true
		}
	}
	return codeRule{}, false
}

// apply makes an error what the rule says; text is the vendor's.
func (r codeRule) apply(f *fault.Error, text string, wait time.Duration) {
	if state, found := stateIn(text); found && r.class == fault.Auth {
		r = state
	}
	f.Class, f.Code, f.Advice, f.Wait = r.class, r.code, r.advice, 0
	if r.class == fault.Throttled {
		f.Wait = wait
		if wait <= 0 {
			f.Wait = r.wait
		}
	}
	if r.says != "" {
		f.Message = r.says + ": " + f.Message
	}
}

// aboutConcurrency is how a 429 may say that too many calls run at the same time
// (inferred: the gateway and the QPS APIs have one status for both limits).
var aboutConcurrency = regexp.MustCompile(`(?i)concurren`)

// refine says what an answer that is no success means by the code in its
// body; see transport.Options.
func refine(f *fault.Error, answer transport.Failure) {
	instead := answer.Status/100 == 2 // XML where JSON was asked for
	if code, text, wait, ok := ParseReturn(answer.Head); ok {
		rule, known := returns[code]
		if instead {
			f.Message = answered("code "+Short(code), text)
		}
		if known && !(rule.code == CodeVendorError && f.Code == transport.CodeUnavailable) { // the status says more
			rule.apply(f, text, max(wait, answer.Wait))
		}
		return
	}
	if f.Class == fault.Throttled && aboutConcurrency.MatchString(Message(answer.Head)) {
		f.Code = CodeTooMany
		if answer.Wait == 0 { // it ends with one of the calls
			f.Wait = shortWait
		}
	}
	r, ok := parseResponse(answer.Head)
	if !ok {
		return
	}
	if instead {
		f.Message = answered(Short(r.code), r.said)
	}
	// Under an error status, that says as much as most codes; but 401 also stands
	// for what one who is logged in may not do (inferred).
	if rule, known := responses[r.code]; known && (instead || rule.class == fault.Auth || f.Class == fault.Auth && rule.code == transport.CodeForbidden) {
		rule.apply(f, r.said, answer.Wait)
	}
}

// answered is the message of a code and the vendor's text with it.
func answered(code, text string) string {
	message := "Qualys answered " + strings.TrimSpace(code)
	if said := sentence(text); said != "" {
		message += ": " + said
	}
	return message
}
