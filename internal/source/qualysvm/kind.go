// Package qualysvm reads Qualys VM (VMDR): hosts, their detections, and the
// knowledge base that detections refer to.
package qualysvm

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// The streams, beside fo.KnowledgeBase.
const (
	Host      = "HOST"
	Detection = "DETECTION"
)

// overlap is how far a delta run reads back. Both streams go by when Qualys
// processed a host, not by when it was scanned, so that little is late; its own
// connectors allow for two hours until what was processed is published (Qualys
// documentation: "Qualys Dataflow", of other modules: inferred for VM). With
// agents, every further hour brings more hosts again that have not changed.
const overlap = 2 * time.Hour

// Options bound the work of this kind. Zero values take the defaults.
type Options struct {
	HostPage      int // hosts asked for at a time; default 1000
	DetectionPage int // hosts with detections asked for at a time; default 500
	Limits        fo.Limits
	// Transport gives timeouts and bounds; endpoint and vendor are filled in.
	Transport transport.Options
}

// New returns the kind.
func New(o Options) source.Kind {
	o.HostPage = cmp.Or(o.HostPage, 1000)
	// The vendor's own clients ask for 500, and advise 100 or more: each call
	// counts against a limit.
	o.DetectionPage = cmp.Or(o.DetectionPage, 500)
	return kind{o}
}

type kind struct{ options Options }

func (kind) Name() string     { return "qualys-vm" }
func (kind) Title() string    { return "Qualys VM" }
func (kind) Provider() string { return "qualys" }

func (kind) AssetTypes() []source.AssetType {
	return []source.AssetType{
		{
			Name: Host, Role: source.Assets, Class: "host",
			Model: "qualys-vm.host", Map: "qualys-vm-host", Overlap: overlap,
		},
		{
			Name: Detection, Role: source.Findings, Class: "host",
			Model: "qualys-vm.detection", Map: "qualys-vm-detection", Overlap: overlap,
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
	if err := client.Need(qualys.VM); err != nil {
		return nil, err
	}
	concurrency, err := qualys.Concurrency(c)
	if err != nil {
		return nil, err
	}
	options := k.options
	pageSize, err := qualys.PageSize(c)
	if err != nil {
		return nil, err
	}
	if pageSize > 0 {
		options.HostPage, options.DetectionPage = pageSize, pageSize
	}
	return &session{
		client: client, fo: fo.NewSession(client, options.Limits), options: options,
		concurrency: cmp.Or(concurrency, qualys.DefaultConcurrency),
	}, nil
}

// session implements source.Session.
type session struct {
	client  *qualys.Client
	fo      *fo.Session
	options Options
	// concurrency is how many calls of a list are made beside each other.
	concurrency int
}

// Read implements source.Session. No call is made before the first Next.
func (s *session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	stream := fo.Stream{
		Listing: hostIDs, ListingForm: hostForm(req, detailsNone),
		Concurrency: s.concurrency,
	}
	switch req.AssetType {
	case fo.KnowledgeBase.Name:
		return s.fo.ReadKnowledgeBase(req.Since, req.Cursor)
	case Host:
		stream.Call, stream.Form, stream.Page = hostList, hostForm(req, detailsAll), s.options.HostPage
		stream.Complete = true
		return s.fo.Read(stream, req.Cursor)
	case Detection:
		// Hosts without detections that meet the filters are left out by the
		// vendor: that one is listed and does not arrive says nothing.
		stream.Call, stream.Form, stream.Page = detections(req.Filters), detectionForm(req), s.options.DetectionPage
		return s.fo.Read(stream, req.Cursor)
	}
	return nil, &fault.Error{
		Class: fault.Refused, Code: "asset-type",
		Message: fmt.Sprintf("Qualys VM has no asset type %q%s", req.AssetType,
			suggest.Ending(req.AssetType, []string{Host, Detection, fo.KnowledgeBase.Name})),
	}
}

// Probe implements source.Session: the credentials, and one small call of
// each list.
func (s *session) Probe(ctx context.Context) []source.Check {
	checks := []source.Check{s.client.CheckVMCredentials(ctx)}
	if checks[0].Health != source.Healthy {
		return checks
	}
	return append(checks,
		qualys.CheckCount("hosts", "hosts", func() (int64, error) { return s.fo.Count(ctx, hostIDs, hostForm(source.Request{}, detailsNone)) }),
		s.peek(ctx),
		s.fo.ProbeKnowledgeBase(ctx),
		qualys.CheckCount("tags in scope", "tags", func() (int64, error) { return s.client.CountTags(ctx) }),
	)
}

// peek asks for the detections of one host.
func (s *session) peek(ctx context.Context) source.Check {
	begin := time.Now()
	form := detectionForm(source.Request{})
	form.Set("truncation_limit", "1")
	err := s.fo.Peek(ctx, detections(nil), form)
	check := qualys.CheckFrom("detections", err, time.Since(begin))
	if err == nil {
		check.Message = "answered"
	}
	return check
}
