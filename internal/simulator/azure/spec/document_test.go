package spec

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func document(defect Defect) *Document {
	id := []Parameter{{Name: "id", In: "path"}, {Name: "X-Trace", In: "header"}}
	return &Document{
		Title: `Größe & "co": 100 % #1 <b>`, Version: "v2", Gateway: "https://gateway.example", Path: "orders",
		Schemes: []string{"http", "https"}, KeyRequired: true, Defect: defect,
		Operations: []Operation{
			{ID: "list-orders", Summary: "List", Method: "GET", Path: "/orders"},
			{ID: "get-order", Summary: "Get", Method: "GET", Path: "/orders/{id}", Parameters: id},
			{ID: "delete-order", Summary: "Delete: yes", Method: "DELETE", Path: "/orders/{id}", Parameters: id, Deprecated: true},
		},
	}
}

func TestYAMLAndJSONSayTheSame(t *testing.T) {
	t.Parallel()
	for _, defect := range Defects() {
		if !defect.Readable() || defect == BOM {
			continue
		}
		var fromYAML, fromJSON any
		require.NoError(t, yaml.Unmarshal(document(defect).Bytes(OpenAPIYAML), &fromYAML), defect)
		require.NoError(t, json.Unmarshal(document(defect).Bytes(OpenAPIJSON), &fromJSON), defect)
		again, err := json.Marshal(fromYAML)
		require.NoError(t, err)
		want, err := json.Marshal(fromJSON)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(again), defect)
	}
}

func TestNativeFormatsAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{WSDL, WADL} {
		decoder := xml.NewDecoder(strings.NewReader(string(document("").Bytes(f))))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, f)
		}
	}
	sdl := string(document("").Bytes(GraphQL))
	require.Equal(t, strings.Count(sdl, "{"), strings.Count(sdl, "}"))
	require.Contains(t, sdl, "type Query {")
	require.Contains(t, sdl, "type Mutation {")
}

func TestADefectIsInTheDocument(t *testing.T) {
	t.Parallel()
	sound := document("")
	for defect, mark := range map[Defect]string{
		NullDescription: `"description": null`, DanglingRef: "/Missing", RemoteRef: "https://schemas.example.invalid/",
		Recursion: `"parent": {`, ExportNotes: `"x-ms-export-notes"`, NumericVersion: `"version": 1`, RequiredTrue: `"required": true`,
		DecimalBounds: `"maxLength": 80.0`, NullPaths: `"paths": null`, BOM: "\ufeff",
	} {
		for _, f := range []Format{OpenAPIJSON, Swagger} {
			text := string(document(defect).Bytes(f))
			require.Contains(t, text, mark, "%s %s", defect, f)
			if defect != RequiredTrue { // parameters of paths are required too
				require.NotContains(t, string(sound.Bytes(f)), mark, "%s %s", defect, f)
			}
		}
	}
	require.Equal(t, 3, strings.Count(string(document(DuplicateOperationID).Bytes(OpenAPIJSON)), `"operationId": "list-orders"`))
	require.NotContains(t, string(document(MissingPathParameter).Bytes(OpenAPIJSON)), `"in": "path"`)
	require.False(t, json.Valid(document(Truncated).Bytes(OpenAPIJSON)))
	require.Contains(t, string(document(NotADocument).Bytes(OpenAPIJSON)), "<html>")
	require.Empty(t, document(Empty).Bytes(OpenAPIJSON))
}

func TestEndpointsAreWhatTheDocumentShows(t *testing.T) {
	t.Parallel()
	require.Equal(t, []Endpoint{
		{Method: "GET", Path: "/orders", OperationID: "list-orders"},
		{Method: "GET", Path: "/orders/{id}", OperationID: "get-order", Parameters: 2},
		{Method: "DELETE", Path: "/orders/{id}", OperationID: "delete-order", Parameters: 2, Deprecated: true},
	}, document("").Endpoints())
	require.Empty(t, document(NullPaths).Endpoints())
	require.Equal(t, 1, document(MissingPathParameter).Endpoints()[1].Parameters)
	require.Equal(t, "list-orders", document(DuplicateOperationID).Endpoints()[2].OperationID)
}
