// Package qualystas reads Qualys TotalAppSec: applications and API
// collections, each with all its findings.
package qualystas

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// The asset types, by the vendor's names.
const (
	Application   = "APPLICATION"
	APICollection = "APICOLLECTION"
)

// overlap is how far a delta run reads back: TotalAppSec takes up to two
// hours to publish what changed (Qualys documentation: "Qualys Dataflow for
// TotalAppSec").
const overlap = 2 * time.Hour

// Options bound the work of this kind. Zero values take the defaults.
type Options struct {
	PageSize   int           // records asked for at a time; default 1000
	ChunkBytes int           // a chunk ends above this; default 4 MiB
	MaxRecord  int64         // bytes of one record; default 64 MiB
	Backoff    time.Duration // before the second try of a page; default 250 ms
	// Transport gives timeouts and bounds; endpoint and vendor are filled in.
	Transport transport.Options
}

// New returns the kind.
func New(o Options) source.Kind {
	return kind{o}
}

type kind struct{ options Options }

func (kind) Name() string     { return "qualys-tas" }
func (kind) Title() string    { return "Qualys TotalAppSec" }
func (kind) Provider() string { return "qualys" }

func (kind) AssetTypes() []source.AssetType {
	return []source.AssetType{
		{
			Name: Application, Role: source.Assets, Class: "application",
			Model: "qualys-tas.application", Map: "qualys-tas-application",
			Nested: true, Overlap: overlap,
		},
		{
			Name: APICollection, Role: source.Assets, Class: "apiCollection",
			Model: "qualys-tas.apiCollection", Map: "qualys-tas-api-collection",
			Nested: true, Overlap: overlap,
		},
	}
}

// Filters implements source.Kind: none are known of TotalAppSec.
func (kind) Filters() []source.Filter { return nil }

// searches says where each asset type is searched, and how a connection test
// calls that step.
var searches = []struct{ assetType, path, step string }{
	{Application, pathApplications, "TAS applications"},
	{APICollection, pathAPICollections, "TAS API collections"},
}

// Open implements source.Kind.
func (k kind) Open(c source.Connection) (source.Session, error) {
	client, err := qualys.NewClient(c, k.options.Transport)
	if err != nil {
		return nil, err
	}
	if err := client.Need(qualys.TotalAppSec); err != nil {
		return nil, err
	}
	dialect := c.Settings[qualys.FieldDialect]
	if dialect == "" {
		dialect = qualys.DialectQPS
	}
	options := k.options
	pageSize, err := qualys.PageSize(c)
	if err != nil {
		return nil, err
	}
	if pageSize > 0 {
		options.PageSize = pageSize
	}
	return &session{client: client, dialect: dialect, options: options}, nil
}

// session implements source.Session.
type session struct {
	client  *qualys.Client
	dialect string
	vain    qualys.Vain
	options Options
}

// Read implements source.Session. No call is made before the first Next.
func (s *session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	var names []string
	for _, search := range searches {
		if search.assetType == req.AssetType {
			return qps.NewReader(s.search(search.path, qualys.After(req.Since)), req.Cursor)
		}
		names = append(names, search.assetType)
	}
	return nil, &fault.Error{
		Class: fault.Refused, Code: "asset-type",
		Message: fmt.Sprintf("TotalAppSec has no asset type %q%s", req.AssetType, suggest.Ending(req.AssetType, names)),
	}
}

// search is the search at a path for what was updated after a time.
func (s *session) search(path string, updated string) qps.Search {
	return qps.Search{
		Ask: func(ctx context.Context, q qps.Query) (*transport.Response, error) {
			return s.client.Post(ctx, path, phrase(s.dialect, query{q, updated}))
		},
		Explain:    explain,
		Path:       path,
		Vain:       &s.vain,
		PageSize:   s.options.PageSize,
		ChunkBytes: s.options.ChunkBytes,
		MaxRecord:  s.options.MaxRecord,
		Backoff:    s.options.Backoff,
	}
}

// Probe implements source.Session: a token, and one record of each search.
func (s *session) Probe(ctx context.Context) []source.Check {
	checks := []source.Check{s.client.CheckToken(ctx)}
	if checks[0].Health != source.Healthy {
		return checks
	}
	for _, search := range searches {
		checks = append(checks, qualys.CheckCount(search.step, "records", func() (int64, error) { return s.count(ctx, search.path) }))
	}
	return checks
}

// count asks for one record, and returns how many the vendor says there are;
// negative when it does not say.
func (s *session) count(ctx context.Context, path string) (int64, error) {
	e, err := s.search(path, "").Envelope(ctx, qps.Query{Size: 1})
	switch {
	case err != nil:
		return -1, err
	case e.More == nil && !e.Empty():
		return -1, qps.NoEndMarker()
	case e.Total < 0 && !(e.Ended() || e.Empty()):
		return -1, nil
	}
	return max(e.Total, e.Records), nil
}
