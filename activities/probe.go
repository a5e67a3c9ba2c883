package activities

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// ProbeInput names what to test.
type ProbeInput struct {
	Connector   string `json:"connector"`
	Application string `json:"application"`
	Version     int32  `json:"version,omitempty"` // of the connector, the one to test; 0: whatever it is
}

// probeBound is how long an application is tested; the steps that a vendor has
// answered by then count.
const probeBound = time.Minute

// probePatience is how much longer than a run a test waits for a call that others
// leave no room for. It ends before the test, so that it says why.
const probePatience = 4

// Probe tests whether a connector can use an application of its vendor, stores
// what each step found, and returns it. A step that fails is a result, not an
// error.
func (a *Activities) Probe(ctx context.Context, in ProbeInput) ([]source.Check, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Doing: "testing " + in.Connector + " for " + in.Application})
	defer stop()
	checks, err := a.probe(beating, in)
	return checks, a.toTemporal(beating, err)
}

func (a *Activities) probe(ctx context.Context, in ProbeInput) ([]source.Check, error) {
	connector, err := a.tested(ctx, in.Connector, in.Version)
	if err != nil {
		return nil, err
	}
	application, err := findApplication(connector, in.Application)
	if err != nil {
		return nil, err
	}
	before, err := a.store.LastSeen(ctx, connector.ID, in.Application)
	if err != nil {
		return nil, err
	}
	checks, err := a.check(governor.OnBehalf(ctx, "connection test of "+connector.Name), connector, application)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := a.tested(ctx, in.Connector, in.Version); err != nil {
		return nil, err
	}
	for i := range checks {
		checks[i].Message, checks[i].Advice = a.secrets.Text(checks[i].Message), a.secrets.Text(checks[i].Advice)
	}
	compare(checks, before)
	advise(checks)
	return checks, a.keepChecks(ctx, connector, in.Application, checks)
}

// UntestedInput says of which application a test could not run, and why.
type UntestedInput struct {
	Connector   string `json:"connector"`
	Application string `json:"application"`
	Reason      string `json:"reason"`
	Advice      string `json:"advice,omitempty"`
}

// Untested stores, and returns as Probe does, that nothing is known of an
// application because its test could not run.
func (a *Activities) Untested(ctx context.Context, in UntestedInput) ([]source.Check, error) {
	connector, err := a.store.Connector(ctx, in.Connector)
	if err != nil {
		return nil, a.toTemporal(ctx, err)
	}
	checks := []source.Check{{Step: "test", Health: source.Unknown, Message: in.Reason, Advice: in.Advice, Seen: -1}}
	return checks, a.toTemporal(ctx, a.keepChecks(ctx, connector, in.Application, checks))
}

// keepChecks stores what a test found, and tells the connector's log.
func (a *Activities) keepChecks(ctx context.Context, connector catalog.Connector, application string, checks []source.Check) error {
	if err := a.store.SaveChecks(ctx, connector, application, checks); err != nil {
		return err
	}
	for _, c := range checks {
		level := "info"
		if c.Health != source.Healthy || c.Advice != "" {
			level = "warn"
		}
		a.note(ctx, catalog.Plan{ConnectorID: connector.ID, Connector: connector.Name}, 0, level,
			fmt.Sprintf("connection test: %s: %s %s: %s", application, c.Step, c.Health, c.Message), map[string]any{"application": application})
	}
	return nil
}

// check runs the steps of a test. A connector that cannot even be opened, for
// example because its secret cannot be read here, is misconfigured.
func (a *Activities) check(ctx context.Context, connector catalog.Connector, application source.Application) ([]source.Check, error) {
	prober, err := a.prober(connector, application)
	if f := fault.As(err); f != nil && f.Class == fault.Refused {
		bare := *f
		bare.Advice = ""
		return []source.Check{{Step: "settings", Health: source.Misconfigured, Message: bounded(bare.Error()), Advice: f.Advice, Seen: -1}}, nil
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	return prober.Probe(governor.WaitUntil(ctx, time.Now().Add(min(probePatience*a.limits.ShortWait, probeBound*3/4)))), nil
}

// prober is what tests an application: the session of the kind that reads it,
// so that both share what they know of the credentials.
func (a *Activities) prober(connector catalog.Connector, application source.Application) (source.Prober, error) {
	if application.Kind != "" {
		kind, err := kinds.Find(application.Kind)
		if err != nil {
			return nil, err
		}
		return a.sessionOf(connector, kind)
	}
	connection, err := a.connect(connector)
	if err != nil {
		return nil, err
	}
	return application.Open(connection)
}

// advise says what to do of steps that are not healthy, where the provider has
// nothing better to say.
func advise(checks []source.Check) {
	for i := range checks {
		c := &checks[i]
		switch {
		case c.Advice != "":
		case c.Health == source.NotAsked:
			c.Advice = "nothing: 'sluice connectors limits' shows who makes calls; test again when they have ended"
		case c.Health == source.Throttled:
			c.Advice = "nothing: runs wait until the vendor lets them go on; 'sluice connectors limits' shows until when, and who makes calls"
		case c.Health != source.Healthy:
			c.Advice = "test again later; if it stays, the message and the worker's log are what to ask the vendor, or us, about"
		}
	}
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
