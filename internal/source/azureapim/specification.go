package azureapim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"sluice/internal/apispec"
	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// specification is what a record says of its API's specification.
type specification struct {
	Hash        string   `json:"hash,omitempty"` // SHA-256 of the document; empty when there is none
	Format      string   `json:"format,omitempty"`
	Bytes       int      `json:"bytes,omitempty"`
	Source      string   `json:"source,omitempty"` // how it was got: a format of an export, "schemas" or "operations"
	Reason      string   `json:"reason,omitempty"` // why there is none, or not the whole
	Flags       []string `json:"flags,omitempty"`  // of apispec, and those below; sorted
	Version     string   `json:"version,omitempty"`
	Title       string   `json:"title,omitempty"`
	APIVersion  string   `json:"apiVersion,omitempty"`
	Servers     []string `json:"servers,omitempty"`
	Schemes     []string `json:"securitySchemes,omitempty"`
	ExportNotes []string `json:"exportNotes,omitempty"`
	Endpoints   int      `json:"endpoints"`
	Deprecated  int      `json:"deprecatedEndpoints,omitempty"`
	// Problem is that of apispec: the document is there, and cannot be read
	// or not to its end.
	Problem string `json:"problem,omitempty"`
}

// Flags besides those of apispec.
const (
	flagNoSubscriptionRequired = "no-subscription-required" // anyone may call it, as far as the gateway's keys go
	flagOffline                = "offline"
	flagNotCurrent             = "not-current" // another revision is the current one
	flagPrivateNetwork         = "private-network"
	flagNotRefreshed           = "not-refreshed" // of an earlier export, since the one of now failed
	flagOperationsOnly         = "operations-only"
)

// sources of documents besides the formats of exports.
const (
	sourceSchemas    = "schemas"
	sourceOperations = "operations"
)

// maxListed bounds lists of texts in a specification.
const maxListed = 20

// fetched is what came of reading a specification.
type fetched struct {
	specification
	document *source.Document
	// passing says that what went wrong may pass: it is tried again soon.
	passing bool
}

// specify reads the specification of an API. What an API's export refuses or
// fails at is told in the reason; an error is one that concerns more than it.
func (r *reader) specify(ctx context.Context, a listed, properties object) (fetched, error) {
	formats := exports[a.typ]
	if formats == nil {
		return fetched{specification: specification{Reason: whyNone(a.typ)}}, nil
	}
	release, err := r.exclusive(ctx, a.family)
	if err != nil {
		return fetched{}, err
	}
	defer release()

	var reasons []string
	passing, skipLinks := false, r.blobs.gone()
	for _, format := range formats {
		if isLink(format) && skipLinks {
			continue
		}
		e := r.session.export(ctx, a, format)
		r.blobs.note(e)
		switch {
		case e.err == nil:
			return describe(e.data, format), nil
		case ctx.Err() != nil || !e.passable():
			return fetched{}, e.err
		}
		if f := fault.As(e.err); f != nil && f.Class == fault.Transient {
			passing = true
		}
		skipLinks = skipLinks || e.downloading && transport.NotReached(e.err)
		reasons = append(reasons, format+": "+azure.Said(e.err))
	}
	if r.blobs.gone() {
		reasons = append(reasons, "links to documents are not followed any more, since their place could not be reached")
		passing = true
	}
	rest, err := r.withoutExport(ctx, a, properties)
	if err != nil {
		return fetched{}, err
	}
	rest.passing = rest.passing || passing
	more := rest.Reason
	rest.Reason = "it cannot be exported (" + strings.Join(reasons, "; ") + ")"
	if rest.document == nil {
		rest.Reason += ", and " + more
	}
	return rest, nil
}

// withoutExport reads what there is besides exports. Without a document the
// reason says why there is none.
func (r *reader) withoutExport(ctx context.Context, a listed, properties object) (fetched, error) {
	if a.typ == typeGraphQL {
		sdl, err := r.session.schema(ctx, a)
		if err != nil || len(sdl) == 0 {
			return nothingElse("schema", err)
		}
		return describe(sdl, sourceSchemas), nil
	}
	required, _ := properties.flag("subscriptionRequired")
	document, err := r.session.operations(ctx, a, required)
	if err != nil || document == nil {
		return nothingElse("operations", err)
	}
	return fetched{document: document, specification: specification{
		Hash: document.Hash, Format: document.Format, Bytes: len(document.Data), Source: sourceOperations,
		Endpoints: len(document.Endpoints), Flags: []string{flagOperationsOnly},
	}}, nil
}

// nothingElse says why there is nothing besides exports: there is none, or it
// could not be read.
func nothingElse(what string, err error) (fetched, error) {
	switch {
	case err == nil:
		return fetched{specification: specification{Reason: "it has no " + what + " either"}}, nil
	case !azure.Skippable(err):
		return fetched{}, err
	}
	return fetched{
		specification: specification{Reason: "its " + what + " cannot be read either: " + azure.Said(err)},
		passing:       fault.As(err).Class == fault.Transient,
	}, nil
}

// hints tell apispec what was asked for.
var hints = map[string]string{
	exportOpenAPILink: apispec.OpenAPIJSON, exportOpenAPI: apispec.OpenAPIJSON, exportSwaggerLink: apispec.SwaggerJSON,
	exportWSDLLink: apispec.WSDL, exportWSDL: apispec.WSDL, exportGraphQLLink: apispec.GraphQL, sourceSchemas: apispec.GraphQL,
}

// describe says what is in a document.
func describe(data []byte, from string) fetched {
	is := apispec.Summarise(data, hints[from])
	out := fetched{
		specification: specification{
			Hash: hashOf(data), Format: is.Format, Bytes: len(data), Source: from, Problem: is.Problem,
			Flags: is.Flags, Version: is.Version, Title: is.Title, APIVersion: is.APIVersion,
			Servers: head(is.Servers), ExportNotes: head(is.ExportNotes), Endpoints: len(is.Endpoints),
		},
		document: &source.Document{Hash: hashOf(data), Format: is.Format, Data: data},
	}
	for _, s := range is.SecuritySchemes {
		out.Schemes = append(out.Schemes, s.Name+" ("+s.Type+")")
	}
	out.Schemes = head(out.Schemes)
	if is.Problem != "" {
		out.Reason = "the specification is kept, and cannot be read, or not to its end: " + is.Problem
	}
	for _, e := range is.Endpoints {
		if e.Deprecated {
			out.Deprecated++
		}
		out.document.Endpoints = append(out.document.Endpoints, source.Endpoint{
			Method: e.Method, Path: e.Path, OperationID: e.OperationID, Deprecated: e.Deprecated, Parameters: e.Parameters, Security: e.Security,
		})
	}
	return out
}

func head(list []string) []string { return list[:min(len(list), maxListed)] }

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// flagged are flags with more of them, sorted and each once.
func flagged(flags []string, more ...string) []string {
	all := append(slices.Clone(flags), more...)
	slices.Sort(all)
	return slices.Compact(all)
}
