// Package apispec says what is in an API specification: its format and
// version, its servers, its endpoints and what each of them asks of a caller.
//
// Specifications that are found in an API management are of unknown quality:
// exported lossily, cut, written by hand, invalid by the letter. An API must
// never be lost over its document, so Summarise returns what can be read and
// names in words what cannot. It does not validate; Validate does, as a second
// opinion that nothing depends on.
//
// # How it reads
//
// OpenAPI 3.x and Swagger 2.0 are read by one description of where things are
// (openapi.go, operation.go) through a cursor, of which there are two: a
// streaming one over JSON, which passes over schemas and examples without
// keeping them, and one over the nodes of a YAML document. So both forms of a
// document have equal summaries. What a document says is first collected, in
// whatever order it comes (a real Swagger file has "swagger" as its last
// member, and security behind its paths), and put together at the end
// (resolve.go). WSDL is read by package xmlstream, GraphQL by a small scanner.
//
// Nothing is ever fetched: a reference to another document is a flag. All that
// a document can make large is bounded (limits.go), and a document that
// exceeds a bound says so in Summary.Problem.
package apispec
