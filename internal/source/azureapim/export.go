package azureapim

import (
	"bytes"
	"context"
	"encoding/json"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/transport"
)

// Formats of an export (Azure documentation: "APIs - Export"; the one for
// GraphQL is of Microsoft's own tools). Those with "link" are answered with a
// link to a document, which is good for five minutes.
const (
	exportOpenAPILink = "openapi+json-link"
	exportSwaggerLink = "swagger-link"
	exportOpenAPI     = "openapi+json"
	exportWSDLLink    = "wsdl-link"
	exportWSDL        = "wsdl"
	exportGraphQLLink = "graphql-link"
)

// exports are the formats to ask for, in this order, by type of API. Types
// that are not here have no document of their own.
var exports = map[string][]string{
	typeHTTP:    {exportOpenAPILink, exportSwaggerLink, exportOpenAPI},
	typeSOAP:    {exportWSDLLink, exportWSDL},
	typeGraphQL: {exportGraphQLLink},
}

func isLink(format string) bool {
	return format == exportOpenAPILink || format == exportSwaggerLink || format == exportWSDLLink || format == exportGraphQLLink
}

// exportsOfLink is how often an export is made anew because its link had
// ended before it was used.
const exportsOfLink = 3

// exported is a document, or why there is none.
type exported struct {
	data []byte
	err  error
	// downloading says that the error is one of the download.
	downloading bool
}

// export gets an API's document in a format. Nobody else may export one of
// the API's family meanwhile.
func (s *session) export(ctx context.Context, a listed, format string) exported {
	for try := 1; ; try++ {
		answer, err := s.client.Export(ctx, a.at.path(), a.version, format)
		if err != nil {
			return exported{err: err}
		}
		link, data := readExport(answer.Body)
		switch {
		case link == "" && len(data) == 0:
			return exported{err: &fault.Error{
				Class: fault.Contract, Code: "unreadable-answer", Message: "Azure answered the export as " + format + " with neither a document nor a link to one",
			}}
		case link == "":
			return exported{data: data}
		}
		data, err = s.client.Download(ctx, link)
		if f := fault.As(err); f != nil && f.Code == azure.CodeLinkEnded && try < exportsOfLink {
			continue
		}
		if err == nil && len(bytes.TrimSpace(data)) == 0 {
			err = &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: "the document that Azure exported as " + format + " is empty"}
		}
		return exported{data: data, err: err, downloading: err != nil}
	}
}

// readExport reads an export's answer, which has at least three shapes:
// properties.value.link is recorded, value.link documented, link reported. In
// place of the object with the link there can be the document itself, as a
// text or as an object; or the answer is the document.
func readExport(body []byte) (link string, document []byte) {
	o := readObject(body)
	if o == nil || o["openapi"] != nil || o["swagger"] != nil {
		var text string
		if json.Unmarshal(body, &text) == nil {
			return "", []byte(text)
		}
		return "", bytes.TrimSpace(body)
	}
	for _, holder := range []object{o.object("properties"), o} {
		value := holder["value"]
		if in := readObject(value); in != nil {
			if link := in.text("link"); link != "" {
				return link, nil
			}
			return "", value
		}
		if text := holder.text("value"); text != "" {
			return "", []byte(text)
		}
		if link := holder.text("link"); link != "" {
			return link, nil
		}
	}
	return "", nil
}

// passable says whether an error of an export leaves the API to be read in
// another way: all but those of the network, the credentials and the throttle.
// An export that takes too long is cut off by the vendor's front (504).
func (e exported) passable() bool {
	f := fault.As(e.err)
	return f != nil && (e.downloading || f.Code == transport.CodeUnavailable || azure.Skippable(e.err))
}
