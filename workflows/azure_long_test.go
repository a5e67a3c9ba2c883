//go:build long

package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/config"
	"sluice/internal/simulator/azure"
)

// TestALargeAzureEqualsTheVendorsTruth has the course of the test beside it
// with 3 subscriptions, 12 services and 1,500 APIs, and the limits that a worker
// has.
func TestALargeAzureEqualsTheVendorsTruth(t *testing.T) {
	s := newAzureStage(t, azure.Config{Seed: 23, Subscriptions: 3, Services: 12, APIs: 1500}, setup{limits: config.DefaultLimits})
	require.NoError(t, s.vendor.SetFaults(nuisances(0.002)...))
	s.requireAzureCourse()
}
