package qualys

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

// exchange is one call of the service.
type exchange struct {
	*Service
	*wire.Exchange
}

// words are how the gateway and TotalAppSec word what goes wrong.
type words struct{ *Service }

func (v words) Throttled(x *wire.Exchange, f *faults.Fault) {
	status := f.Status
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	x.RateHeaders(f.RetryAfter)
	gatewayError(x, status, "Request limit exceeded")
}

func (v words) Failed(x *wire.Exchange, status int) {
	gatewayError(x, status, "The request could not be processed")
}

func (v words) ErrorBody(x *wire.Exchange, code string) {
	switch code {
	case "OTHER_ERROR":
		v.serviceError(x, code, "An error occurred during request processing. Please contact your account manager.", "")
	case "INVALID_CREDENTIALS":
		v.serviceError(x, code, "Authentication failed", "Verify both, user and password credentials.")
	default:
		v.serviceError(x, code, "The request was refused", "")
	}
}

func (v words) Opening(_ *wire.Exchange, kind faults.Kind) (contentType, beginning, filler string) {
	const records = `{"ServiceResponse":{"responseCode":"SUCCESS","count":1,"data":[`
	switch kind {
	case faults.EndlessBody:
		return wire.JSON, records + `{"id":1,"name":"`, "a"
	case faults.DeepNesting:
		return wire.JSON, records, "["
	default:
		return wire.JSON, `{"ServiceResponse":`, " "
	}
}

// gatewayError answers in the shape of the gateway's own errors (documented for
// 403, inferred for the others).
func gatewayError(x *wire.Exchange, status int, message string) {
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

// serviceError answers HTTP 200 with an error in the body (documented for the
// QPS APIs).
func (s *Service) serviceError(x *wire.Exchange, code, message, resolution string) {
	type details struct {
		ErrorMessage    string `json:"errorMessage"`
		ErrorResolution string `json:"errorResolution,omitempty"`
	}
	type response struct {
		ResponseCode         string  `json:"responseCode"`
		ResponseErrorDetails details `json:"responseErrorDetails"`
	}
	var answer any = response{code, details{message, resolution}}
	if s.Settings().Dialect == QPS {
		answer = map[string]any{"ServiceResponse": answer}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings only
	}
	x.Send(http.StatusOK, wire.JSON, body)
}
