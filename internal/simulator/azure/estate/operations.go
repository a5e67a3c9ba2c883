package estate

import (
	"fmt"
	"strings"

	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/random"
)

// replaceWord puts a word into a text that has a place for one.
func replaceWord(text, word string) string { return strings.ReplaceAll(text, "%s", word) }

// operations of a document: some entities with calls each, and one more for
// every edit.
func operations(t Type, hash uint64, edits, silent int) []spec.Operation {
	entities := 1 + int(hash%4)
	if hash%29 == 0 {
		entities = len(words)
	}
	var out []spec.Operation
	for i := range entities {
		word := words[(int(hash>>16%uint64(len(words)))+i)%len(words)]
		if t == HTTP {
			out = append(out, entityCalls(word, random.Mix(hash+uint64(i)))...)
			continue
		}
		out = append(out, procedure(t, "get-"+word, "GET"), procedure(t, "set-"+word, "POST"))
	}
	for i := range edits {
		out = append(out, added(t, fmt.Sprintf("edit-%d", i+1)))
	}
	for i := range silent {
		out = append(out, added(t, fmt.Sprintf("quiet-%d", i+1)))
	}
	return out
}

func entityCalls(word string, hash uint64) []spec.Operation {
	id := []spec.Parameter{{Name: "id", In: "path"}}
	all := []spec.Operation{
		{ID: "list-" + word, Summary: "List " + word, Method: "GET", Path: "/" + word, Parameters: []spec.Parameter{{Name: "limit", In: "query"}, {Name: "X-Trace", In: "header"}}},
		{ID: "create-" + word, Summary: "Create " + word, Method: "POST", Path: "/" + word},
		{ID: "get-" + word, Summary: "Get one of " + word, Method: "GET", Path: "/" + word + "/{id}", Parameters: id},
		{ID: "replace-" + word, Summary: "Replace one of " + word, Method: "PUT", Path: "/" + word + "/{id}", Parameters: id},
		{ID: "delete-" + word, Summary: "Delete one of " + word, Method: "DELETE", Path: "/" + word + "/{id}", Parameters: id, Deprecated: hash%3 == 0},
	}
	return all[:3+hash>>8%3]
}

// procedure is an operation of an API that is not called by paths. GraphQL and
// WSDL names have no dashes.
func procedure(t Type, name, method string) spec.Operation {
	name = strings.ReplaceAll(name, "-", "_")
	o := spec.Operation{ID: name, Summary: name, Method: method, Path: "/"}
	if t == SOAP {
		o.Method, o.Path = "POST", "/?soapAction=http://soap.example.invalid/"+name
	}
	return o
}

func added(t Type, name string) spec.Operation {
	if t != HTTP {
		return procedure(t, name, "POST")
	}
	return spec.Operation{ID: name, Summary: "Added later", Method: "GET", Path: "/" + name}
}
