package apispec_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/apispec"
)

// valid is a small OpenAPI document that is valid but for what is added to it.
func valid(members string) []byte {
	return []byte(`{"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {}, ` + members + `}`)
}

func TestASecondOpinion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data []byte
		want string // "" is valid
	}{
		"OpenAPI 3.0 JSON":                       {openAPI("3.0.1").JSON(), ""},
		"OpenAPI 3.0 YAML":                       {openAPI("3.0.1").YAML(), ""},
		"Swagger 2.0 JSON":                       {swagger().JSON(), ""},
		"a mark before it":                       {append([]byte("\xEF\xBB\xBF"), swagger().JSON()...), ""},
		"OpenAPI 3.1":                            {openAPI("3.1.0").JSON(), "not validated: a document of format openapi\\+json 3.1.0"},
		"Swagger 2.0 YAML":                       {swagger().YAML(), "not validated: "},
		"WSDL":                                   {[]byte(wsdl), "not validated: "},
		"nothing":                                {nil, "not validated: "},
		"too large":                              {bytes.Repeat([]byte(" "), apispec.MaxValidatedBytes+1), "not validated: .* bytes"},
		"cut":                                    {openAPI("3.0.1").JSON()[:3000], "^[^n]"},
		"dangling reference":                     {replaced(openAPI("3.0.1").JSON(), "#/components/schemas/R1", "#/components/schemas/R9"), "R9"},
		"reference to a file":                    {replaced(openAPI("3.0.1").JSON(), "#/components/schemas/R1", "file:///etc/passwd"), "disallowed external reference"},
		"reference to a host":                    {replaced(swagger().JSON(), "#/definitions/R", "http://127.0.0.1:1/a.json"), "disallowed external reference"},
		"a default that its own opposite judges": {valid(`"components": {"schemas": {"A": {"default": {"a": 1}, "not": {"$ref": "#/components/schemas/A"}}}}`), ""},
		"a schema of itself":                     {valid(`"components": {"schemas": {"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}}}`), ""},
		"nested deeply":                          {valid(`"x": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), "."},
		"schemas nested deeply":                  {valid(`"components": {"schemas": {"A": ` + strings.Repeat(`{"not":`, 1000) + "{}" + strings.Repeat("}", 1001) + "}"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := apispec.Validate(t.Context(), c.data)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Regexp(t, c.want, err.Error())
			require.LessOrEqual(t, len(err.Error()), 700)
			if strings.HasPrefix(c.want, "not validated") {
				require.ErrorIs(t, err, apispec.ErrNotValidated)
			} else {
				require.NotErrorIs(t, err, apispec.ErrNotValidated)
			}
		})
	}
}

func TestNobodyWaitsForASecondOpinionLongerThanTheyWant(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	err := apispec.Validate(ctx, openAPI("3.0.1").JSON())
	require.ErrorIs(t, err, apispec.ErrNotValidated)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// The library exhausts the stack over some schemas that lead in circles, which
// nothing recovers from. With the checks that it runs here it must not: this
// test is what an upgrade of it has to pass.
func TestSchemasInCirclesDoNotEndTheProcess(t *testing.T) {
	t.Parallel()
	shapes := []string{
		`"not": %s`, `"items": %s`, `"additionalProperties": %s`, `"allOf": [%s]`, `"oneOf": [%s]`, `"anyOf": [%s]`, `"properties": {"p": %s}`,
		`"discriminator": {"propertyName": "x", "mapping": {"k": "#/components/schemas/A"}}, "oneOf": [%s]`,
		`"default": {"p": 1}, "not": %s`, `"example": {"p": [1]}, "anyOf": [%s]`, `"enum": [{"p": 1}], "oneOf": [%s]`,
	}
	schema := func(t *rapid.T) string {
		s := fmt.Sprintf(`{"$ref": "#/components/schemas/%s"}`, rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "to"))
		for range rapid.IntRange(0, 3).Draw(t, "depth") {
			s = "{" + fmt.Sprintf(rapid.SampledFrom(shapes).Draw(t, "shape"), s) + "}"
		}
		return s
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := schema(t), schema(t), schema(t)
		openAPI3 := fmt.Sprintf(`{"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {}, "components": {"schemas": {"A": %s, "B": %s, "C": %s}}}`, a, b, c)
		swagger2 := strings.ReplaceAll(fmt.Sprintf(`{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": {}, "definitions": {"A": %s, "B": %s, "C": %s}}`, a, b, c),
			"#/components/schemas/", "#/definitions/")
		for _, document := range []string{openAPI3, swagger2} {
			require.NotErrorIs(t, apispec.Validate(context.Background(), []byte(document)), apispec.ErrNotValidated)
		}
	})
}
