package estate

import (
	"strconv"
	"time"

	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/random"
)

// Type of an API.
type Type string

// The types. On the wire, an API over HTTP says none.
const (
	HTTP      Type = "http"
	SOAP      Type = "soap"
	GraphQL   Type = "graphql"
	WebSocket Type = "websocket"
	OData     Type = "odata"
	GRPC      Type = "grpc"
	MCP       Type = "mcp" // listed by api-version 2025-09-01-preview only
)

// Oddity is how an API's export misbehaves, each time.
type Oddity string

// The oddities; the zero value is none.
const (
	LinksFail       Oddity = "links-fail"       // every format with a link is answered 500; without, it works
	OpenAPIFails    Oddity = "openapi-fails"    // OpenAPI 3 is answered 500; Swagger works
	EverythingFails Oddity = "everything-fails" // all formats are answered 500
	NotDownloadable Oddity = "not-downloadable" // GraphQL: 406; the schema has it
)

// VersionSet is what the versions of an API have in common.
type VersionSet struct {
	Name, DisplayName string
	Scheme            string // Segment, Query or Header
	Parameter         string // name of the query parameter or header
}

// API is one API of a service, with its revisions.
type API struct {
	Service     *Service
	Workspace   string // empty: in none
	Name        string // its identifier in ARM, without a revision
	Type        Type
	DisplayName string
	Gateway     string // path under the gateway, without a version
	Protocols   []string
	Backend     string // empty: null
	Set         *VersionSet
	Version     string
	KeyRequired bool
	Tags        []string
	Odd         Oddity
	Defect      spec.Defect
	Current     int // number of the current revision, from 1; there are none above it

	hash      uint64
	revisions []revision
}

type revision struct {
	edits, silent, described int
	created, updated         int64 // Unix seconds
}

// Revision is an API in one of its revisions: what ARM calls an API.
type Revision struct {
	*API
	Number int
}

// Now is the API in its current revision.
func (a *API) Now() Revision { return Revision{a, a.Current} }

// Revisions are all revisions, ascending.
func (a *API) Revisions() []Revision {
	out := make([]Revision, len(a.revisions))
	for i := range out {
		out[i] = Revision{a, i + 1}
	}
	return out
}

// change makes the API of the next generation; the API itself if nothing happens.
func (a *API) change(at time.Time, edited, silent, described, revised bool) *API {
	if !edited && !silent && !described && !revised {
		return a
	}
	next := *a
	next.revisions = append([]revision(nil), a.revisions...)
	if revised {
		next.Current++
		next.revisions = append(next.revisions, revision{created: at.Unix(), updated: at.Unix()})
	}
	r := &next.revisions[next.Current-1]
	if edited {
		r.edits++
	}
	if described {
		r.described++
	}
	if silent {
		r.silent++
	}
	if edited || described {
		r.updated = at.Unix()
	}
	return &next
}

func (r Revision) state() revision { return r.revisions[r.Number-1] }

// IsCurrent tells whether this is the current revision.
func (r Revision) IsCurrent() bool { return r.Number == r.API.Current }

// Online tells whether the revision can be called: the current one can, and
// every second of the others.
func (r Revision) Online() bool { return r.IsCurrent() || r.Number%2 == 0 }

// FullName is the identifier in ARM; that of another revision says which.
func (r Revision) FullName() string {
	if r.IsCurrent() {
		return r.Name
	}
	return r.Name + revisionSuffix(r.Number)
}

func revisionSuffix(number int) string { return ";rev=" + strconv.Itoa(number) }

// Scope is the ARM id of what has the API: a service or a workspace.
func (a *API) Scope() string {
	if a.Workspace == "" {
		return a.Service.Path()
	}
	return a.Service.Path() + "/workspaces/" + a.Workspace
}

// Path is the ARM id.
func (r Revision) Path() string { return r.Scope() + "/apis/" + r.FullName() }

// ETag as the header says it, quotes included. It moves by edits, but for silent
// ones.
func (r Revision) ETag() string {
	s := r.state()
	return strconv.Quote(etag(r.hash>>28 + uint64(r.Number)<<20 + uint64(s.edits+s.described)))
}

// Created and Updated are the revision's dates; only the revisions call has them.
func (r Revision) Created() time.Time { return time.Unix(r.state().created, 0).UTC() }

// Updated is when the revision last changed, but for silent edits.
func (r Revision) Updated() time.Time { return time.Unix(r.state().updated, 0).UTC() }

// Description of the revision; nil is null.
func (r Revision) Description() any {
	text := pick(descriptions, r.hash>>7)
	if n := r.state().described; n > 0 {
		return "Edited " + strconv.Itoa(n) + " times. " + text
	}
	if text == "" {
		return nil
	}
	return replaceWord(text, r.Gateway)
}

// Hash is a number that depends on the API alone.
func (a *API) Hash() uint64 { return a.hash }

// PublicURL is where callers reach the revision, by its version's scheme.
func (r Revision) PublicURL() string {
	out := r.Service.BaseURL() + "/" + r.Gateway
	if r.Set != nil && r.Set.Scheme == "Segment" && r.Version != "" {
		out += "/" + r.Version
	}
	if !r.IsCurrent() {
		out += revisionSuffix(r.Number)
	}
	if r.Set != nil && r.Set.Scheme == "Query" && r.Version != "" {
		out += "?" + r.Set.Parameter + "=" + r.Version
	}
	return out
}

// Document is the revision's specification; nil for types that have none.
func (r Revision) Document() *spec.Document {
	switch r.Type {
	case HTTP, SOAP, GraphQL:
	default:
		return nil
	}
	version := r.Version
	if version == "" {
		version = "1.0"
	}
	s := r.state()
	d := &spec.Document{
		Title: r.DisplayName, Version: version, Gateway: r.Service.BaseURL(), Path: r.Gateway,
		Schemes: r.Protocols, KeyRequired: r.KeyRequired, Defect: r.Defect,
	}
	hash := random.Mix(r.hash + uint64(r.Number)<<32)
	d.Operations = operations(r.Type, hash, s.edits, s.silent)
	if r.Defect == spec.WildcardPath {
		d.Operations = append(d.Operations, spec.Operation{ID: "catch-all", Summary: "Everything else", Method: "GET", Path: "/*"})
	}
	return d
}
