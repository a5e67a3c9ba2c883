// Package qualystas reads Qualys TotalAppSec: applications and API
// collections, each with all its findings.
package qualystas

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
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
	o.PageSize = positive(o.PageSize, defaultPageSize)
	o.ChunkBytes = positive(o.ChunkBytes, 4<<20)
	o.MaxRecord = positive(o.MaxRecord, 64<<20)
	o.Backoff = positive(o.Backoff, 250*time.Millisecond)
	return kind{o}
}

func positive[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
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
	dialect := c.Settings[qualys.FieldDialect]
	if dialect == "" {
		dialect = qualys.DialectQPS
	}
	options := k.options
	pageSize, err := qualys.PageSize(c)
	if err != nil {
		return nil, err
	}
	options.PageSize = positive(pageSize, options.PageSize)
	return &session{client: client, dialect: dialect, options: options}, nil
}

// session implements source.Session. It has no state but the client's token.
type session struct {
	client  *qualys.Client
	dialect string
	options Options
}

// Read implements source.Session. No call is made before the first Next.
func (s *session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	cur, err := parseCursor(req.Cursor)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, search := range searches {
		if search.assetType == req.AssetType {
			return &reader{session: s, path: search.path, updated: sinceFilter(req.Since), cur: cur, pageSize: s.options.PageSize}, nil
		}
		names = append(names, search.assetType)
	}
	return nil, &fault.Error{
		Class: fault.Refused, Code: "asset-type",
		Message: fmt.Sprintf("TotalAppSec has no asset type %q%s", req.AssetType, suggest.Ending(req.AssetType, names)),
	}
}

// Probe implements source.Session: a token, and one record of each search.
func (s *session) Probe(ctx context.Context) []source.Check {
	checks := []source.Check{s.client.CheckToken(ctx)}
	if checks[0].Health != source.Healthy {
		return checks
	}
	for _, search := range searches {
		checks = append(checks, s.probe(ctx, search.path, search.step))
	}
	return checks
}

func (s *session) probe(ctx context.Context, path, step string) source.Check {
	begin := time.Now()
	seen, err := s.count(ctx, path)
	check := qualys.CheckFrom(step, err, time.Since(begin))
	if err != nil {
		return check
	}
	check.Seen = seen
	check.Message = "answered"
	switch {
	case seen == 0:
		check.Message = "answered, and shows no records"
		check.Advice = "if there should be some, check what the client's user may see: records outside its scope are left out without a word"
	case seen > 0:
		check.Message = fmt.Sprintf("answered, and shows %d records", seen)
	}
	return check
}

// count asks for one record, and returns how many the vendor says there are;
// negative when it does not say.
func (s *session) count(ctx context.Context, path string) (int64, error) {
	resp, err := s.client.Post(ctx, path, phrase(s.dialect, query{size: 1}))
	if err != nil {
		return -1, explain(err)
	}
	defer resp.Body.Close()
	p := newPage(resp, s.options.MaxRecord)
	for err == nil {
		_, err = p.next()
	}
	if err != io.EOF {
		return -1, diagnose(err).err
	}
	if err := p.refusal(); err != nil {
		return -1, err
	}
	switch {
	case p.more == nil && !p.empty():
		return -1, nothingNew(&openPage{page: p})
	case p.total < 0 && !(p.ended() || p.empty()):
		return -1, nil
	}
	return max(p.total, p.records), nil
}
