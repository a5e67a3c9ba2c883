package apispec

import (
	"slices"
	"strings"
)

// sdlKeywords begin the definitions of a GraphQL schema.
var sdlKeywords = []string{
	"schema", "type", "interface", "union", "enum", "input", "scalar", "directive", "extend",
}

// looksLikeSDL says whether a text begins with a definition of GraphQL: behind
// comments and a description, a keyword with a name, { or @ behind it. In YAML,
// a colon would follow.
func looksLikeSDL(data []byte) bool {
	l := sdlLexer{data: data}
	l.next()
	if l.kind == sdlString {
		l.next()
	}
	if l.kind != sdlName || !slices.Contains(sdlKeywords, l.text) {
		return false
	}
	l.next()
	return l.kind == sdlName || l.is("{") || l.is("@")
}

// sdlField is a field of an object type.
type sdlField struct {
	name       string
	arguments  int
	deprecated bool
}

// sdlReader collects the fields of all object types: which of them are the
// roots, the schema may say behind them.
type sdlReader struct {
	sdlLexer
	types  map[string][]sdlField
	fields int
	roots  map[string]string // operation -> type
	full   bool
}

func summariseSDL(data []byte) Summary {
	r := &sdlReader{sdlLexer: sdlLexer{data: data}, types: map[string][]sdlField{}, roots: map[string]string{}}
	for r.next(); r.kind != sdlEnd; {
		r.definition()
	}
	if len(r.roots) == 0 {
		r.roots = map[string]string{"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
	}
	s := Summary{Format: GraphQL}
	flags := &draft{}
	flags.flag(FlagNoServers) // the language has none
	all := collector{seen: map[[2]string]bool{}, ids: map[string]bool{}, flag: flags.flag}
	for _, operation := range []string{"query", "mutation", "subscription"} {
		root := r.roots[operation]
		for _, f := range r.types[root] {
			all.add(Endpoint{
				Method: strings.ToUpper(operation), Path: f.name, OperationID: root + "." + f.name,
				Deprecated: f.deprecated, Parameters: f.arguments, Security: SecurityUnknown,
			})
		}
	}
	s.Endpoints = all.endpoints
	switch {
	case r.full:
		flags.flag(FlagIncomplete)
		s.Problem = problem("too-many", "the schema has more than %d fields, and the rest is not counted", maxEndpoints)
	case r.cut:
		flags.flag(FlagTruncated)
		s.Problem = problem("truncated", "the schema ends too early, after %d bytes; what stands before that was read", len(data))
	case len(s.Endpoints) == 0:
		s.Problem = problem("no-root-type", "the schema has no fields of a query, mutation or subscription type")
	}
	if len(s.Endpoints) == 0 {
		flags.flag(FlagNoEndpoints)
	}
	s.setFlags(flags.flags)
	return s
}

// definition reads one definition, or passes a token that begins none.
func (r *sdlReader) definition() {
	keyword := r.text
	if r.kind != sdlName {
		r.next()
		return
	}
	r.next()
	if keyword == "extend" {
		keyword = r.text
		r.next()
	}
	switch keyword {
	case "schema":
		r.toBody()
		r.body(func() {
			operation := r.text
			r.next()
			if r.is(":") {
				r.next()
				r.roots[strings.ToLower(clip(operation, 16))] = clip(r.text, maxTextBytes)
				r.next()
			}
		})
	case "type":
		name := clip(r.text, maxTextBytes)
		r.next()
		r.toBody()
		r.body(func() { r.field(name) })
	case "interface", "union", "enum", "input", "scalar", "directive":
		r.next()
		r.toBody()
		r.body(r.next)
	}
}

// toBody passes what stands between a name and its braces: interfaces and
// directives. It stops where another definition begins.
func (r *sdlReader) toBody() {
	for r.kind != sdlEnd && !r.is("{") && !(r.kind == sdlString || r.kind == sdlName && slices.Contains(sdlKeywords, r.text)) {
		if r.is("(") {
			r.nested(nil)
			continue
		}
		r.next()
	}
}

// body passes braces, with each at every entry of them.
func (r *sdlReader) body(each func()) {
	if !r.is("{") {
		return
	}
	r.next()
	for r.kind != sdlEnd && !r.is("}") {
		if r.is("{") || r.is("(") || r.is("[") {
			r.nested(nil)
			continue
		}
		if r.kind != sdlName {
			r.next()
			continue
		}
		each()
	}
	r.closed()
}

// field reads "name(arguments): Type @directives".
func (r *sdlReader) field(of string) {
	f := sdlField{name: clip(r.text, maxTextBytes)}
	r.next()
	if r.is("(") {
		r.nested(func() { f.arguments++ })
	}
	if !r.is(":") {
		return
	}
	r.next()
	for r.is("[") || r.kind == sdlName || r.is("]") || r.is("!") {
		named := r.kind == sdlName
		r.next()
		if named {
			break
		}
	}
	for r.is("]") || r.is("!") {
		r.next()
	}
	for r.is("@") {
		r.next()
		f.deprecated = f.deprecated || r.text == "deprecated"
		r.next()
		if r.is("(") {
			r.nested(nil)
		}
	}
	if r.fields++; r.fields > maxEndpoints {
		r.full = true
		return
	}
	r.types[of] = append(r.types[of], f)
}

// nested passes brackets of any kind with all inside of them, and calls named,
// if any, at each colon directly inside: an argument.
func (r *sdlReader) nested(named func()) {
	depth := 0
	for r.kind != sdlEnd {
		switch r.text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case ":":
			if depth == 1 && named != nil && r.kind == sdlPunctuation {
				named()
			}
		}
		if depth == 0 {
			break
		}
		r.next()
	}
	r.closed()
}

// closed passes the bracket that ends something, which must be there.
func (r *sdlReader) closed() {
	if r.kind == sdlEnd {
		r.cut = true
		return
	}
	r.next()
}
