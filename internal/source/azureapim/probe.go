package azureapim

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
)

// The steps of a connection test, in order.
const (
	stepToken         = "token"
	stepSubscriptions = "subscriptions"
	stepServices      = "API Management services"
	stepAPIs          = "APIs"
	stepExport        = "export"
	stepDownload      = "download"
)

// Probe implements source.Session: it goes the way of a run down to one
// specification, and stops at the first step that fails.
func (s *session) Probe(ctx context.Context) []source.Check {
	p := &probe{session: s}
	for _, step := range []struct {
		name string
		take func(context.Context, *source.Check) error
	}{
		{stepToken, p.token}, {stepSubscriptions, p.subscribed}, {stepServices, p.serviced},
		{stepAPIs, p.listed}, {stepExport, p.export}, {stepDownload, p.download},
	} {
		begin := time.Now()
		told := source.Check{Seen: -1}
		err := step.take(ctx, &told)
		check := azure.CheckFrom(step.name, err, time.Since(begin))
		if err == nil {
			check.Message, check.Seen = told.Message, told.Seen
			check.Health, check.Advice = cmp.Or(told.Health, source.Healthy), told.Advice
		}
		p.checks = append(p.checks, check)
		if check.Health != source.Healthy || p.done {
			break
		}
	}
	return p.checks
}

// probe is what the steps of a connection test leave to those after them.
type probe struct {
	session       *session
	checks        []source.Check
	done          bool // there is nothing to go on with
	subscriptions []*subscription
	services      []*scope
	api           *listed
	link          string
}

func (p *probe) token(ctx context.Context, told *source.Check) error {
	at := p.session.client.Settings
	told.Message = "token received from " + at.Cloud.Authority + " for tenant " + at.TenantID
	return p.session.client.RenewToken(ctx)
}

func (p *probe) subscribed(ctx context.Context, told *source.Check) (err error) {
	if p.subscriptions, err = p.session.listSubscriptions(ctx); err != nil {
		return err
	}
	told.Seen = int64(len(p.subscriptions))
	told.Message = fmt.Sprintf("the application sees %d", told.Seen)
	return nil
}

func (p *probe) serviced(ctx context.Context, told *source.Check) error {
	var refused error
	for _, sub := range p.subscriptions {
		services, err := p.session.listServices(ctx, sub)
		if err != nil {
			if refused = err; !azure.Skippable(err) {
				return err
			}
			continue
		}
		for _, svc := range services {
			p.services = append(p.services, &scope{at: svc.at, subscription: sub, service: svc})
		}
	}
	if len(p.services) == 0 && refused != nil {
		return refused
	}
	told.Seen = int64(len(p.services))
	told.Message = fmt.Sprintf("the application sees %d%s", told.Seen, but(refused))
	if told.Seen == 0 {
		told.Health = source.Misconfigured
		told.Advice = "if there are API Management services, give the application the role " + azure.ReaderRole + " on their subscriptions: what it may not see is left out without a word"
	}
	return nil
}

// listed counts the APIs of the first service that can be read, which says
// whether the role goes far enough.
func (p *probe) listed(ctx context.Context, told *source.Check) error {
	var refused error
	read, seen := 0, 0
	for _, svc := range p.services {
		apis, err := p.session.listAPIs(ctx, svc)
		if err != nil {
			if refused = err; !azure.Skippable(err) {
				return err
			}
			continue
		}
		read, seen = read+1, seen+len(apis)
		for i := range apis {
			if p.api == nil && apis[i].typ == typeHTTP && apis[i].current {
				families(apis[i : i+1])
				p.api = &apis[i]
			}
		}
		if p.api != nil {
			break
		}
	}
	if read == 0 {
		return refused
	}
	told.Seen = int64(seen)
	told.Message = fmt.Sprintf("the application sees %d in the first %d of %d services%s", seen, read, len(p.services), but(refused))
	if p.api == nil {
		p.done = true
		told.Message += "; there is none of type http to try an export with"
	}
	return nil
}

// but says what else could not be read.
func but(refused error) string {
	if refused == nil {
		return ""
	}
	return "; others cannot be read: " + refused.Error()
}

func (p *probe) export(ctx context.Context, told *source.Check) error {
	answer, err := p.session.client.Export(ctx, p.api.at.path(), p.api.version, exportOpenAPILink)
	if err != nil {
		return err
	}
	link, document := readExport(answer.Body)
	told.Message = "exported " + p.api.at.API + " of " + p.api.at.Service
	switch {
	case link != "":
		p.link = link
	case len(document) > 0:
		told.Message += "; the document came with the answer"
		p.done = true
	default:
		return &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: "Azure answered the export with neither a document nor a link to one"}
	}
	return nil
}

func (p *probe) download(ctx context.Context, told *source.Check) error {
	data, err := p.session.client.Download(ctx, p.link)
	if err != nil {
		return err
	}
	told.Message = fmt.Sprintf("downloaded %d bytes", len(data))
	return nil
}
