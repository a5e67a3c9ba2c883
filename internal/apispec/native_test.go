package apispec_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/apispec"
)

const wsdl = `<?xml version="1.0" encoding="utf-8"?>
<!-- exported -->
<wsdl:definitions name="Calculator" targetNamespace="urn:calc" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="urn:calc">
  <wsdl:documentation>Adds &amp; divides</wsdl:documentation>
  <wsdl:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="operation"/></xs:schema></wsdl:types>
  <wsdl:portType name="CalculatorSoap">
    <wsdl:operation name="Add"><wsdl:documentation/><wsdl:input message="tns:AddIn"/><wsdl:output message="tns:AddOut"/></wsdl:operation>
    <wsdl:operation name="Ping"/>
  </wsdl:portType>
  <wsdl:portType name="Other"><wsdl:operation name="Add"><wsdl:input message="tns:Nowhere"/></wsdl:operation></wsdl:portType>
  <wsdl:message name="AddIn"><wsdl:part name="a"/><wsdl:part name="b"/></wsdl:message>
  <wsdl:message name="AddOut"><wsdl:part name="sum"/></wsdl:message>
  <wsdl:binding name="b" type="tns:CalculatorSoap"><wsdl:operation name="Add"><soap:operation soapAction="urn:Add"/></wsdl:operation></wsdl:binding>
  <wsdl:service name="CalculatorService">
    <wsdl:port name="p" binding="tns:b"><soap:address location="http://calc.example/soap"/></wsdl:port>
    <wsdl:port name="q" binding="tns:b"><soap:address location="http://calc.example/soap"/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
`

func TestWSDL(t *testing.T) {
	t.Parallel()
	want := apispec.Summary{
		Format: apispec.WSDL, Version: "1.1", Title: "CalculatorService",
		Servers: []string{"http://calc.example/soap"},
		Endpoints: []apispec.Endpoint{
			{Method: "SOAP", Path: "CalculatorSoap/Add", OperationID: "Add", Parameters: 2, Security: apispec.SecurityUnknown},
			{Method: "SOAP", Path: "CalculatorSoap/Ping", OperationID: "Ping", Security: apispec.SecurityUnknown},
			{Method: "SOAP", Path: "Other/Add", OperationID: "Add", Security: apispec.SecurityUnknown},
		},
		Flags: []string{apispec.FlagDuplicateOperationIDs, apispec.FlagHTTPAllowed},
	}
	require.Equal(t, want, apispec.Summarise([]byte(wsdl), apispec.WSDL))
	inUTF16 := replaced([]byte(wsdl), "utf-8", "utf-16")
	require.Equal(t, want, apispec.Summarise(toUTF16(inUTF16, binary.LittleEndian, true), ""))

	for n := len(wsdl) - len("</wsdl:definitions>\n"); n > len(`<?xml version="1.0" encoding="utf-8"?>`); n -= 13 {
		s := apispec.Summarise([]byte(wsdl[:n]), "")
		require.Regexp(t, "^truncated: ", s.Problem)
		require.LessOrEqual(t, len(s.Endpoints), 3)
	}
	s := apispec.Summarise(replaced([]byte(wsdl), "</wsdl:service>", "</service>"), "")
	require.Regexp(t, "^invalid-xml: ", s.Problem)
	require.Len(t, s.Endpoints, 3)

	s = apispec.Summarise([]byte(wsdl+"<more/>"), "")
	require.Len(t, s.Endpoints, 3)
	require.Contains(t, s.Flags, apispec.FlagTrailingData)
}

func TestWSDL2(t *testing.T) {
	t.Parallel()
	s := apispec.Summarise([]byte(`<description xmlns="http://www.w3.org/ns/wsdl">
		<import namespace="urn:x" location="other.wsdl"/>
		<interface name="I"><operation name="Check"><input element="tns:in"/></operation></interface>
		<service name="S" interface="I"><endpoint name="e" address="https://a.example/i"/></service>
	</description>`), "")
	require.Equal(t, apispec.Summary{
		Format: apispec.WSDL, Version: "2.0", Title: "S", Servers: []string{"https://a.example/i"},
		Endpoints: []apispec.Endpoint{{Method: "SOAP", Path: "I/Check", OperationID: "Check", Security: apispec.SecurityUnknown}},
		Flags:     []string{apispec.FlagExternalReferences},
	}, s)
}

