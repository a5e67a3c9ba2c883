// Package spec writes the specifications of simulated APIs, in every format in
// which Azure API Management exports them, whole or with one defect.
package spec

import (
	"strings"
	"unicode/utf8"
)

// Format is what a specification is written in.
type Format string

// The formats of an export, without "-link".
const (
	OpenAPIJSON Format = "openapi+json" // OpenAPI 3.0, JSON
	OpenAPIYAML Format = "openapi"      // OpenAPI 3.0, YAML
	Swagger     Format = "swagger"      // Swagger 2.0, JSON
	WADL        Format = "wadl"
	WSDL        Format = "wsdl"
	GraphQL     Format = "graphql"
)

// Extension is the end of a file's name in the format.
func (f Format) Extension() string {
	switch f {
	case OpenAPIYAML:
		return ".yaml"
	case WADL, WSDL:
		return ".xml"
	case GraphQL:
		return ".graphql"
	}
	return ".json"
}

// Parameter of an operation.
type Parameter struct {
	Name string
	In   string // path, query or header
}

// Operation is one call of an API.
type Operation struct {
	ID, Summary  string
	Method, Path string
	Deprecated   bool
	Parameters   []Parameter // those of the path's template first
}

// Document is what a specification says.
type Document struct {
	Title       string
	Version     string
	Gateway     string // URL of the gateway, without a path
	Path        string // of the API under the gateway
	Schemes     []string
	KeyRequired bool // a subscription's key
	Operations  []Operation
	Defect      Defect
}

// Endpoint is an operation as the document shows it.
type Endpoint struct {
	Method      string `json:"method"` // upper case
	Path        string `json:"path"`
	OperationID string `json:"operationId"`
	Deprecated  bool   `json:"deprecated,omitempty"`
	Parameters  int    `json:"parameters,omitempty"`
}

// Endpoints are the operations that the document shows, defect included, in its
// order. For WSDL and GraphQL they are its operations and fields.
func (d *Document) Endpoints() []Endpoint {
	if d.Defect == NullPaths || d.Defect == NotADocument || d.Defect == Empty {
		return nil
	}
	out := make([]Endpoint, len(d.Operations))
	for i, o := range d.Operations {
		out[i] = Endpoint{
			Method: strings.ToUpper(o.Method), Path: o.Path, OperationID: d.operationID(i),
			Deprecated: o.Deprecated, Parameters: len(d.parameters(i)),
		}
	}
	return out
}

// operationID of the i-th operation.
func (d *Document) operationID(i int) string {
	if d.Defect == DuplicateOperationID {
		return d.Operations[0].ID
	}
	return d.Operations[i].ID
}

// parameters of the i-th operation that the document shows.
func (d *Document) parameters(i int) []Parameter {
	parameters := d.Operations[i].Parameters
	if d.Defect != MissingPathParameter {
		return parameters
	}
	var out []Parameter
	for _, p := range parameters {
		if p.In != "path" {
			out = append(out, p)
		}
	}
	return out
}

// Bytes is the document in a format. A defect is in OpenAPI and Swagger; of the
// others, Truncated, NotADocument and Empty spoil each.
func (d *Document) Bytes(f Format) []byte {
	var out []byte
	switch f {
	case OpenAPIJSON, OpenAPIYAML:
		out = d.openAPI(f)
	case Swagger:
		out = d.swagger()
	case WADL:
		out = d.wadl()
	case WSDL:
		out = d.wsdl()
	case GraphQL:
		out = d.graphQL()
	}
	switch d.Defect {
	case BOM:
		return append([]byte("\ufeff"), out...)
	case Truncated:
		cut := len(out) * 2 / 3
		for !utf8.RuneStart(out[cut]) { // so that it is the same bytes inside of JSON
			cut--
		}
		return out[:cut]
	case NotADocument:
		return []byte("<!DOCTYPE html><html><head><title>Service unavailable</title></head><body><h1>Our services aren't available right now</h1></body></html>")
	case Empty:
		return []byte{}
	}
	return out
}
