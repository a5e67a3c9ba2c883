package activities

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// PlanSampleInput asks for some of the records that a profile reads, of these of
// its asset types.
type PlanSampleInput struct {
	Profile    string   `json:"profile"`
	AssetTypes []string `json:"assetTypes"`
}

// PlannedSample says from where a sample is fetched.
type PlannedSample struct {
	// Pool is the worker pool that fetches; empty: all workers.
	Pool string `json:"pool,omitempty"`
}

// PlanSample says whether some records can be fetched, and from where.
func (a *Activities) PlanSample(ctx context.Context, in PlanSampleInput) (PlannedSample, error) {
	planned, err := a.planSample(ctx, in)
	return planned, a.toTemporal(ctx, err)
}

func (a *Activities) planSample(ctx context.Context, in PlanSampleInput) (PlannedSample, error) {
	profile, connector, _, err := a.sampled(ctx, in.Profile)
	if err != nil {
		return PlannedSample{}, err
	}
	for _, name := range in.AssetTypes {
		if !slices.Contains(profile.AssetTypes, name) {
			return PlannedSample{}, &fault.Error{Class: fault.Refused, Code: "unknown-asset-type",
				Message: fmt.Sprintf("profile %s does not read %s", profile.Name, name), Advice: "name some of what it reads: " + strings.Join(profile.AssetTypes, ", ")}
		}
	}
	return PlannedSample{source.Pool(source.Connection{Settings: connector.Settings})}, nil
}

// sampled finds the profile whose records are to be looked at, and what they
// come from. The profile may be inactive: whoever sets it up looks before it
// runs.
func (a *Activities) sampled(ctx context.Context, name string) (catalog.Profile, catalog.Connector, source.Kind, error) {
	profile, err := a.store.Profile(ctx, name)
	if err != nil {
		return profile, catalog.Connector{}, nil, err
	}
	connector, err := a.store.ConnectorByID(ctx, profile.ConnectorID)
	if err != nil {
		return profile, connector, nil, err
	}
	kind, err := kinds.Find(profile.Kind)
	switch {
	case err != nil:
		err = &fault.Error{Class: fault.Refused, Code: "unknown-kind", Message: "profile " + name, Err: err,
			Advice: "this worker is older than the profile: update it"}
	case source.ReadsUploads(kind):
		err = &fault.Error{Class: fault.Refused, Code: "no-vendor", Message: "profile " + name + " reads files that people send: there is no vendor to ask",
			Advice: "look at the records of its last import, or at those of a file"}
	case !connector.Active:
		err = &fault.Error{Class: fault.Refused, Code: "inactive", Message: "connector " + connector.Name + " is disabled",
			Advice: "'sluice connectors enable " + connector.Name + "' lets it be used again"}
	default:
		if err = source.CheckFilters(kind, profile.Filters); err != nil {
			err = &fault.Error{Class: fault.Refused, Code: "bad-filter", Message: "profile " + name, Err: err,
				Advice: "change the profile's filters: 'sluice profiles update " + name + " --help'"}
		}
	}
	return profile, connector, kind, err
}

// SampleInput asks for the first records of an asset type that a profile reads.
type SampleInput struct {
	Profile   string `json:"profile"`
	AssetType string `json:"assetType"`
	Records   int    `json:"records"` // at most
}

// Sampled is what was fetched. The records themselves are a sample in the
// catalog: they are no part of a workflow's history.
type Sampled struct {
	ID        int64  `json:"id"` // of the sample; 0: there are no records
	AssetType string `json:"assetType"`
	Records   int    `json:"records"`
	Ended     bool   `json:"ended"` // there are no more
	// Unread says what could not be read on the way, and why: the first of it.
	Unread []string `json:"unread,omitempty"`
}

const (
	// sampleBound is how long records are waited for; what has come by then
	// counts.
	sampleBound = time.Minute
	// sampleUnread is how much of what could not be read is told.
	sampleUnread = 10
)

// Sample fetches the first records of an asset type as a run of the profile
// would, and keeps them for whoever asked. It is no run: it takes no lease, may
// be beside one, and changes nothing that runs go by.
func (a *Activities) Sample(ctx context.Context, in SampleInput) (Sampled, error) {
	beating, say, stop := withHeartbeat(ctx, Beat{Stream: in.AssetType, Doing: "fetching a sample"})
	defer stop()
	sampled, err := a.sample(beating, in, say)
	return sampled, a.toTemporal(beating, err)
}

