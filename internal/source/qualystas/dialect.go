package qualystas

import (
	"encoding/json"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
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

	// fieldID is what records are ordered by and the cursor compares.
	fieldID = "id"
	// fieldUpdated is what a delta run compares.
	fieldUpdated = "updatedDate"
	// operatorGreater is strict (inferred).
	operatorGreater = "GREATER"
	// timeLayout is how dates are sent, in UTC (documented for WAS).
	timeLayout = "2006-01-02T15:04:05Z"

	// defaultPageSize is the largest page that the QPS APIs give (inferred).
	// Small pages cost a round trip each: over loopback, 100 records a page
	// are read at three quarters of the speed of 1000 (BenchmarkRead), and
	// with a second of latency at a tenth of it.
	defaultPageSize = 1000
	// modestPageSize is asked for when a vendor refuses more: the default of
	// the QPS APIs (inferred), and within what all known clients ask for.
	modestPageSize = 100
)

// Names that may occur in an answer. Others are skipped.
var (
	// containers are objects whose members count as the envelope's own.
	containers = set("ServiceResponse", "data", "list", "content", "assets")
	// arrays may hold the records; the first one found does.
	arrays = set("data", "list", "content", "assets")

	namesCode    = set("responseCode")
	namesCount   = set("count")
	namesTotal   = set("totalCount")
	namesMore    = set("hasMoreRecords", "hasMore")
	namesLastID  = set("lastId")
	namesMessage = set("responseErrorDetails", "responseMessage", "errorMessage", "message", "error")

	// yes and no are how booleans are spelled, after unquoting.
	yes = set("true", "TRUE", "True", "1")
	no  = set("false", "FALSE", "False", "0")

	// successCodes are the response codes of an answer with records.
	successCodes = set("SUCCESS", "success", "200")
)

// A codeRule says what a response code other than success means.
type codeRule struct {
	class  fault.Class
	code   string
	advice string
}

// responseCodes, which arrive with HTTP 200. INVALID_CREDENTIALS,
// INVALID_REQUEST and OTHER_ERROR are documented for the QPS APIs, the others
// inferred. A code that is not here is a contract error.
var responseCodes = map[string]codeRule{
	"INVALID_CREDENTIALS":     {fault.Auth, "token-not-accepted", "check that the client and its user are active"},
	"UNAUTHORIZED":            {fault.Refused, transport.CodeForbidden, adviceUserLevel},
	"INSUFFICIENT_PERMISSION": {fault.Refused, transport.CodeForbidden, adviceUserLevel},
	"EVALUATION_EXPIRED":      {fault.Refused, transport.CodeForbidden, "the subscription's evaluation of TotalAppSec has ended"},
	"INVALID_REQUEST":         {fault.Refused, codeNotUnderstood, adviceDialect},
	"BAD_REQUEST":             {fault.Refused, codeNotUnderstood, adviceDialect},
	"INVALID_API_VERSION":     {fault.Refused, codeNotUnderstood, adviceDialect},
	"UNSUPPORTED_URL":         {fault.Refused, codeNotUnderstood, adviceDialect},
	"MAINTENANCE":             {fault.Transient, "maintenance", ""},
	"OTHER_ERROR":             {fault.Transient, codeVendorError, ""},
	"LIMIT_EXCEEDED":          {fault.Throttled, "throttled", ""},
}

// limitWait is waited for after LIMIT_EXCEEDED, which names no time.
const limitWait = time.Minute

const (
	codeNotUnderstood = "request-not-understood"

	adviceUserLevel = "TotalAppSec takes only user-level clients (My Profile > Auth ID Client Management > User Level), whose user needs access to TotalAppSec and whose permissions have to include it"
	adviceDialect   = "if other searches work, try the other value of the connector's setting " + qualys.FieldDialect
)

// A query is a search, before it is phrased in a dialect.
type query struct {
	after   string // only ids above this; empty for all
	updated time.Time
	size    int
	skip    int // leave out so many of the first records
}

type criterion struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

func (q query) criteria() []criterion {
	list := []criterion{}
	if q.after != "" {
		list = append(list, criterion{fieldID, operatorGreater, q.after})
	}
	if !q.updated.IsZero() {
		list = append(list, criterion{fieldUpdated, operatorGreater, q.updated.UTC().Format(timeLayout)})
	}
	return list
}

type object = map[string]any

// dialects phrase a query as a request body.
var dialects = map[string]func(query) object{
	// Documented for the WAS search: limitResults, a startFromOffset that
	// counts from 1, verbose, Criteria that are all met.
	qualys.DialectQPS: func(q query) object {
		preferences := object{"limitResults": q.size, "verbose": true}
		if q.skip > 0 {
			preferences["startFromOffset"] = q.skip + 1
		}
		request := object{"preferences": preferences}
		if criteria := q.criteria(); len(criteria) > 0 {
			request["filters"] = object{"Criteria": criteria}
		}
		return object{"ServiceRequest": request}
	},
	// Inferred from the gateway's search APIs; the offset counts from 0.
	qualys.DialectGateway: func(q query) object {
		request := object{"filters": q.criteria(), "limit": q.size}
		if q.skip > 0 {
			request["offset"] = q.skip
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

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
