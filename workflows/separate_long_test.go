//go:build long

package workflows_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/config"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// TestALargeEstateEqualsTheVendorsTruth has the course of the tests beside it
// with 5,000 hosts, 400,000 detections, 500 web applications and 40,000
// findings, and the limits that a worker has.
func TestALargeEstateEqualsTheVendorsTruth(t *testing.T) {
	estate := simulator.Config{Seed: 13, Hosts: 5000, DetectionsPerHost: 80, KnowledgeEntries: 5000, UnpublishedEntries: 0.02, WebApps: 500, WebFindings: 40_000}
	t.Run("web applications", func(t *testing.T) {
		s := newStage(t, setup{estate: estate, kind: "qualys-was", limits: config.DefaultLimits, settings: map[string]string{"pageSize": "1000"}})
		s.faults(passable(0.03))
		s.requireCourse(s.requireWebTruth)
	})
	t.Run("hosts", func(t *testing.T) {
		s := newStage(t, setup{estate: estate, kind: "qualys-vm", limits: config.DefaultLimits, settings: map[string]string{"pageSize": "200"}, filters: map[string][]string{"information": {"true"}}})
		s.faults(passable(0.03))
		s.requireCourse(s.requireHostTruth)
	})
}

// TestAHostOfAnySizeIsReadInFlatMemory reads hosts of which one has 20,000
// detections, with 5 MB of results in all and with 500 MB.
func TestAHostOfAnySizeIsReadInFlatMemory(t *testing.T) {
	peak := func(bytesEach int) int64 {
		s := newStage(t, setup{
			estate: simulator.Config{Seed: 14, Hosts: 20, DetectionsPerHost: 5, LargeHost: simulator.LargeHost{Detections: 20_000, ResultBytes: bytesEach}},
			kind:   "qualys-vm", filters: map[string][]string{"results": {"true"}}, settings: map[string]string{"pageSize": "1000"},
			database: migrated.Database(t), noWorker: true,
		})
		worker := s.startWorker("SLUICE_BATCH_PAGES=50")
		result, err := s.run(workflows.Input{Profile: s.profile})
		require.NoError(t, err)
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
		require.Greater(t, result.Findings.Created, int64(15_000))
		require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
		require.NoError(t, worker.Wait())
		return worker.ProcessState.SysUsage().(*syscall.Rusage).Maxrss // KiB
	}
	small, large := peak(250), peak(25_000)
	t.Logf("the worker's peak: %d MiB with 5 MB of results, %d MiB with 500 MB", small>>10, large>>10)
	require.Less(t, large, small*2, "what is waiting to be written is bounded; so is everything else")
}