func (a *Activities) sample(ctx context.Context, in SampleInput, say func(Beat)) (Sampled, error) {
	profile, connector, kind, err := a.sampled(ctx, in.Profile)
	if err != nil {
		return Sampled{}, err
	}
	session, err := a.sessionOf(connector, kind)
	if err != nil {
		return Sampled{}, err
	}
	s := sample{Sampled: Sampled{AssetType: in.AssetType}, most: in.Records}
	if err := a.fetchSample(ctx, &s, profile, session, say); err != nil {
		return Sampled{}, err
	}
	for i, text := range s.Unread {
		s.Unread[i] = a.told(text)
	}
	if s.Records > 0 {
		s.ID, err = a.store.SaveSample(ctx, profile.ID, s.lines)
	}
	return s.Sampled, err
}

// fetchSample reads until a sample has enough. What comes to an end before, by
// an error or because it takes too long, is a sample as well once there is a
// record.
func (a *Activities) fetchSample(ctx context.Context, s *sample, profile catalog.Profile, session source.Session, say func(Beat)) error {
	reading, cancel := context.WithTimeout(ctx, sampleBound)
	defer cancel()
	reading = governor.WaitUntil(reading, time.Now().Add(sampleBound*3/4)) // or it would not be said who is in the way
	reading = governor.OnBehalf(reading, fmt.Sprintf("preview of %s, %s", profile.Name, s.AssetType))
	reader, err := session.Read(reading, source.Request{
		AssetType: s.AssetType, Filters: profile.Filters,
		Recall: func(ctx context.Context, keys []string) (map[string]string, error) {
			return a.store.Recall(ctx, profile.ID, s.AssetType, keys)
		},
		Exclusive: a.store.Exclusive,
	})
	if err != nil {
		return err
	}
	defer func() {
		cancel() // what is under way
		_ = reader.Close()
	}()
	for !s.enough() {
		var chunk source.Chunk
		if chunk, err = reader.Next(reading); err == nil {
			err = s.add(chunk)
		}
		if err != nil {
			break
		}
		say(Beat{Stream: s.AssetType, Doing: "fetching a sample", Records: int64(s.Records)})
	}
	switch why := fault.As(err); {
	case err != nil && reading.Err() != nil && ctx.Err() == nil:
		err = late(s.AssetType)
	case why != nil && why.Class == fault.Throttled && why.Advice == "":
		waits := *why
		waits.Advice = fmt.Sprintf("it has to be waited for: try again in %s", why.Wait.Round(time.Second))
		err = &waits
	}
	if err == nil || s.Records == 0 || ctx.Err() != nil {
		return err
	}
	s.unread(err.Error())
	return nil
}

// late is the error of an asset type that brought too little in time.
func late(assetType string) error {
	return &fault.Error{Class: fault.Refused, Code: TypeStalled,
		Message: fmt.Sprintf("%s did not bring what was asked for within %s", assetType, sampleBound), Advice: "the vendor may be slow, or down: try again later"}
}

// sample is what has been fetched of one so far.
type sample struct {
	Sampled
	most  int    // records
	lines []byte // a record each
	full  bool   // the next record is too much for it
}

func (s *sample) enough() bool { return s.Ended || s.full || s.Records >= s.most }

// add takes of a chunk what there is room for.
func (s *sample) add(c source.Chunk) error {
	for line := range bytes.Lines(c.Data) {
		s.full = len(s.lines)+len(line) > catalog.MaxSample
		switch {
		case s.Records == s.most:
			return nil
		case s.full && s.Records == 0:
			return &fault.Error{Class: fault.Refused, Code: "sample-too-large",
				Message: fmt.Sprintf("the first record of %s is larger than %d MiB, which there is room for", s.AssetType, catalog.MaxSample>>20)}
		case s.full:
			s.unread(fmt.Sprintf("there is room for %d MiB: further records are left out", catalog.MaxSample>>20))
			return nil
		}
		s.lines = append(s.lines, line...)
		s.Records++
	}
	for _, aside := range c.SetAside {
		s.unread("a record was set aside: " + aside.Reason)
	}
	for _, scope := range c.Unread {
		s.unread(scope.ID + " could not be read: " + scope.Reason)
	}
	if s.Ended = c.End; c.Doubt != "" {
		s.unread("not complete: " + c.Doubt)
	}
	return nil
}

func (s *sample) unread(text string) {
	if len(s.Unread) < sampleUnread {
		s.Unread = append(s.Unread, text)
	}
}
