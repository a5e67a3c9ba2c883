// Package qualyswas reads Qualys WAS: web applications, their findings, and
// the knowledge base that findings refer to.
package qualyswas

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/qualys/qps"
	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// The asset types, by the vendor's names; the knowledge base is a third.
const (
	WebApp  = "WEBAPP"
	Finding = "FINDING"
)

// overlap is how far a delta run reads back. WAS publishes no bound on how
// late a scan's findings can be found by a search; results of a scan are
// processed after it has ended, with the dates of the scan. Two hours are what
// Qualys states for TotalAppSec, which is built on WAS; twice that costs little.
const overlap = 4 * time.Hour

// Options bound the work of this kind. Zero values take the defaults.
type Options struct {
	PageSize    int           // records asked for at a time; default 1000
	Concurrency int           // searches of one stream at the same time; default 2
	ChunkBytes  int           // a chunk ends above this; default 4 MiB
	MaxRecord   int64         // bytes of one record; default 64 MiB
	Backoff     time.Duration // before the second try of a page; default 250 ms
	// LookAhead bounds what is read before it is asked for, in bytes; default
	// 24 MiB.
	LookAhead int
	// Transport gives timeouts and bounds; endpoint and vendor are filled in.
	Transport transport.Options
}

// New returns the kind.
func New(o Options) source.Kind {
	o.PageSize = cmp.Or(o.PageSize, qps.DefaultPageSize)
	o.Concurrency = cmp.Or(o.Concurrency, qualys.DefaultConcurrency)
	o.LookAhead = cmp.Or(o.LookAhead, 24<<20)
	o.MaxRecord = cmp.Or(o.MaxRecord, 64<<20)
	return kind{o}
}

type kind struct{ options Options }

func (kind) Name() string     { return "qualys-was" }
func (kind) Title() string    { return "Qualys WAS" }
func (kind) Provider() string { return "qualys" }

func (kind) AssetTypes() []source.AssetType {
	return []source.AssetType{
		{
			Name: WebApp, Role: source.Assets, Class: "application",
			Model: "qualys-was.webapp", Map: "qualys-was-webapp", Overlap: overlap,
		},
		{
			Name: Finding, Role: source.Findings, Class: "application",
			Model: "qualys-was.finding", Map: "qualys-was-finding", Overlap: overlap,
		},
		fo.KnowledgeBase,
	}
}

// Open implements source.Kind.
func (k kind) Open(c source.Connection) (source.Session, error) {
	client, err := qualys.NewClient(c, k.options.Transport)
	if err != nil {
		return nil, err
	}
	if err := client.Need(qualys.WAS); err != nil {
		return nil, err
	}
	options := k.options
	pageSize, err := qualys.PageSize(c)
	if err != nil {
		return nil, err
	}
	options.PageSize = cmp.Or(pageSize, options.PageSize)
	concurrency, err := qualys.Concurrency(c)
	if err != nil {
		return nil, err
	}
	options.Concurrency = cmp.Or(concurrency, options.Concurrency)
	format, err := qualys.WASFormat(c)
	if err != nil {
		return nil, err
	}
	limits := fo.Limits{Chunk: options.ChunkBytes, Backoff: options.Backoff}
	return &session{client: client, vm: fo.NewSession(client, limits), format: format, options: options}, nil
}

// session implements source.Session.
type session struct {
	client  *qualys.Client
	vm      *fo.Session // has the knowledge base
	format  qualys.Format
	vain    qualys.Vain
	options Options
}

// Read implements source.Session. No call is made before the first Next.
func (s *session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	switch req.AssetType {
	case WebApp:
		return newReader(s, webApps, req)
	case Finding:
		return newReader(s, findings, req)
	case fo.KnowledgeBase.Name:
		return s.vm.ReadKnowledgeBase(req.Since, req.Cursor)
	}
	return nil, &fault.Error{
		Class: fault.Refused, Code: "asset-type",
		Message: fmt.Sprintf("WAS has no asset type %q%s", req.AssetType, suggest.Ending(req.AssetType, []string{WebApp, Finding, fo.KnowledgeBase.Name})),
	}
}
