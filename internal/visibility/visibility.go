// Package visibility names the search attributes by which runs are found in
// Temporal's lists, and registers them.
//
// A namespace that does not know an attribute refuses every workflow task that
// sets it, which would hold the run for ever. So the attributes are set only
// where they are known to exist: see [Available].
package visibility

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// The search attributes of runs, all keywords. A query in the Temporal UI is
// such as: SluiceProfile = "acme-apps" AND SluiceOutcome = "partial".
var (
	Connector = temporal.NewSearchAttributeKeyKeyword("SluiceConnector")
	Profile   = temporal.NewSearchAttributeKeyKeyword("SluiceProfile")
	// State is Processing while assets are fetched and Processed once they
	// are all in. A run that ended otherwise has none.
	State = temporal.NewSearchAttributeKeyKeyword("SluiceState")
	// Outcome is set when the run ends.
	Outcome = temporal.NewSearchAttributeKeyKeyword("SluiceOutcome")
)

// keys are all of them.
var keys = []temporal.SearchAttributeKeyKeyword{Connector, Profile, State, Outcome}

// Register makes the attributes known in a namespace; doing so again changes
// nothing. A service that reserves this to its administrators, such as
// Temporal Cloud, answers with an error that says what to do there. Runs work
// without the attributes, so a caller should warn and go on.
func Register(ctx context.Context, c client.Client, namespace string) error {
	there, err := Available(ctx, c)
	if err != nil || there {
		return err
	}
	attributes := make(map[string]enums.IndexedValueType, len(keys))
	for _, key := range keys {
		attributes[key.GetName()] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: attributes,
	})
	if err != nil {
		return fmt.Errorf("the search attributes could not be registered in namespace %s, so runs cannot be found by them: %w; "+
			"an administrator can do it: '%s'", namespace, err, byHand(namespace))
	}
	return nil
}

// byHand is the command that an administrator can run.
func byHand(namespace string) string {
	text := "temporal operator search-attribute create --namespace " + namespace
	for _, key := range keys {
		text += " --name " + key.GetName() + " --type Keyword"
	}
	return text
}

// Available says whether all attributes exist in the client's namespace, by
// asking what a person would: a question that uses them. That needs no right
// but to list workflows, and works with every kind of visibility store.
func Available(ctx context.Context, c client.Client) (bool, error) {
	conditions := make([]string, len(keys))
	for i, key := range keys {
		conditions[i] = key.GetName() + " = 'x'"
	}
	_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: strings.Join(conditions, " AND ")})
	var unknown *serviceerror.InvalidArgument
	if errors.As(err, &unknown) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask Temporal whether the search attributes are registered: %w", err)
	}
	return true, nil
}