const sdl = `# exported
"""
The schema: openapi: 3.0.1, type Query { wrong: Int } \"""
"""
directive @auth(role: String = "{") repeatable on FIELD_DEFINITION | OBJECT

type Query implements Node & Other @auth(role: "a") {
  "One user { }"
  user(id: ID!, with: [Filter!]! = [{a: 1, b: "x: y"}]): User @auth(role: "x")
  users: [User!]!
  old(a: Int @deprecated): String @deprecated(reason: "use users: they are better")
  type: Int
}
extend type Query { more: Int, evenMore(a: Int b: Int): Int }
type User { id: ID! mutation: String }
interface Node { id: ID! }
union U = User | Query
enum E { A B @deprecated }
input Filter { a: Int = 1 b: String }
scalar Date @specifiedBy(url: "https://a.example/#date")
type Changes { addUser(name: String!): User }
type Subscription { "not the root" no: Int }
type Feed { users: User }
schema @auth { query: Query mutation: Changes subscription: Feed }
`

func TestGraphQL(t *testing.T) {
	t.Parallel()
	endpoint := func(method, root, field string, arguments int) apispec.Endpoint {
		return apispec.Endpoint{Method: method, Path: field, OperationID: root + "." + field, Parameters: arguments, Security: apispec.SecurityUnknown}
	}
	old := endpoint("QUERY", "Query", "old", 1)
	old.Deprecated = true
	want := apispec.Summary{
		Format: apispec.GraphQL,
		Endpoints: []apispec.Endpoint{
			endpoint("QUERY", "Query", "user", 2), endpoint("QUERY", "Query", "users", 0), old,
			endpoint("QUERY", "Query", "type", 0), endpoint("QUERY", "Query", "more", 0), endpoint("QUERY", "Query", "evenMore", 2),
			endpoint("MUTATION", "Changes", "addUser", 1), endpoint("SUBSCRIPTION", "Feed", "users", 0),
		},
		Flags: []string{apispec.FlagNoServers},
	}
	require.Equal(t, want, apispec.Summarise([]byte(sdl), ""))

	for name, c := range map[string]struct {
		text      string
		endpoints int
		problem   string
	}{
		"default roots":      {"type Query { a: Int } type Mutation { b: Int } type Subscription { c: Int }", 3, ""},
		"no roots":           {"type A { a: Int }", 0, "^no-root-type: "},
		"only an extension":  {"extend type Query { a: Int }", 1, ""},
		"description first":  {"\"A schema\" schema { query: Q } type Q { a: Int }", 1, ""},
		"cut in a type":      {"type Query { a: Int, b(", 2, "^truncated: "},
		"cut in a text":      {"type Query { a: Int } \"\"\" and", 1, "^truncated: "},
		"broken in between":  {"type Query { a: Int } ??? } ] type Mutation { b: Int 12 c: [[Int]!]! }", 3, ""},
		"a field without :":  {"type Query { a b: Int c }", 1, ""},
		"a type without {}":  {"type Query type Mutation { b: Int }", 1, ""},
		"field in two types": {"type Query { a: Int } extend type Query { a: Int }", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apispec.Summarise([]byte(c.text), "")
			require.Equal(t, apispec.GraphQL, s.Format)
			if name == "cut in a type" {
				require.NotEmpty(t, s.Endpoints)
			} else {
				require.Len(t, s.Endpoints, c.endpoints)
			}
			require.Regexp(t, c.problem, s.Problem)
			require.Equal(t, c.problem == "", s.Problem == "")
		})
	}
}
