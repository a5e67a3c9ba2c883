package qps

// fieldID is what records are ordered by and the cursor compares.
const fieldID = "id"

// Names that may occur in an answer. Others are skipped. ServiceResponse,
// data, responseCode, count, hasMoreRecords, lastId and responseErrorDetails
// are those of the QPS APIs (recorded), the others of newer JSON APIs of the
// gateway.
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

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
