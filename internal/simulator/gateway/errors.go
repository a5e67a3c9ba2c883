package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// Error answers in the shape of the gateway's own errors (documented for 403,
// inferred for the others).
func Error(x *wire.Exchange, status int, message string) {
	body, err := json.Marshal(struct {
		ErrorCode string `json:"errorCode"`
		Message   string `json:"message"`
		Timestamp int64  `json:"timestamp"`
	}{
		strconv.Itoa(status) + " " + strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_")),
		message,
		x.Now().UnixMilli(),
	})
	if err != nil {
		panic(err) // strings and a number
	}
	x.Send(status, wire.JSON, body)
}

// Unauthorized answers 401, in the documented shape.
func Unauthorized(x *wire.Exchange, message string) {
	x.Counters.Unauthorized.Add(1)
	body, err := json.Marshal(struct {
		Status  int    `json:"status"`
		Error   string `json:"error"`
		Message string `json:"message"`
	}{http.StatusUnauthorized, http.StatusText(http.StatusUnauthorized), message})
	if err != nil {
		panic(err) // strings and a number
	}
	x.Send(http.StatusUnauthorized, wire.JSON, body)
}

// Application is one of the gateway's, as far as it refuses callers.
type Application struct {
	App        account.App
	Permission string // "FIM.API.ACCESS"
	// UserLevel: tokens of the subscription's client will not do.
	UserLevel bool
	// ClientsOnly: tokens of a name and a password will not do.
	ClientsOnly bool
	// Unlicensed is the status for one that is not in the subscription.
	Unlicensed int
}

// Authorise finds out who calls an application, and answers the call when they
// may not. The gateway takes tokens only. The wording of a missing permission is
// documented for another module; that of a missing licence is inferred.
func (a Application) Authorise(x *wire.Exchange, directory *account.Directory) (account.Caller, bool) {
	if _, _, basic := x.R.BasicAuth(); basic {
		Unauthorized(x, account.ErrNotAuthenticated.Error())
		return account.Caller{}, false
	}
	caller, err := directory.Authenticate(x.R)
	if err != nil {
		message := account.ErrNotAuthenticated.Error()
		if token, is := err.(account.TokenError); is {
			message = token.Error()
		}
		Unauthorized(x, message)
		return account.Caller{}, false
	}
	permission := "The " + caller.Name + " user does not have the " + a.Permission + " permission to perform this operation."
	switch access := caller.Access(a.App); {
	case a.UserLevel && caller.Level == account.SubscriptionLevel:
		Error(x, http.StatusForbidden, strings.Replace(permission, " user ", " client ", 1))
	case a.ClientsOnly && caller.Level == account.SignedIn:
		Error(x, http.StatusForbidden, permission)
	case caller.TermsNotAccepted: // inferred
		Error(x, http.StatusForbidden, "The "+caller.Name+" user has not accepted the service agreement.")
	case access == account.NotLicensed && a.Unlicensed == http.StatusUnauthorized:
		Unauthorized(x, "The module is not enabled for the subscription")
	case access == account.NotLicensed:
		Error(x, a.Unlicensed, "The module is not enabled for the subscription of the "+caller.Name+" user.")
	case access == account.NotPermitted:
		Error(x, http.StatusForbidden, permission)
	default:
		return caller, true
	}
	return caller, false
}

// Words are how the gateway words what goes wrong, where a module has no words of
// its own.
type Words struct {
	Limits    *limit.Group
	Directory *account.Directory
	API       faults.Endpoint
	// Content is the media type of answers, and Record how one begins that has
	// records.
	Content, Record string
	Silent          bool // nothing is said of limits
}

const limitExceeded = "Request limit exceeded" // inferred

// Admit lets calls of the subscription in as its limits allow. Those that nobody
// is known to make are refused later.
func (v Words) Admit(x *wire.Exchange) (leave func(), admitted bool) {
	if !v.Directory.Knows(x.R) {
		return func() {}, true
	}
	settings := v.Limits.Settings()
	if v.Silent {
		settings.Headers, settings.RetryAfter, settings.ConcurrencyHeader = limit.SayNothing, false, false
	}
	return v.Limits.Admit(x, v.API, settings, func(why limit.Refusal) {
		message := limitExceeded
		if why == limit.TooMany {
			message = "Concurrent request limit exceeded"
		}
		Error(x, settings.Status, message)
	})
}

// Throttled implements wire.Words.
func (v Words) Throttled(x *wire.Exchange, f *faults.Fault) {
	status := f.Status
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	x.RateHeaders(f.RetryAfter)
	Error(x, status, limitExceeded)
}

// Failed implements wire.Words.
func (v Words) Failed(x *wire.Exchange, status int) {
	Error(x, status, "The request could not be processed")
}

// ErrorBody implements wire.Words; the shape is that of the gateway's errors,
// inferred.
func (v Words) ErrorBody(x *wire.Exchange, code string) {
	body, err := json.Marshal(map[string]string{"errorCode": code, "message": "The request was refused"})
	if err != nil {
		panic(err) // strings only
	}
	x.Send(http.StatusOK, v.Content, body)
}

// Opening implements wire.Words.
func (v Words) Opening(_ *wire.Exchange, kind faults.Kind) (contentType, beginning, filler string) {
	switch kind {
	case faults.EndlessBody:
		return v.Content, v.Record + `"`, "a"
	case faults.DeepNesting:
		return v.Content, v.Record, "["
	default:
		return v.Content, "{", " "
	}
}
