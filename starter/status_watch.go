package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"sluice/internal/lifecycle"
)

// watchEvery is how often a status that is watched is asked for.
const watchEvery = 2 * time.Second

// watch shows a status again whenever it has changed, until the context ends.
// On a terminal the new one takes the place of the old one.
func (a *app) watch(ctx context.Context, show func(context.Context, *app) error) error {
	if _, _, err := a.both(ctx); err != nil { // opened once, not for each page
		return err
	}
	_, terminal := isTerminal(a.out)
	var before []byte
	for {
		var now bytes.Buffer
		page := *a
		page.out = &now
		if err := show(ctx, &page); err != nil {
			if ctx.Err() != nil {
				return nil // Ctrl-C is how watching ends
			}
			return err
		}
		if !bytes.Equal(now.Bytes(), before) {
			switch {
			case terminal && a.forTables():
				fmt.Fprint(a.out, "\x1b[H\x1b[2J")
			case before != nil && a.forTables():
				fmt.Fprintf(a.out, "\n%s\n", time.Now().Format(time.TimeOnly))
			}
			if _, err := a.out.Write(now.Bytes()); err != nil {
				return err
			}
			before = bytes.Clone(now.Bytes())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// connectorStatus sums the status of a connector's profiles.
type connectorStatus struct {
	Connector string                  `json:"connector"`
	State     lifecycle.State         `json:"state"`
	Profiles  map[lifecycle.State]int `json:"profiles"` // how many stand where
	// Trouble lists the profiles whose last run was not a success, with its
	// outcome.
	Trouble map[string]lifecycle.Outcome `json:"trouble,omitempty"`
}

var connectorStatusColumns = []column[connectorStatus]{
	{"connector", func(s connectorStatus) any { return s.Connector }},
	{"state", func(s connectorStatus) any { return string(s.State) }},
	{"registered", func(s connectorStatus) any { return s.Profiles[lifecycle.Registered] }},
	{"scheduled", func(s connectorStatus) any { return s.Profiles[lifecycle.Scheduled] }},
	{"processing", func(s connectorStatus) any { return s.Profiles[lifecycle.Processing] }},
	{"processed", func(s connectorStatus) any { return s.Profiles[lifecycle.Processed] }},
	{"trouble", func(s connectorStatus) any {
		trouble := make(map[string]string, len(s.Trouble))
		for profile, outcome := range s.Trouble {
			trouble[profile] = string(outcome)
		}
		return assignments(trouble)
	}},
}

func (a *app) printConnectorStatus(ctx context.Context) error {
	_, connectors, err := a.connectors(ctx)
	if err != nil {
		return err
	}
	profiles, err := a.allStatus(ctx)
	if err != nil {
		return err
	}
	sums := make([]connectorStatus, len(connectors))
	for i, c := range connectors {
		sum := connectorStatus{Connector: c.Name, Profiles: make(map[lifecycle.State]int), Trouble: make(map[string]lifecycle.Outcome)}
		var states []lifecycle.State
		for _, p := range profiles {
			if p.Connector != c.Name {
				continue
			}
			states = append(states, p.State)
			sum.Profiles[p.State]++
			if p.Last != nil && p.Last.Outcome != lifecycle.Succeeded {
				sum.Trouble[p.Profile] = p.Last.Outcome
			}
		}
		sum.State = lifecycle.Sum(states)
		sums[i] = sum
	}
	return printList(a, sums, connectorStatusColumns)
}
