package qualystas

import (
	"encoding/json"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
	"sluice/internal/transport"
)

// Everything that is known, or guessed, about the wire stands in this file.
//
// Documented (Qualys documentation: "Qualys Dataflow for TotalAppSec"): the
// two paths, the fields of a record that the vendor's own connector maps, and
// that delta runs are supported. Everything else is inferred from the APIs
// beside it: the QPS APIs of WAS (dialect "qps") and the newer JSON APIs of
// the gateway (dialect "gateway"). Both are read leniently and alike, whatever
// dialect the request was in; only requests differ.
const (
	pathApplications   = "/tas/rest/webapp/4.0/search"
	pathAPICollections = "/tas/rest/api/1.0/search"

	// fieldID is what records are ordered by.
	fieldID = "id"
	// fieldUpdated is what a delta run compares.
	fieldUpdated = "updatedDate"
	// operatorGreater is strict (inferred).
	operatorGreater = "GREATER"
)

const (
	adviceUserLevel = "TotalAppSec takes only user-level clients (My Profile > Auth ID Client Management > User Level), whose user needs access to TotalAppSec and whose permissions have to include it"
	adviceDialect   = "if other searches work, try the other value of the connector's setting " + qualys.FieldDialect
)

// explain adds to an error of the vendor what is known about this kind.
func explain(f *fault.Error, code string) {
	switch {
	case code == "INVALID_CREDENTIALS":
		f.Advice = "check that the client and its user are active"
	case code == "EVALUATION_EXPIRED":
		f.Advice = "the subscription's evaluation of TotalAppSec has ended"
	case f.Code == transport.CodeForbidden, f.Code == transport.CodeTokenNotAccepted:
		f.Advice = adviceUserLevel
	case f.Code == transport.CodeBadRequest, f.Code == qualys.CodeNotUnderstood:
		f.Advice = adviceDialect
	}
}

// A query is a search, before it is phrased in a dialect.
type query struct {
	qps.Query
	updated string // lower bound of a delta run; empty for none
}

type criterion struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

func (q query) criteria() []criterion {
	list := []criterion{}
	if q.After != "" {
		list = append(list, criterion{fieldID, operatorGreater, q.After})
	}
	if q.updated != "" {
		list = append(list, criterion{fieldUpdated, operatorGreater, q.updated})
	}
	return list
}

type object = map[string]any

// dialects phrase a query as a request body.
var dialects = map[string]func(query) object{
	// Documented for the WAS search: limitResults, a startFromOffset that
	// counts from 1, verbose, Criteria that are all met.
	qualys.DialectQPS: func(q query) object {
		preferences := object{"limitResults": q.Size, "verbose": true}
		if q.Skip > 0 {
			preferences["startFromOffset"] = q.Skip + 1
		}
		request := object{"preferences": preferences}
		if criteria := q.criteria(); len(criteria) > 0 {
			request["filters"] = object{"Criteria": criteria}
		}
		return object{"ServiceRequest": request}
	},
	// Inferred from the gateway's search APIs; the offset counts from 0.
	qualys.DialectGateway: func(q query) object {
		request := object{"filters": q.criteria(), "limit": q.Size}
		if q.Skip > 0 {
			request["offset"] = q.Skip
		}
		return request
	},
}

func phrase(dialect string, q query) []byte {
	body, err := json.Marshal(dialects[dialect](q))
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return body
}
