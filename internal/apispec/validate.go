package apispec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// MaxValidatedBytes is the size of the largest document that Validate takes: it
// needs up to a hundred times as much memory as the document has, and some
// seconds for what is this large.
const MaxValidatedBytes = 8 << 20

// ErrNotValidated says that there is no opinion: the document is of another
// format, is too large, or there was no time.
var ErrNotValidated = errors.New("not validated")

// validating is held by the one validation that may run. The library cannot be
// stopped: one that nobody waits for any more keeps it until it ends.
var validating = make(chan struct{}, 1)

// Validate is a second opinion on a document of OpenAPI 3.0 (JSON or YAML) or
// Swagger 2.0 (JSON) by a library that knows the format in full: nil when it is valid, ErrNotValidated (wrapped)
// when it could not be looked at, and else what is wrong, first thing first, in
// at most 512 bytes. Documents that are in use are often invalid; Summarise
// counts them all the same.
func Validate(ctx context.Context, data []byte) error {
	if len(data) > MaxValidatedBytes {
		return fmt.Errorf("%w: the document has %d bytes, and no more than %d are validated", ErrNotValidated, len(data), MaxValidatedBytes)
	}
	select {
	case validating <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotValidated, context.Cause(ctx))
	}
	verdict := make(chan error, 1)
	go func() {
		defer func() { <-validating }()
		verdict <- validate(ctx, data)
	}()
	select {
	case err := <-verdict:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotValidated, context.Cause(ctx))
	}
}

func validate(ctx context.Context, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the validator failed: %v", ErrNotValidated, p)
		}
		if err != nil && !errors.Is(err, ErrNotValidated) {
			err = errors.New(clip(strings.ToValidUTF8(err.Error(), "\uFFFD"), maxTextBytes))
		}
	}()
	data, _ = decode(data)
	s := Summarise(data, "")
	if !validated(s) {
		return fmt.Errorf("%w: a document of format %s %s is not validated", ErrNotValidated, s.Format, s.Version)
	}
	document, err := load(ctx, s.Format, data)
	if err != nil {
		return err
	}
	return document.Validate(ctx, circling...)
}

// circling turns off the checks that follow schemas in circles: a schema that is the
// opposite of itself, with a default, exhausts the stack, which ends the
// process and cannot be recovered from.
var circling = []openapi3.ValidationOption{
	openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(),
}

// validated says whether a document may be given to the library. It exhausts
// the stack over some schemas of OpenAPI 3.1, where a reference may have
// siblings, already when it loads them.
func validated(s Summary) bool {
	switch s.Format {
	case OpenAPIJSON, OpenAPIYAML:
		return strings.HasPrefix(s.Version, "3.0.")
	}
	return s.Format == SwaggerJSON && s.Version == "2.0"
}

// load reads a document; what refers to another one is refused.
func load(ctx context.Context, format string, data []byte) (*openapi3.T, error) {
	loader := &openapi3.Loader{Context: ctx, IsExternalRefsAllowed: false}
	if format != SwaggerJSON {
		return loader.LoadFromData(data)
	}
	var swagger openapi2.T
	if err := swagger.UnmarshalJSON(bytes.TrimSpace(data)); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3WithLoader(&swagger, loader, nil)
}
