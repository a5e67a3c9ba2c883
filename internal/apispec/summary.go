package apispec

import (
	"bytes"
	"fmt"
	"strings"
)

// Formats of a specification.
const (
	OpenAPIJSON = "openapi+json"
	OpenAPIYAML = "openapi+yaml"
	SwaggerJSON = "swagger+json"
	SwaggerYAML = "swagger+yaml"
	WSDL        = "wsdl"
	GraphQL     = "graphql"
	Unknown     = "unknown"
)

// What the document says about who may call an endpoint. An export of Azure
// API Management never carries the security of the backend, so SecurityUnknown
// must not be shown as open to all.
const (
	SecurityRequired = "required" // some scheme is asked for
	SecurityNone     = "none"     // stated: an empty list, or an empty alternative
	SecurityUnknown  = "unknown"  // nothing is said, neither here nor for all
)

// Summary is what a specification says. Texts are valid UTF-8 and cut to 512
// bytes (paths to 2,048).
type Summary struct {
	Format     string // one of the Formats
	Version    string // of the format: "3.0.1", "2.0", WSDL "1.1"; GraphQL has none
	Title      string // info.title; of WSDL the name of the service
	APIVersion string // info.version as written

	// Servers are the addresses in the order of the document, with the
	// defaults of their variables put in. Of Swagger 2.0 they are made of
	// schemes, host and basePath: "//host/base" without schemes, "/base"
	// without host. Of WSDL they are the addresses of the ports.
	Servers []string

	// Endpoints in the order of the document; a method and path stand once.
	Endpoints []Endpoint
	Paths     int // entries of paths, also those without an endpoint

	SecuritySchemes []Scheme
	Flags           []string // what is worth knowing (Flag constants), sorted

	// ExportNotes are what the exporting gateway says that it left out.
	ExportNotes []string

	// Problem is empty when the document was read to its end. Otherwise it is
	// the reason why the counts are missing or incomplete: a stable code, a
	// colon and a sentence, such as "truncated: the JSON ends too early …".
	// What could be read stands in the other fields.
	Problem string
}

// Endpoint is something that can be called.
type Endpoint struct {
	// Method is the HTTP method in upper case. Of GraphQL it is QUERY, MUTATION
	// or SUBSCRIPTION, of WSDL it is SOAP.
	Method string
	// Path is the path template as written. Of GraphQL it is the name of the
	// field, of WSDL "portType/operation".
	Path        string
	OperationID string
	Deprecated  bool
	// Parameters of the path and of the operation together. The body is one in
	// Swagger 2.0, and is none in OpenAPI 3 (requestBody). Of GraphQL they are
	// arguments, of WSDL the parts of the input message.
	Parameters int
	Security   string // SecurityRequired, SecurityNone, SecurityUnknown
}

// Scheme is a way to authenticate that the document defines.
type Scheme struct {
	Name string // its key in the document: "apiKeyHeader"
	Type string // as written: apiKey, http, oauth2, openIdConnect, mutualTLS, basic
}

// Flags of a Summary.
const (
	FlagLossyExport           = "lossy-export"              // x-ms-export-notes: the gateway left something out
	FlagInvalid               = "invalid"                   // readable, yet not as the format wants it
	FlagNotJSON               = "not-valid-json"            // begins like JSON, but could only be read as YAML
	FlagEncoding              = "encoding"                  // UTF-16, or bytes that are no UTF-8
	FlagTrailingData          = "trailing-data"             // something follows the document
	FlagTruncated             = "truncated"                 // the document ends too early
	FlagIncomplete            = "incomplete"                // more than is read of one document
	FlagNoPaths               = "no-paths"                  // no path at all
	FlagNoEndpoints           = "no-endpoints"              // nothing that can be called
	FlagNoServers             = "no-servers"                // no address is given
	FlagRelativeServers       = "relative-servers"          // addresses, but none with a host
	FlagHTTPAllowed           = "http-allowed"              // an address without TLS
	FlagSubscriptionKeyOnly   = "subscription-key-only"     // the gateway's own key is all that is asked for
	FlagSecurityUnknown       = "security-unknown"          // nothing is said of any endpoint
	FlagUndefinedScheme       = "undefined-security-scheme" // asks for a scheme that it does not define
	FlagDanglingReferences    = "dangling-references"       // to a parameter or path item that is not there
	FlagExternalReferences    = "external-references"       // to another document; never followed
	FlagCyclicReferences      = "cyclic-references"         // of parameters or path items to themselves
	FlagDuplicateEndpoints    = "duplicate-endpoints"       // a method and path twice; the first is kept
	FlagDuplicateOperationIDs = "duplicate-operation-ids"
	FlagMissingPathParameters = "missing-path-parameters" // {name} in a path, and no such parameter
	FlagWildcardPaths         = "wildcard-paths"          // a path with *
	FlagWebhooks              = "webhooks"                // calls that the API makes itself; no endpoints
	FlagSeveralDocuments      = "several-documents"       // of YAML; one of them is read
)

// Summarise reads a specification. hint is the format that it should have, one
// of the Formats or empty: it is used only where the document does not say.
// It never fails; see Summary.Problem.
func Summarise(data []byte, hint string) (s Summary) {
	s.Format = Unknown
	defer func() {
		if p := recover(); p != nil {
			s.Problem = problem("unreadable", "reading the document failed: %v", p)
		}
		s.Problem = clip(strings.ToValidUTF8(s.Problem, "\uFFFD"), maxTextBytes)
	}()
	if len(data) > MaxBytes {
		s.Problem = problem("too-large", "the document has %d bytes, and no more than %d are read", len(data), MaxBytes)
		return s
	}
	raw := data
	data, reencoded := decode(raw)
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		s.Problem = problem("empty", "the document has no content")
	case trimmed[0] == '<':
		s, reencoded = summariseXML(raw), false
	case trimmed[0] == '{' || trimmed[0] == '[':
		s = summariseJSON(trimmed, hint)
	case looksLikeSDL(trimmed):
		s = summariseSDL(trimmed)
	default:
		s = summariseYAML(data, hint)
		if s.Format == Unknown && hint == GraphQL {
			s = summariseSDL(trimmed)
		}
	}
	if reencoded {
		s.flag(FlagEncoding)
	}
	return s
}

func problem(code, format string, args ...any) string {
	return code + ": " + fmt.Sprintf(format, args...)
}
