package qualys

import (
	"encoding/json"
	"net/http"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/gateway"
	"sluice/internal/simulator/wire"
)

// exchange is one call of the service.
type exchange struct {
	*Service
	*wire.Exchange
}

// words are how the token endpoints and TotalAppSec word what goes wrong: as the
// gateway does, but for errors and records in answers.
type words struct {
	gateway.Words
	service *Service
}

// unlimited are the words of the token endpoints, whose calls are not limited
// (documented).
type unlimited struct{ wire.Words }

func (v words) ErrorBody(x *wire.Exchange, code string) {
	switch code {
	case "OTHER_ERROR":
		v.service.serviceError(x, code, "An error occurred during request processing. Please contact your account manager.", "")
	case "INVALID_CREDENTIALS":
		v.service.serviceError(x, code, "Authentication failed", "Verify both, user and password credentials.")
	default:
		v.service.serviceError(x, code, "The request was refused", "")
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
