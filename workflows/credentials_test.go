package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/workflows"
)

// everyKind runs a profile of each of Qualys's kinds on the stage's connector,
// beside each other, and returns their results.
func (s *stage) everyKind() (results []workflows.Result) {
	c, err := s.store.Connector(s.t.Context(), "tas")
	require.NoError(s.t, err)
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	profile := s.profile
	defer func() { s.profile = profile }()
	var runs []client.WorkflowRun
	for _, kind := range []string{"qualys-tas", "qualys-was", "qualys-vm"} {
		s.profile = profile + "-" + kind
		s.createProfile(s.profile, c.ID, kind)
		runs = append(runs, s.start(workflows.Input{Profile: s.profile}))
	}
	for _, run := range runs {
		var result workflows.Result
		if err := run.Get(ctx, &result); err != nil {
			result.Outcome, result.Reason = lifecycle.Failed, err.Error()
		}
		results = append(results, result)
	}
	return results
}

func TestWorkersShareOneToken(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: everyApplication})
	s.addWorker()
	for _, result := range s.everyKind() {
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	}
	require.Equal(t, int64(1), s.sim.Counts().TokensMinted, "by two workers and three kinds together")
	s.addWorker()
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, int64(1), s.sim.Counts().TokensMinted, "one that starts later uses it, too")
}

func TestATokenRevokedInTheMiddleIsReplacedOnce(t *testing.T) {
	t.Parallel()
	config := everyApplication
	config.Applications = 300
	config.Faults = []simulator.Fault{{Kind: faults.RevokeTokens, Endpoint: faults.Applications, Call: 4}}
	s := newStage(t, setup{estate: config})
	s.addWorker()
	for _, result := range s.everyKind() {
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	}
	require.Equal(t, 1, s.sim.Counts().Faults[faults.RevokeTokens])
	require.Equal(t, int64(2), s.sim.Counts().TokensMinted)
}

// TestAWrongSecretIsOfferedOnce offers one to two workers at the same time: by
// runs of all kinds, and a test of all applications.
func TestAWrongSecretIsOfferedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ settings, secrets map[string]string }{
		"password":      {map[string]string{"clientId": ""}, map[string]string{"clientSecret": "", "password": "not-the-password"}},
		"client secret": {map[string]string{"username": ""}, map[string]string{"clientSecret": "not-the-secret", "password": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTested(t, everyApplication, c.settings, c.secrets)
			s.addWorker()
			tested := make(chan error, 1)
			go func() {
				_, _, err := s.test(workflows.TestInput{Connector: "tas", All: true})
				tested <- err
			}()
			for _, result := range s.everyKind() {
				require.Equal(t, lifecycle.Failed, result.Outcome)
			}
			require.NoError(t, <-tested)
			require.Equal(t, 1, s.sim.FailedSignIns()[s.sim.DefaultUser().Name], "accounts lock")

			// Once it is right, the refusal is forgotten.
			settings, secrets := credentialsOf(s.sim.DefaultUser())
			s.set(settings)
			s.setSecrets(secrets)
			result, _, err := s.test(workflows.TestInput{Connector: "tas", All: true})
			require.NoError(t, err)
			for application, health := range healthOf(result) {
				require.Equal(t, source.Healthy, health, fmt.Sprintf("%s: %+v", application, result.Checks[application]))
			}
		})
	}
}
