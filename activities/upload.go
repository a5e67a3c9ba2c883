package activities

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// checkUpload makes sure that a run is given a file to read when its kind reads
// files, and only then.
func (a *Activities) checkUpload(ctx context.Context, in PlanInput, profile catalog.Profile, kind source.Kind) error {
	refuse := func(code, message, advice string) error {
		return &fault.Error{Class: fault.Refused, Code: code, Message: message, Advice: advice}
	}
	switch {
	case !source.ReadsUploads(kind) && in.Upload != 0:
		return refuse("bad-input", fmt.Sprintf("profile %s reads from %s, and was given a file", profile.Name, kind.Title()), "leave \"upload\" out of the input")
	case !source.ReadsUploads(kind):
		return nil
	case in.Upload == 0:
		return refuse("no-upload", fmt.Sprintf("profile %s reads files that people send, and was given none", profile.Name), "'sluice import FILE --profile "+profile.Name+"' sends one and runs it")
	case in.Since != "":
		return refuse("bad-input", "a file has no date to read again from", "leave \"since\" out of the input")
	}
	u, err := a.store.Upload(ctx, in.Upload)
	if err == nil && u.ProfileID != profile.ID {
		err = refuse("bad-input", fmt.Sprintf("upload %d was sent for another profile than %s", u.ID, profile.Name), "import the file for this one")
	}
	return err
}

// checkRecords makes sure that a map's records can be of an asset type that
// does not say itself what they are.
func (a *Activities) checkRecords(ctx context.Context, t source.AssetType, version catalog.MapVersion) error {
	models, err := a.store.Models(ctx)
	if err != nil {
		return err
	}
	model := models.Get(version.SourceModel)
	if model == nil {
		return &fault.Error{Class: fault.Refused, Code: "unknown-model", Message: fmt.Sprintf("map %s reads %s, which is no data model", version.Ref(), version.SourceModel)}
	}
	if err := kinds.CheckModel(t, model); err != nil {
		return &fault.Error{Class: fault.Refused, Code: "bad-map", Message: "map " + version.Ref(), Err: err}
	}
	return nil
}

// ofUpload says what the file of a run stands for: everything that there is or,
// in a delta run, what is to be added. That joins nothing that was read before,
// so that no watermark moves.
func ofUpload(plan catalog.Plan, in PlanInput, now time.Time) catalog.Plan {
	plan.Upload = in.Upload
	if in.Mode != lifecycle.Delta {
		plan.Mode, plan.ModeReason = lifecycle.Full, "the file is all that there is"
		return plan
	}
	plan.Mode, plan.ModeReason, plan.Again = lifecycle.Delta, "the file adds to what is there", true
	for i := range plan.Streams {
		plan.Streams[i].Since = now
	}
	return plan
}

// upload is what a run was given to read; nil: nothing.
func (a *Activities) upload(ctx context.Context, id int64) (*source.Upload, error) {
	if id == 0 {
		return nil, nil
	}
	u, err := a.store.Upload(ctx, id)
	if err != nil {
		return nil, err
	}
	return &source.Upload{Name: u.Name, Reading: u.Reading, Records: u.Records, Open: func(ctx context.Context, from int64) io.ReadCloser {
		return a.store.OpenUpload(ctx, u, from)
	}}, nil
}
