// Package azureapim reads Azure API Management: the APIs of all services that
// a connector sees, with what is known of them and their specifications.
package azureapim

import (
	"cmp"
	"context"
	"fmt"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/suggest"
)

// API is the one asset type.
const API = "API"

// Options bound the work of this kind. Zero values take the defaults.
type Options struct {
	Concurrency  int // APIs, or services, that are read at the same time; default 4
	ChunkRecords int // a chunk has at most so many APIs; default 25
	ChunkBytes   int // a chunk ends above this, documents included; default 4 MiB
	Azure        azure.Limits
}

// New returns the kind.
func New(o Options) source.Kind {
	o.Concurrency = cmp.Or(o.Concurrency, 4)
	o.ChunkRecords = cmp.Or(o.ChunkRecords, 25)
	o.ChunkBytes = cmp.Or(o.ChunkBytes, 4<<20)
	return kind{o}
}

type kind struct{ options Options }

func (kind) Name() string     { return "azure-apim" }
func (kind) Title() string    { return "Azure API Management" }
func (kind) Provider() string { return "azure" }

func (kind) AssetTypes() []source.AssetType {
	return []source.AssetType{{
		Name: API, Role: source.Assets, Class: "api", Model: "azure-apim.api", Map: "azure-apim-api",
	}}
}

// Open implements source.Kind.
func (k kind) Open(c source.Connection) (source.Session, error) {
	client, err := azure.NewClient(c, k.options.Azure)
	if err != nil {
		return nil, err
	}
	return &session{client: client, options: k.options, exports: newKeyed()}, nil
}

// session implements source.Session.
type session struct {
	client  *azure.Client
	options Options

	exports *keyed // held while a document is exported
}

// Read implements source.Session. No call is made before the first Next.
func (s *session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	if req.AssetType != API {
		return nil, &fault.Error{
			Class: fault.Refused, Code: "asset-type",
			Message: fmt.Sprintf("Azure API Management has no asset type %q%s", req.AssetType, suggest.Ending(req.AssetType, []string{API})),
		}
	}
	return newReader(s, req)
}
