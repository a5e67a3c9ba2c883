package azure

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/azure/tree"
)

// export answers GET .../apis/{api}?export=true&format=...
func (q *request) export() {
	asked := q.query.Get("format")
	format, linked := strings.CutSuffix(asked, "-link")
	f := spec.Format(format)
	r := q.target.api
	switch {
	case !exportable(f) || f == spec.GraphQL && !linked: // text inferred
		q.refuseBelow(http.StatusBadRequest, "ValidationError", "Export format '"+asked+"' is not supported.")
		return
	case f == spec.GraphQL && r.Type == estate.GraphQL && r.Odd == estate.NotDownloadable: // status documented
		q.refuseBelow(http.StatusNotAcceptable, "NotAcceptable", "The schema of the API cannot be downloaded.")
		return
	case !fits(f, r.Type): // inferred
		q.refuseBelow(http.StatusBadRequest, "ValidationError", "Export format '"+asked+"' is not supported for APIs of type '"+string(r.Type)+"'.")
		return
	case fails(r.Odd, f, linked):
		q.Send(http.StatusInternalServerError, contentType, tree.PrettyCRLF(internalError))
		return
	}
	q.W.Header().Set("ETag", r.ETag()) // the same as that of the API (recorded)
	if !linked {
		q.exportInline(r, f)
		return
	}
	if q.settings.Shape == ShapeInline {
		q.pretty(q.wrapped(r, asked, string(r.Document().Bytes(f))))
		return
	}
	link, err := q.putBlob(r, f)
	if err != nil {
		q.refuseBelow(http.StatusInternalServerError, "SimulatorNotSetUp", err.Error())
		return
	}
	q.wait(q.settings.ExportDelay)
	switch q.settings.Shape {
	case ShapeC:
		q.pretty(tree.Of("link", link))
	case ShapeB:
		q.pretty(tree.Of("id", r.Path(), "format", resultFormat(asked), "value", tree.Of("link", link)))
	default:
		q.pretty(q.wrapped(r, resultFormat(asked), tree.Of("link", link)))
	}
}

func (q *request) wrapped(r estate.Revision, format string, value any) tree.Object {
	return tree.Of("id", r.Path(), "type", resourceType(r), "name", r.FullName(), "properties", tree.Of("format", format, "value", value))
}

// resultFormat is what an answer calls the format: for Swagger another name than
// the one it is asked for by (documented).
func resultFormat(asked string) string {
	if asked == "swagger-link" {
		return "swagger-link-json"
	}
	return asked
}

// exportInline answers with the document itself, in one of the shapes that were
// seen.
func (q *request) exportInline(r estate.Revision, f spec.Format) {
	data := r.Document().Bytes(f)
	switch q.settings.InlineShape {
	case InlineRaw:
		q.send(http.StatusOK, data)
	case InlineObject:
		var value any = string(data)
		if document := strings.TrimPrefix(string(data), "\ufeff"); json.Valid([]byte(document)) {
			value = tree.Verbatim(document)
		}
		q.pretty(tree.Of("id", r.Path(), "format", string(f), "value", value))
	default:
		q.pretty(q.wrapped(r, string(f), string(data)))
	}
}

func exportable(f spec.Format) bool {
	switch f {
	case spec.OpenAPIJSON, spec.OpenAPIYAML, spec.Swagger, spec.WADL, spec.WSDL, spec.GraphQL:
		return true
	}
	return false
}

// fits tells whether APIs of a type can be exported in a format (reported for
// most; inferred that the others are refused).
func fits(f spec.Format, t estate.Type) bool {
	switch t {
	case estate.HTTP:
		return f != spec.WSDL && f != spec.GraphQL
	case estate.SOAP: // OpenAPI is not useful: all operations are POST /?soapAction=...
		return f != spec.GraphQL
	case estate.GraphQL:
		return f == spec.GraphQL
	}
	return false
}

// fails tells whether an export is answered 500, each time.
func fails(odd estate.Oddity, f spec.Format, linked bool) bool {
	switch odd {
	case estate.LinksFail:
		return linked
	case estate.OpenAPIFails:
		return f == spec.OpenAPIJSON || f == spec.OpenAPIYAML
	case estate.EverythingFails:
		return true
	}
	return false
}

// wait holds the answer back, as long as the caller waits for it.
func (q *request) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.R.Context().Done():
	}
}
