package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test's binary be the bench's children too.
func TestMain(m *testing.M) {
	if serve, ok := childRole(); ok {
		os.Exit(report(serve(context.Background())))
	}
	os.Exit(m.Run())
}

func TestAQuickBenchMeasuresEveryPart(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	require.NoError(t, bench(t.Context(), []string{"-quick", "-rounds", "2", "-output", "json"}, &out, &progress), &progress)

	var got result
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Rounds, 2)
	for _, r := range got.Rounds {
		for name, p := range map[string]part{"first": r.First, "unchanged": r.Unchanged, "changed": r.Changed} {
			require.Positive(t, p.FindingsPerSecond, name)
			require.Positive(t, p.WorkerPeakMB, name)
			require.Positive(t, p.History.Events, name)
			require.Equal(t, 1, p.History.Executions, name)
			for _, activity := range []string{"plan", "fetch", "transform", "upsert", "reconcile", "finish"} {
				require.Positive(t, p.History.Activities[activity].Count, "%s: %s", name, activity)
			}
			require.Less(t, p.History.IdleSeconds, p.Seconds, name)
		}
		require.Positive(t, r.Changed.Findings.Updated)
		require.Positive(t, r.Copy.FindingsPerSecond)
		require.Greater(t, r.First.WALMB, r.Unchanged.WALMB)
	}
	require.Zero(t, got.Bounds[0].Value, "no row version is written for what did not change")
	require.Contains(t, got.Setting.PostgreSQL, "fsync on")
}

// aRound is a round that takes these times for the same rows.
func aRound(first, unchanged, reference float64) round {
	of := func(seconds float64) part { return part{Seconds: seconds, FindingsPerSecond: 1000 / seconds} }
	return round{First: of(first), Unchanged: of(unchanged), Changed: of(unchanged), Copy: of(reference)}
}

func TestBoundsHoldTheMedianOfTheRounds(t *testing.T) {
	t.Parallel()
	rounds := []round{aRound(4, 2, 2), aRound(10, 1, 2), aRound(4, 8, 2)}

	met := summarise(options{minFirst: 0.5, minUnchanged: 2}, setting{}, rounds)
	require.NoError(t, met.missed())
	require.Equal(t, spread{Median: 0.5, Min: 0.2, Max: 0.5}, *met.figure("ratio to COPY of the round").First)
	require.Nil(t, met.figure("ratio to COPY of the round").Copy)

	missed := summarise(options{minFirst: 0.6, minUnchanged: 2}, setting{}, rounds)
	require.EqualError(t, missed.missed(), "bounds missed: first load, as a ratio to COPY of the same rows, at least 0.6: it is 0.50")
	var text bytes.Buffer
	require.NoError(t, missed.print(&text))
	require.Contains(t, text.String(), "MISSED  first load")
	require.Contains(t, text.String(), "0.50 (0.20..0.50)")

	require.NotContains(t, text.String(), "Other work")
	rounds[1].Copy.CPUSeconds = map[string]float64{"others": 30}
	require.Contains(t, summarise(options{}, setting{}, rounds).Busy, "Other work took 0.7 CPUs")

	rounds[1].Changed.RewrittenUnchanged = 3
	require.ErrorContains(t, summarise(options{}, setting{}, rounds).missed(), "row versions written for unchanged rows, at most 0: it is 3")
}

func TestACommandLineThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"-rounds=0":     "-rounds must be 1 or more",
		"-findings=no":  "invalid value",
		"-output=xml":   "-output is table or json",
		"-changed=1.5":  "-changed is a share",
		"fast":          "no arguments beside flags",
		"-applications": "needs an argument",
	} {
		var messages bytes.Buffer
		_, err := parseOptions([]string{args}, &messages)
		require.ErrorIs(t, err, errUsage, args)
		require.Contains(t, messages.String(), says)
	}
	o, err := parseOptions([]string{"-quick", "-findings", "5000"}, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, 5000, o.findings, "what is given counts")
	require.Zero(t, o.minFirst)
}
