package activities

import (
	"context"
	"fmt"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// ProbeInput names what to test.
type ProbeInput struct {
	Connector string `json:"connector"`
	Kind      string `json:"kind"`
}

// Probe tests whether a connector can read a kind's records, stores what each
// step found, and returns it. A step that fails is a result, not an error.
func (a *Activities) Probe(ctx context.Context, in ProbeInput) ([]source.Check, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Doing: "testing " + in.Connector})
	defer stop()
	checks, err := a.probe(beating, in)
	return checks, toTemporal(beating, err)
}

func (a *Activities) probe(ctx context.Context, in ProbeInput) ([]source.Check, error) {
	connector, err := a.store.Connector(ctx, in.Connector)
	if err != nil {
		return nil, err
	}
	kind, err := kinds.Find(in.Kind)
	if err != nil {
		return nil, err
	}
	checks, err := a.check(ctx, connector.ID, kind)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	before, err := a.store.LastSeen(ctx, connector.ID, in.Kind)
	if err != nil {
		return nil, err
	}
	compare(checks, before)
	if err := a.store.SaveChecks(ctx, connector.ID, in.Kind, checks); err != nil {
		return nil, err
	}
	for _, c := range checks {
		level := "info"
		if c.Health != source.Healthy || c.Advice != "" {
			level = "warn"
		}
		a.note(ctx, catalog.Plan{ConnectorID: connector.ID, Connector: connector.Name}, 0, level,
			fmt.Sprintf("connection test: %s %s: %s", c.Step, c.Health, c.Message), map[string]any{"kind": in.Kind})
	}
	return checks, nil
}

// check runs the steps of a test. A connector that cannot even be opened, for
// example because its secret cannot be read here, is misconfigured.
func (a *Activities) check(ctx context.Context, connectorID int64, kind source.Kind) ([]source.Check, error) {
	session, err := a.session(ctx, connectorID, kind)
	if f := fault.As(err); f != nil && f.Class == fault.Refused {
		bare := *f
		bare.Advice = ""
		return []source.Check{{Step: "settings", Health: source.Misconfigured, Message: bounded(bare.Error()), Advice: f.Advice, Seen: -1}}, nil
	}
	if err != nil {
		return nil, err
	}
	return session.Probe(ctx), nil
}

// compare says of each step that sees less than it did in the last test that
// counted: the vendor leaves out what is outside the account's scope without a
// word.
func compare(checks []source.Check, before []catalog.ConnectorCheck) {
	for i := range checks {
		c := &checks[i]
		for _, last := range before {
			if last.Step != c.Step || c.Seen < 0 || c.Seen >= last.Seen {
				continue
			}
			c.Message += fmt.Sprintf("; that is fewer than the %d of the test of %s UTC", last.Seen, last.At.UTC().Format("2006-01-02 15:04"))
			if c.Advice == "" {
				c.Advice = "if nothing was removed, the account's scope, tags or licence may have been narrowed: what is outside of it is left out without an error"
			}
		}
	}
}
