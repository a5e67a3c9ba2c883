package azure

import (
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/simulator/azure/tree"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

// refuse answers with an error in the form of ARM.
func (q *request) refuse(status int, code, message string) {
	sendError(q.Exchange, status, code, message)
}

// refuseBelow answers with an error in the form of API Management, which says
// that there are no details (recorded).
func (q *request) refuseBelow(status int, code, message string) {
	q.Send(status, contentType, tree.PrettyCRLF(tree.Of("error", tree.Of("code", code, "message", message, "details", nil))))
}

func sendError(x *wire.Exchange, status int, code, message string) {
	x.Send(status, contentType, tree.Compact(tree.Of("error", tree.Of("code", code, "message", message))))
}

func (q *request) unauthorized(code, message string) {
	q.tokens.unauthorized.Add(1)
	q.refuse(http.StatusUnauthorized, code, message)
}

// forbidden answers that the app has no role on a scope.
func (q *request) forbidden(scope string) {
	q.refuse(http.StatusForbidden, "AuthorizationFailed", "The client '"+q.app.ClientID+"' with object id '"+q.app.ObjectID+
		"' does not have authorization to perform action '"+q.route.action+"' over scope '"+scope+
		"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
}

func (q *request) throttled(seconds int) {
	wait := strconv.Itoa(seconds)
	q.W.Header().Set("Retry-After", wait)
	q.remaining(0)
	sendThrottled(q.Exchange, q.route.subscription, q.app.ClientID, wait)
}

func sendThrottled(x *wire.Exchange, subscription, actor, wait string) {
	sendError(x, http.StatusTooManyRequests, "SubscriptionRequestsThrottled", "Number of 'read' requests for subscription '"+subscription+
		"' actor '"+actor+"' exceeded. Please try again after '"+wait+"' seconds.")
}

// remaining sets the counter that the call counts on (documented).
func (q *request) remaining(reads int) {
	name := "x-ms-ratelimit-remaining-tenant-reads"
	if q.route.subscription != "" {
		name = "x-ms-ratelimit-remaining-subscription-reads"
	}
	q.W.Header().Set(name, strconv.Itoa(reads))
}

// retryAfter says how long to wait when a fault says so.
func retryAfter(x *wire.Exchange, f *faults.Fault) string {
	wait := strconv.Itoa(f.RetryAfter)
	if f.RetryAfter > 0 {
		x.W.Header().Set("Retry-After", wait)
	}
	return wait
}

// armWords are how ARM and API Management say that something went wrong.
type armWords struct {
	*Simulator
	subscription string
}

func (a armWords) Throttled(x *wire.Exchange, f *faults.Fault) {
	wait := retryAfter(x, f)
	if f.Status == http.StatusConflict {
		sendError(x, f.Status, "Conflict", "Operation on the API is in progress.")
		return
	}
	sendThrottled(x, a.subscription, a.apps[0].ClientID, wait)
}

func (a armWords) Failed(x *wire.Exchange, status int) {
	if status == http.StatusInternalServerError {
		x.Send(status, contentType, tree.PrettyCRLF(internalError))
		return
	}
	sendError(x, status, strings.ReplaceAll(http.StatusText(status), " ", ""), "The server could not complete the request.")
}

// internalError is recorded for exports of odd APIs.
var internalError = tree.Of("error", tree.Of("code", "InternalServerError", "message", "Request processing failed due to internal error.", "details", nil))

// statusOf is the HTTP status that goes with a code of ARM.
var statusOf = map[string]int{
	"MethodNotAllowedInPricingTier":  http.StatusBadRequest,
	"InvalidSubscriptionId":          http.StatusBadRequest,
	"AuthenticationFailed":           http.StatusUnauthorized,
	"InvalidAuthenticationToken":     http.StatusUnauthorized,
	"ExpiredAuthenticationToken":     http.StatusUnauthorized,
	"AuthorizationFailed":            http.StatusForbidden,
	"SubscriptionNotFound":           http.StatusNotFound,
	"ResourceGroupNotFound":          http.StatusNotFound,
	"ResourceNotFound":               http.StatusNotFound,
	"Conflict":                       http.StatusConflict,
	"PessimisticConcurrencyConflict": http.StatusConflict,
	"PreconditionFailed":             http.StatusPreconditionFailed,
	"ManagementApiRequestFailed":     http.StatusUnprocessableEntity,
	"SubscriptionRequestsThrottled":  http.StatusTooManyRequests,
	"TooManyRequests":                http.StatusTooManyRequests,
}

// ErrorBody answers with the status that goes with a code; a code that is not
// known comes with HTTP 200, which ARM is not known to do.
func (a armWords) ErrorBody(x *wire.Exchange, code string) {
	status := statusOf[code]
	if status == 0 {
		status = http.StatusOK
	}
	sendError(x, status, code, "The request failed ("+code+").")
}

func (a armWords) Opening(_ *wire.Exchange, kind faults.Kind) (string, string, string) {
	return opening(kind, `{"value":`)
}

// opening begins an answer that does not end: a text, brackets inside each
// other, or white space.
func opening(kind faults.Kind, beginning string) (string, string, string) {
	switch kind {
	case faults.EndlessBody:
		return contentType, beginning + `"`, "x"
	case faults.DeepNesting:
		return contentType, beginning, "["
	}
	return contentType, beginning, " "
}
