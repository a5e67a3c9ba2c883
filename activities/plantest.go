package activities

import (
	"context"
	"slices"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// PlanTestInput asks for a test of a connector. Without applications those are
// tested that the connector's profiles use or, without profiles, that any kind
// of its provider reads; All tests every one.
type PlanTestInput struct {
	Connector    string   `json:"connector"`
	Applications []string `json:"applications,omitempty"`
	All          bool     `json:"all,omitempty"`
	Version      int32    `json:"version,omitempty"` // the one to test; 0: whatever it is
}

// PlannedTest is what a test is made of.
type PlannedTest struct {
	Connector    string   `json:"connector"`
	Applications []string `json:"applications"`
	// Pool is the worker pool that tests; empty: all workers.
	Pool string `json:"pool,omitempty"`
	// Warnings are what people are to know whatever the test finds.
	Warnings []string `json:"warnings,omitempty"`
}

// PlanTest says which applications a connector is tested for, and from where.
func (a *Activities) PlanTest(ctx context.Context, in PlanTestInput) (PlannedTest, error) {
	planned, err := a.planTest(ctx, in)
	return planned, a.toTemporal(ctx, err)
}

func (a *Activities) planTest(ctx context.Context, in PlanTestInput) (PlannedTest, error) {
	connector, err := a.tested(ctx, in.Connector, in.Version)
	if err != nil {
		return PlannedTest{}, err
	}
	planned := PlannedTest{Connector: connector.Name, Pool: source.Pool(source.Connection{Settings: connector.Settings}), Warnings: warnings(connector)}
	var wanted []string
	for _, name := range in.Applications {
		application, err := findApplication(connector, name)
		if err != nil {
			return PlannedTest{}, err
		}
		wanted = append(wanted, application.Name)
	}
	if len(wanted) == 0 && !in.All {
		if wanted, err = a.applicationsUsed(ctx, connector); err != nil {
			return PlannedTest{}, err
		}
	}
	for _, application := range kinds.Applications(connector.Provider) {
		byDefault := len(wanted) == 0 && (in.All || application.Kind != "")
		if byDefault || slices.Contains(wanted, application.Name) {
			planned.Applications = append(planned.Applications, application.Name)
		}
	}
	return planned, nil
}

// tested returns the connector to test. Of another version than the one asked
// for, nothing is found out: what was asked is whether that one connects.
func (a *Activities) tested(ctx context.Context, name string, version int32) (catalog.Connector, error) {
	connector, err := a.store.Connector(ctx, name)
	if err == nil && version != 0 && connector.Version != version {
		err = &fault.Error{Class: fault.Refused, Code: TypeChanged, Message: "connector " + name + " was changed since its test was asked for", Advice: "test it again"}
	}
	return connector, err
}

// findApplication returns the application of that name of a connector's
// provider.
func findApplication(connector catalog.Connector, name string) (source.Application, error) {
	application, err := kinds.FindApplication(connector.Provider, name)
	if err != nil {
		return application, &fault.Error{Class: fault.Refused, Code: "unknown-application", Message: "connector " + connector.Name, Err: err}
	}
	return application, nil
}

// applicationsUsed are those that the connector's profiles read; none when it
// has no profiles.
func (a *Activities) applicationsUsed(ctx context.Context, connector catalog.Connector) ([]string, error) {
	profiles, err := a.store.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	var used []string
	for _, p := range profiles {
		if p.ConnectorID != connector.ID {
			continue
		}
		if kind, err := kinds.Find(p.Kind); err == nil {
			used = append(used, kind.Card().Application)
		}
	}
	return used, nil
}

// warnings are what each run and test of a connector says of its settings.
func warnings(connector catalog.Connector) []string {
	if warning := source.Warning(source.Connection{Connector: connector.Name, Settings: connector.Settings}); warning != "" {
		return []string{warning}
	}
	return nil
}
