package azureapim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/apispec"
	"sluice/internal/source"
)

// formatOperations is the format of the list of an API's operations, as a
// document of its own: {"operations": [...]}, each as received.
const formatOperations = "operations+json"

// maxOperations bounds the list of an API's operations.
const maxOperations = 50_000

// schema reads the SDL of a GraphQL API that was not imported from a service,
// which cannot be exported: it is one of the API's schemas.
func (s *session) schema(ctx context.Context, a listed) (sdl []byte, err error) {
	err = s.client.List(ctx, a.at.path()+"/schemas", a.version, nil, func(row json.RawMessage) error {
		o := readObject(row)
		properties := o.object("properties")
		isGraphQL := strings.Contains(strings.ToLower(properties.text("contentType")), "graphql") || strings.EqualFold(lastPart(o.text("id")), "graphql")
		if text := properties.object("document").text("value"); isGraphQL && text != "" && sdl == nil {
			sdl = []byte(text)
		}
		return nil
	})
	return sdl, err
}

// operations lists the API's operations, by name, as a document: it is what is
// left when there is no export. Nil when it has none.
func (s *session) operations(ctx context.Context, a listed, subscriptionRequired bool) (*source.Document, error) {
	type operation struct {
		name     string
		row      json.RawMessage
		endpoint source.Endpoint
	}
	security := "unknown"
	if subscriptionRequired {
		security = "required"
	}
	var all []operation
	err := s.client.List(ctx, a.at.path()+"/operations", a.version, nil, func(row json.RawMessage) error {
		o := readObject(row)
		properties := o.object("properties")
		name := cmp.Or(lastPart(o.text("id")), o.text("name"))
		if len(all) >= maxOperations {
			return unreadable(fmt.Sprintf("more than %d operations of an API", maxOperations))
		}
		all = append(all, operation{name: name, row: o.raw(), endpoint: source.Endpoint{
			Method: strings.ToUpper(properties.text("method")), Path: properties.text("urlTemplate"),
			OperationID: name, Parameters: len(properties.objects("templateParameters")), Security: security,
		}})
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	rows := make([]json.RawMessage, len(all))
	endpoints := make([]source.Endpoint, len(all))
	for i, op := range all {
		rows[i], endpoints[i] = op.row, op.endpoint
	}
	data, err := json.Marshal(map[string][]json.RawMessage{"operations": rows})
	if err != nil {
		return nil, unreadable("an operation that cannot be read")
	}
	if len(data) > apispec.MaxBytes {
		return nil, unreadable(fmt.Sprintf("operations of an API with more than %d bytes", apispec.MaxBytes))
	}
	return &source.Document{Hash: hashOf(data), Format: formatOperations, Data: data, Endpoints: endpoints}, nil
}

// whyNone says why APIs of a type have no specification.
func whyNone(typ string) string {
	switch typ {
	case typeWebSocket:
		return "a WebSocket API has no specification"
	case typeOData, typeGRPC:
		return "API Management exports no specification of APIs of type " + typ
	case typeMCP, typeA2A:
		return "an API of type " + typ + " has no specification; its tools are told by its server"
	}
	return fmt.Sprintf("it is not known how APIs of type %q are exported", shorten(typ))
}
