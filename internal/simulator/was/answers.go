package was

import (
	"net/http"
	"strings"
	"sync"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// xmlType is the media type of answers in XML (recorded).
const xmlType = "application/xml"

// words are how the QPS calls word what goes wrong: by a code in a
// ServiceResponse.
type words struct {
	*Service
	api faults.Endpoint
}

// Admit lets calls of the subscription in as its limits allow. Those that nobody
// is known to make are refused later.
func (v words) Admit(x *wire.Exchange) (leave func(), admitted bool) {
	if !v.directory.Knows(x.R) {
		return func() {}, true
	}
	settings := v.limits.Settings()
	return v.limits.Admit(x, v.api, settings, func(why limit.Refusal) {
		message := limitExceeded
		if why == limit.TooMany {
			message = "Concurrency limit exceeded"
		}
		throttle(x, settings.Status, message)
	})
}

const limitExceeded = "API limit exceeded" // inferred

func (words) Throttled(x *wire.Exchange, f *faults.Fault) {
	status := f.Status
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	x.RateHeaders(f.RetryAfter)
	throttle(x, status, limitExceeded)
}

// throttle refuses a call for now. Status and code are inferred; without a fault
// that says otherwise there are no rate headers, as none were recorded.
func throttle(x *wire.Exchange, status int, message string) {
	refuse(x, status, "LIMIT_EXCEEDED", message, "Try again later.")
}

func (words) Failed(x *wire.Exchange, status int) {
	refuse(x, status, "OTHER_ERROR", otherError, "")
}

const otherError = "An error occurred during request processing. Please contact your account manager." // recorded

func (words) ErrorBody(x *wire.Exchange, code string) {
	switch code {
	case "OTHER_ERROR":
		refuse(x, http.StatusOK, code, otherError, "")
	case "INVALID_CREDENTIALS":
		invalidCredentials(x)
	case "INVALID_REQUEST":
		refuse(x, http.StatusOK, code, "Criteria: Invalid value format for criteria 'webApp.id' (abc123).", "Specify criteria value(s) as Long.")
	default:
		refuse(x, http.StatusOK, code, "The request was refused", "")
	}
}

func (words) Opening(x *wire.Exchange, kind faults.Kind) (contentType, beginning, filler string) {
	if dialectOf(x.R.Header.Get("Accept")) == jsonDialect {
		const records = `{"ServiceResponse":{"responseCode":"SUCCESS","count":1,"data":[`
		switch kind {
		case faults.EndlessBody:
			return wire.JSON, records + `{"Finding":{"id":1,"name":"`, "a"
		case faults.DeepNesting:
			return wire.JSON, records, "["
		default:
			return wire.JSON, `{"ServiceResponse":`, " "
		}
	}
	const records = xmlHeader + "\n<ServiceResponse><responseCode>SUCCESS</responseCode><count>1</count><data>"
	switch kind {
	case faults.EndlessBody:
		return xmlType, records + "<Finding><id>1</id><name><![CDATA[", "a"
	case faults.DeepNesting:
		return xmlType, records, "<Finding>"
	default:
		return xmlType, xmlHeader, " "
	}
}

const (
	xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>`
	// Of an answer about no class of records; that of wrong credentials is
	// another API's (recorded).
	versionSchema = "version.xsd"
	refusedSchema = "2.0/am/hostasset.xsd"
	tagSchema     = "2.0/am/tag.xsd"

	// The pod, and what stands for the subscription and its user.
	poweredBy = "Qualys:USPOD03:7d0c1d52-91f3-8a0e-81b7-2f6c2a9de410:1b52f7c8-30e4-c9d6-8d0a-66e1f04ab93c"
)

func schemaOf(class string) string { return "3.0/" + class + ".xsd" }

// answer is a ServiceResponse that is being written.
type answer struct {
	*writer
	x      *wire.Exchange
	schema string
}

// respond begins an answer in the dialect that the caller accepts.
func respond(x *wire.Exchange, status int, schema, code string) *answer {
	w := writers.Get().(*writer)
	w.dialect = dialectOf(x.R.Header.Get("Accept"))
	w.out = x.Body()
	w.padded = w.dialect == xmlDialect && x.Meets(faults.PaddedCDATA)
	a := &answer{writer: w, x: x, schema: schema}
	a.headers(status, code)
	if w.dialect == jsonDialect {
		w.buf = append(w.buf, '{')
		w.first = true
		w.open("ServiceResponse")
	} else {
		a.openXML()
	}
	w.word("responseCode", code)
	return a
}

// headers sets what the vendor's answers carry (recorded: these, and no rate
// headers).
func (a *answer) headers(status int, code string) {
	h := a.x.W.Header()
	h.Set("Server", "Apache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Powered-By", poweredBy)
	if code == "SUCCESS" {
		h.Set("Evaluation", "false")
	}
	h.Set("Content-Type", xmlType)
	if a.dialect == jsonDialect {
		h.Set("Content-Type", wire.JSON)
	}
	a.x.W.WriteHeader(status)
}

func (a *answer) openXML() {
	a.buf = append(a.buf, xmlHeader...)
	commented := a.x.Fault(faults.Comments) != nil
	if commented {
		a.x.Plan.Served(faults.Comments)
		a.comment("generated for a trial account; <ServiceResponse> follows")
	}
	a.buf = append(a.buf, "\n"+`<ServiceResponse xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" `+
		`xsi:noNamespaceSchemaLocation="https://`+escape.Replace(a.x.R.Host)+`/qps/xsd/`+a.schema+`">`...)
	a.depth = 1
	if commented {
		a.comment("keep-alive for ServiceResponse")
	}
}

// end completes the answer and sends what is left of it.
func (a *answer) end() {
	if a.dialect == jsonDialect {
		a.close("ServiceResponse")
		a.buf = append(a.buf, '}')
	} else {
		a.depth = 0
		a.buf = append(a.buf, "\n</ServiceResponse>"...)
		if a.x.Fault(faults.Comments) != nil {
			a.comment("end of ServiceResponse & thanks")
		}
	}
	if a.x.Broken() { // an answer without records breaks off half way
		a.buf = a.buf[:len(a.buf)/2]
		a.breakOff()
		return
	}
	a.flush()
	a.release()
}

// breakOff ends the answer where it is.
func (a *answer) breakOff() {
	a.flush()
	x := a.x
	a.release()
	x.BreakOff()
}

func (a *answer) release() {
	w := a.writer
	a.writer = nil
	if cap(w.buf) <= keepBufferAt {
		*w = writer{buf: w.buf[:0]}
		writers.Put(w)
	}
}

var writers = sync.Pool{New: func() any { return &writer{buf: make([]byte, 0, 2*flushAt)} }}

// refuse answers with an error: a code, a message and, where there is one, a
// resolution (recorded).
func refuse(x *wire.Exchange, status int, code, message, resolution string) {
	schema := versionSchema
	if code == "INVALID_CREDENTIALS" {
		schema = refusedSchema
	} else if _, class, found := strings.Cut(x.R.URL.Path, "/was/"); found {
		class, _, _ = strings.Cut(class, "/")
		schema = schemaOf("was/" + class)
	}
	a := respond(x, status, schema, code)
	a.open("responseErrorDetails")
	a.word("errorMessage", message)
	if resolution != "" {
		a.word("errorResolution", resolution)
	}
	a.close("responseErrorDetails")
	a.end()
}

func invalidCredentials(x *wire.Exchange) {
	refuse(x, http.StatusOK, "INVALID_CREDENTIALS", "Authentication failed", "Verify both, user and password credentials.")
}
