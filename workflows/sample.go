package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
)

const (
	// SampleType is the workflow type's name.
	SampleType = "SampleWorkflow"
	// SampleIDPrefix begins the workflow ids of samples: preview/<profile>/<any>.
	SampleIDPrefix = "preview/"
)

// SampleInput asks for the first records of some of a profile's asset types, as
// it reads them now.
type SampleInput struct {
	Profile    string   `json:"profile"`
	AssetTypes []string `json:"assetTypes"`
	Records    int      `json:"records"` // of all together, at most
}

// SampleResult says what was fetched, and where in the catalog it is to be
// taken from: the records themselves are in no workflow's history.
type SampleResult struct {
	Samples []activities.Sampled `json:"samples"`
}

// SampleWorkflowID is the id of a sample of a profile, of which there may be any
// number at the same time: one tells it from the others.
func SampleWorkflowID(profile, one string) string { return SampleIDPrefix + profile + "/" + one }

// SampleSummary describes a sample in the Temporal UI.
func SampleSummary(profile string) string { return "some records of profile " + profile }

// SampleWorkflow fetches a profile's first records to be looked at. It does so
// from where the workers are, or those of the connector's pool: the machine of
// the person who asks need not reach the vendor, nor be able to open its
// secrets. It is no run, may be beside one, and changes nothing.
func SampleWorkflow(ctx workflow.Context, in SampleInput) (SampleResult, error) {
	samples, err := sample(ctx, in)
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) { // said in so many words, and not as an activity's error
		err = temporal.NewApplicationErrorWithOptions(refused.Message(), refused.Type(), temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
	}
	return SampleResult{samples}, err
}

func sample(ctx workflow.Context, in SampleInput) (samples []activities.Sampled, err error) {
	var planned activities.PlannedSample
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(planning, in.Profile)), acts.PlanSample,
		activities.PlanSampleInput{Profile: in.Profile, AssetTypes: in.AssetTypes}).Get(ctx, &planned)
	if err != nil {
		return nil, err
	}
	for _, assetType := range in.AssetTypes {
		if in.Records == 0 {
			break
		}
		options := inPool(ctx, summarised(sampling, fmt.Sprintf("%s · up to %d records", assetType, in.Records)), planned.Pool, poolPatience)
		var s activities.Sampled
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), acts.Sample,
			activities.SampleInput{Profile: in.Profile, AssetType: assetType, Records: in.Records}).Get(ctx, &s)
		if planned.Pool != "" && notBegun(err) {
			return nil, temporal.NewNonRetryableApplicationError(NotServed(planned.Pool)+": "+ServeIt(planned.Pool), "not-served", err)
		}
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
		in.Records -= s.Records
	}
	return samples, nil
}
