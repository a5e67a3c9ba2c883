package azureapim

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// The steps of a connection test, in order.
const (
	stepToken         = "token"
	stepSubscriptions = "subscriptions"
	stepGroups        = "resource groups"
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
		{stepToken, p.token}, {stepSubscriptions, p.subscribed}, {stepGroups, p.grouped},
		{stepServices, p.serviced}, {stepAPIs, p.listed}, {stepExport, p.export}, {stepDownload, p.download},
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
	candidates    []listed // for an export
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

// grouped counts the resource groups. Those that may not be read are said, and
// are no failure: only the tags of resource groups are missed for them.
func (p *probe) grouped(ctx context.Context, told *source.Check) error {
	subscriptions := first(p.subscriptions, probedSubscriptions)
	seen := make([]int, len(subscriptions))
	refused, err := p.each(ctx, len(subscriptions), func(ctx context.Context, i int, _ refuse) error {
		groups, err := p.session.listGroups(ctx, subscriptions[i])
		seen[i] = len(groups)
		return err
	})
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(refused, func(err error) bool { return !dispensable(err) }); i >= 0 {
		return refused[i]
	}
	told.Seen = sum(seen)
	told.Message = fmt.Sprintf("the application sees %d%s", told.Seen, ofFirst(len(subscriptions), len(p.subscriptions), "subscriptions"))
	refused.tell(told, "subscriptions", ", and their APIs come without the tags of resource groups")
	return nil
}

func (p *probe) serviced(ctx context.Context, told *source.Check) error {
	subscriptions := first(p.subscriptions, probedSubscriptions)
	found := make([][]*service, len(subscriptions))
	refused, err := p.each(ctx, len(subscriptions), func(ctx context.Context, i int, _ refuse) (err error) {
		found[i], err = p.session.listServices(ctx, subscriptions[i])
		return err
	})
	if err != nil {
		return err
	}
	for i, services := range found {
		for _, svc := range services {
			p.services = append(p.services, &scope{at: svc.at, subscription: subscriptions[i], service: svc})
		}
	}
	if len(p.services) == 0 && len(refused) > 0 {
		return refused[0]
	}
	slices.SortFunc(p.services, func(a, b *scope) int { return a.at.order().compare(b.at.order()) })
	told.Seen = int64(len(p.services))
	told.Message = fmt.Sprintf("the application sees %d%s", told.Seen, ofFirst(len(subscriptions), len(p.subscriptions), "subscriptions"))
	refused.tell(told, "subscriptions", "")
	if told.Seen == 0 {
		told.Health = source.Misconfigured
		told.Advice = "if there are API Management services, give the application the role " + azure.ReaderRole + " on their subscriptions: what it may not see is left out without a word"
	}
	return nil
}

// listed counts what a run without filters reads: the APIs of all services and
// workspaces, in their current revision.
func (p *probe) listed(ctx context.Context, told *source.Check) error {
	services := first(p.services, probedServices)
	found := make([][]listed, len(services))
	read := make([]bool, len(services))
	list := func(ctx context.Context, in *scope) ([]listed, error) {
		apis, _, err := p.session.listOnly(ctx, in)
		return apis, err
	}
	refused, err := p.each(ctx, len(services), func(ctx context.Context, i int, refuse refuse) (err error) {
		read[i] = true
		found[i], err = p.session.listService(ctx, services[i], list, func(id string, err error) error {
			read[i] = read[i] && id != services[i].at.id()
			return refuse(err)
		})
		return err
	})
	switch {
	case err != nil:
		return err
	case !slices.Contains(read, true):
		return refused[0]
	}
	seen := make([]int, len(found))
	for i, apis := range found {
		for _, a := range apis {
			if a.current {
				seen[i]++
			}
		}
	}
	told.Seen = sum(seen)
	told.Message = fmt.Sprintf("the application sees %d%s", told.Seen, ofFirst(len(services), len(p.services), "services"))
	refused.tell(told, "services or workspaces", "")
	if p.candidates = exportable(slices.Concat(found...)); len(p.candidates) == 0 {
		p.done = true
		told.Message += "; there is none of type http to try an export with"
	}
	return nil
}

// probedExports is how many APIs an export is tried with: there are odd ones
// that Azure cannot export (recorded), and runs read in another way.
const probedExports = 3

// exportable chooses APIs to try an export with. Those come first that Azure
// mixes up with no other, so that no run is disturbed.
func exportable(apis []listed) []listed {
	related := map[string]int{}
	for _, a := range apis {
		related[a.family]++
	}
	apis = slices.DeleteFunc(apis, func(a listed) bool { return a.typ != typeHTTP || !a.current })
	slices.SortStableFunc(apis, func(a, b listed) int { return min(related[a.family], 2) - min(related[b.family], 2) })
	return first(apis, probedExports)
}

func (p *probe) export(ctx context.Context, told *source.Check) (err error) {
	for _, a := range p.candidates {
		if err = p.exportOne(ctx, a, told); err == nil || !azure.Skippable(err) {
			break
		}
	}
	return err
}

func (p *probe) exportOne(ctx context.Context, a listed, told *source.Check) error {
	answer, err := p.session.client.Export(ctx, a.at.path(), a.version, exportOpenAPILink)
	if err != nil {
		return err
	}
	if err := refusePage(answer.Body, "management API"); err != nil {
		return err
	}
	link, document := readExport(answer.Body)
	told.Message = "exported " + a.at.API + " of " + a.at.Service
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
	if err := refusePage(data, "blob storage"); err != nil {
		return err
	}
	told.Message = fmt.Sprintf("downloaded %d bytes", len(data))
	return nil
}

// refusePage is an error when what should be an OpenAPI document is a web page.
func refusePage(data []byte, of string) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return nil
	}
	return &fault.Error{
		Class: fault.Contract, Code: transport.CodeMarkup,
		Message: "Azure's " + of + " answered with a web page instead of an OpenAPI document",
		Advice:  "this is usually a login page or a proxy's notice: let the worker's network through to Azure",
	}
}
