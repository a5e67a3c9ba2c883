package fo

import (
	"net/http"
	"strconv"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

const (
	contentXML     = "application/xml"
	contentTextXML = "text/xml;charset=UTF-8"
)

// returns are the vendor's errors by code (documented, unless inferred in part:
// the statuses of 999, 1999, 2000, 2002 and 2012).
var returns = map[int]struct {
	status int
	text   string
}{
	999:  {http.StatusNotImplemented, "Internal error. Please contact customer support."},
	1920: {http.StatusConflict, "The requested operation is blocked by one or more existing Business Objects."},
	1960: {http.StatusConflict, "This API cannot be run again until 1 currently running API instance has finished."},
	1965: {http.StatusConflict, "This API cannot be run again for another 1 minutes and 0 seconds."},
	1999: {http.StatusServiceUnavailable, "We are performing scheduled maintenance on our system. We apologize for any inconvenience."},
	2000: {http.StatusUnauthorized, "Bad Login/Password"},
	2001: {http.StatusOK, "This account has expired."}, // recorded: HTTP 200
	2002: {http.StatusUnauthorized, "This account is inactive."},
	2003: {http.StatusConflict, "Registration must be completed before API requests will be served for this account"},
	2011: {http.StatusConflict, "SecureID authentication is required for this account, so API access is blocked"},
	2012: {http.StatusForbidden, "User license is not authorized to run this API."},
}

// refuseCode answers with one of the vendor's errors. Those that concern the
// account come without the headers of limits (recorded).
func refuseCode(x *wire.Exchange, v Settings, code int) {
	r := returns[code]
	if code >= 2000 {
		for _, name := range []string{
			"X-RateLimit-Limit", "X-RateLimit-Window-Sec", "X-RateLimit-Remaining", "X-RateLimit-ToWait-Sec",
			"X-Concurrency-Limit-Limit", "X-Concurrency-Limit-Running",
		} {
			x.W.Header().Del(name)
		}
	}
	switch code {
	case 999:
		genericReturn(x, v, r.status, code, r.text)
	case 1960:
		tooMany(x, v, 1)
	case 1965:
		tooOften(x, v, 60)
	default:
		simpleReturn(x, v, r.status, code, r.text)
	}
}

// locked answers that an account is locked (inferred: as one that is inactive).
func locked(x *wire.Exchange, v Settings) {
	simpleReturn(x, v, returns[2002].status, 2002, "This account is locked. Please contact your Manager.")
}

// simpleReturn answers with a SIMPLE_RETURN; items are keys and values. Recorded:
// the XML declaration is there with some and missing with others.
func simpleReturn(x *wire.Exchange, v Settings, status, code int, text string, items ...string) {
	d := document{}
	if status == http.StatusOK {
		d.text(`<?xml version="1.0" encoding="UTF-8" ?>` + "\n")
	}
	d.text(`<!DOCTYPE SIMPLE_RETURN SYSTEM "` + v.PublicURL + `/api/2.0/simple_return.dtd">` + "\n")
	d.open("SIMPLE_RETURN")
	d.open("RESPONSE")
	d.date("DATETIME", x.Now())
	d.number("CODE", int64(code))
	d.element("TEXT", text)
	if len(items) > 0 {
		d.open("ITEM_LIST")
		for i := 0; i < len(items); i += 2 {
			d.open("ITEM")
			d.element("KEY", items[i])
			d.element("VALUE", items[i+1])
			d.close("ITEM")
		}
		d.close("ITEM_LIST")
	}
	d.close("RESPONSE")
	d.close("SIMPLE_RETURN")
	x.Send(status, contentXML, d.buf)
}

// genericReturn answers with the other root element that errors have.
func genericReturn(x *wire.Exchange, v Settings, status, code int, text string) {
	x.Send(status, contentTextXML, []byte(`<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE GENERIC_RETURN SYSTEM "`+v.PublicURL+`/generic_return.dtd">
<GENERIC_RETURN>
  <API name="`+x.R.URL.Path+`" at="`+x.Now().UTC().Format(time.RFC3339)+`"/>
  <RETURN status="FAILED" number="`+strconv.Itoa(code)+`">
  `+text+`
  </RETURN>
</GENERIC_RETURN>
`))
}

// words are how the FO API words what goes wrong.
type words struct {
	*Service
	api api
}

func (v words) Throttled(x *wire.Exchange, f *faults.Fault) {
	if f.Status == http.StatusTooManyRequests {
		x.RateHeaders(f.RetryAfter)
		x.Send(f.Status, wire.HTML, []byte("<html><body>Too Many Requests</body></html>"))
		return
	}
	h := x.W.Header()
	h.Set("X-RateLimit-Remaining", "0")
	h.Del("X-RateLimit-ToWait-Sec")
	if f.RetryAfter > 0 && !v.Settings().LateToWait {
		h.Set("X-RateLimit-ToWait-Sec", strconv.Itoa(f.RetryAfter))
	}
	tooOften(x, v.Settings(), f.RetryAfter)
}

func (v words) Failed(x *wire.Exchange, status int) {
	genericReturn(x, v.Settings(), status, 999, returns[999].text)
}

// ErrorBody answers with the error of a code, in the status that goes with it; a
// code that is not known comes with HTTP 200.
func (v words) ErrorBody(x *wire.Exchange, code string) {
	n, err := strconv.Atoi(code)
	if err != nil {
		n = 999
	}
	if _, known := returns[n]; known {
		refuseCode(x, v.Settings(), n)
		return
	}
	simpleReturn(x, v.Settings(), http.StatusOK, n, "The request was refused")
}

func (v words) Opening(x *wire.Exchange, kind faults.Kind) (contentType, beginning, filler string) {
	d := document{}
	v.api.begin(&d, v.Settings(), "2.0", false)
	v.api.respond(&d, x.Now(), false)
	d.open(v.api.list)
	switch kind {
	case faults.EndlessBody:
		return v.api.contentType, string(d.buf) + "<" + v.api.record + "><TITLE>", "a"
	case faults.DeepNesting:
		return v.api.contentType, string(d.buf), "<A>"
	default:
		return v.api.contentType, string(d.buf), " "
	}
}

const evaluation = "<!-- This report was generated with an evaluation version of Qualys //--> \n"

// begin writes how an answer begins: declaration, DOCTYPE with a remote DTD, and
// the root element.
func (a api) begin(d *document, v Settings, version string, comments bool) {
	d.text(`<?xml version="1.0" encoding="UTF-8" ?>` + "\n")
	if comments {
		d.text("<!-- before <" + a.root + "> & the DOCTYPE -->\n")
	}
	d.text("<!DOCTYPE " + a.root + ` SYSTEM "` + v.PublicURL + "/api/" + version + a.dtd + `">` + "\n")
	if comments {
		d.text(evaluation)
	}
	d.open(a.root)
}

// respond writes what precedes the list.
func (a api) respond(d *document, now time.Time, comments bool) {
	d.open("RESPONSE")
	d.date("DATETIME", now)
	if comments {
		d.text("<!-- keep-alive for " + a.root + "  -->\n")
	}
}

// end closes the answer; comments follow the root element.
func (a api) end(d *document, comments bool) {
	d.close("RESPONSE")
	d.close(a.root)
	if comments {
		d.text(evaluation + "<!-- CONFIDENTIAL. The service is provided \"As Is,\" without any warranty of any kind. //--> \n<!-- keep-alive for " + a.root + "  -->")
	}
}
