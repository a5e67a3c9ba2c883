package azureapim

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// record is what is delivered of an API. Members of raw JSON are as Azure sent
// them; the others are added here, so that a map has one place for each thing.
type record struct {
	ID             string `json:"id"` // ARM id in lower case
	Name           string `json:"name"`
	SubscriptionID string `json:"subscriptionId"`
	ResourceGroups string `json:"resourceGroups"`
	Service        string `json:"service"`
	API            string `json:"api"` // name without a revision
	MasifLocation  string `json:"masifLocation,omitempty"`
	Type           string `json:"type"`
	IsCurrent      bool   `json:"isCurrent"`
	ETag           string `json:"etag,omitempty"`
	PublicURL      string `json:"publicUrl,omitempty"`

	Properties        json.RawMessage `json:"properties"`
	Revision          json.RawMessage `json:"revision,omitempty"`
	VersionSet        json.RawMessage `json:"versionSet,omitempty"`
	Workspace         json.RawMessage `json:"workspace,omitempty"`
	ServiceProperties json.RawMessage `json:"serviceProperties,omitempty"`
	ResourceGroup     json.RawMessage `json:"resourceGroup,omitempty"`
	Subscription      json.RawMessage `json:"subscription,omitempty"`
	Tags              []string        `json:"tags,omitempty"`

	Specification specification `json:"specification"`
	Readiness     readiness     `json:"readiness"`
}

// documentPrefix begins the place of a specification: the inventory keeps it
// by its hash.
const documentPrefix = "sluice:document/"

// outcome is what came of reading an API: a record, or nothing since it is as
// it was or gone, or why it alone could not be read.
type outcome struct {
	line     []byte
	document *source.Document
	key      string // to remember by
	remember string
	setAside *source.SetAside
	clock    time.Time
	err      error // one that concerns more than this API
}

// readAPI reads an API.
func (r *reader) readAPI(ctx context.Context, a listed) outcome {
	answer, err := r.session.client.Get(ctx, a.at.path(), a.version, nil)
	if f := fault.As(err); f != nil && f.Code == transport.CodeNotFound {
		return outcome{} // removed since it was listed
	}
	o := readObject(answer.Body)
	properties := o.object("properties")
	if err == nil && properties == nil {
		err = &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: "the answer of Azure to " + a.at.path() + " is not an API"}
	}
	if err != nil {
		return r.notRead(a, err)
	}
	a.typ = typeOf(properties)
	known, err := r.recall(ctx, a.externalID())
	if err != nil {
		return outcome{err: err}
	}
	rec := a.describe(properties)
	rec.ETag = answer.ETag
	now := memory{ETag: answer.ETag, Around: around(rec.Tags, rec.VersionSet, rec.Workspace, rec.ServiceProperties, rec.ResourceGroup, rec.Subscription)}
	clock := answer.Clock // all ages are by the vendor's clock
	if clock.IsZero() {
		clock = time.Now()
	}
	holds := known.holds(answer.ETag, r.session.client.Settings, clock)
	if holds && r.delta && known.Around == now.Around {
		return outcome{clock: answer.Clock}
	}
	revision, err := r.revision(ctx, a, properties)
	if err != nil {
		return r.notRead(a, err)
	}
	out := outcome{key: a.externalID(), clock: answer.Clock}
	now.Exported, now.Passing, now.Specification = known.Exported, known.Passing, known.Specification
	if !holds {
		got, err := r.specify(ctx, a, properties)
		if err != nil {
			return r.notRead(a, err)
		}
		out.document = got.document
		now.Exported, now.Passing, now.Specification = clock.UTC().Truncate(time.Second), got.passing, got.specification
		if got.passing && known.Specification.Hash != "" && known.Specification.Format != formatOperations {
			// The document of the last export says more than what is left now.
			now.Specification, out.document = known.Specification, nil
			now.Specification.Flags = flagged(known.Specification.Flags, flagNotRefreshed)
			now.Specification.Reason = "the specification is of an earlier export: " + got.Reason
		}
	}
	out.remember = now.String()
	service := a.scope.service.properties
	rec.Revision = revision.raw()
	rec.Specification = now.Specification
	rec.Specification.Flags = flagged(now.Specification.Flags, flagsOf(a, properties, revision, service)...)
	if rec.Specification.Hash != "" {
		rec.MasifLocation = documentPrefix + rec.Specification.Hash
	}
	rec.Readiness = readinessOf(rec, service)
	out.line, err = json.Marshal(rec)
	if err != nil {
		return r.notRead(a, &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: "the description of an API cannot be written", Err: err})
	}
	return out
}

// notRead is the outcome for an API that could not be read.
func (r *reader) notRead(a listed, err error) outcome {
	if !azure.Skippable(err) {
		return outcome{err: err}
	}
	return outcome{setAside: &source.SetAside{ExternalID: a.externalID(), Reason: err.Error(), Head: fault.As(err).Detail}}
}

// describe is the record of an API without what has to be asked for.
func (a listed) describe(properties object) *record {
	in := a.scope
	set := a.versionSetOf(properties)
	service := in.service.properties
	return &record{
		ID: a.externalID(), Name: a.at.API, SubscriptionID: in.subscription.id, ResourceGroups: in.at.Group,
		Service: in.at.Service, API: rootName(a.at.API), Type: a.typ, IsCurrent: a.current,
		PublicURL: publicURL(a, properties, service, set), Properties: properties.raw(), VersionSet: set.raw(),
		Workspace: flat(in.workspace).raw(), ServiceProperties: service.raw(),
		ResourceGroup: in.subscription.groups[strings.ToLower(in.at.Group)].raw(), Subscription: in.subscription.row.raw(),
		Tags: in.tags[strings.ToLower(rootName(a.at.API))],
	}
}

// versionSetOf is the version set of an API; nil without one.
func (a listed) versionSetOf(properties object) object {
	id := cmp.Or(properties.text("apiVersionSetId"), a.versionSet)
	if set := a.scope.versionSets[strings.ToLower(lastPart(id))]; id != "" && set != nil {
		return flat(set)
	}
	return properties.object("apiVersionSet")
}

// flat is a resource with its properties beside its id and name.
func flat(resource object) object {
	if resource == nil {
		return nil
	}
	out := object{}
	for name, value := range resource.object("properties") {
		out[name] = value
	}
	for _, name := range []string{"id", "name"} {
		if value := resource[name]; value != nil {
			out[name] = value
		}
	}
	return out
}

// revision reads what is told of an API's revision; nil when that is refused.
func (r *reader) revision(ctx context.Context, a listed, properties object) (revision object, err error) {
	number := properties.text("apiRevision")
	err = r.session.client.List(ctx, a.at.root().path()+"/revisions", a.version, nil, func(row json.RawMessage) error {
		if o := readObject(row); o.text("apiRevision") == number {
			revision = o
		}
		return nil
	})
	if err != nil && dispensable(err) {
		return nil, nil
	}
	return revision, err
}

// recall reads what earlier runs remembered of an API.
func (r *reader) recall(ctx context.Context, id string) (memory, error) {
	if r.request.Recall == nil {
		return memory{}, nil
	}
	known, err := r.request.Recall(ctx, []string{id})
	return readMemory(known[id]), err
}
