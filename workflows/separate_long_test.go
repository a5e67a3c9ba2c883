//go:build long

package workflows_test

import (
	"testing"

	"sluice/internal/config"
	"sluice/internal/simulator"
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
