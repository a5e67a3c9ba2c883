package azure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
)

func BenchmarkTruthOfAPIs(b *testing.B) {
	sim, err := azure.New(azure.Config{Subscriptions: 3, Services: 12, APIs: 1500, Start: start})
	require.NoError(b, err)
	for b.Loop() {
		for api := range sim.Revisions() {
			require.NotEmpty(b, api.ID)
		}
	}
}

func BenchmarkNewEstate(b *testing.B) {
	for b.Loop() {
		_, err := azure.New(azure.Config{Subscriptions: 3, Services: 12, APIs: 100_000, Start: start})
		require.NoError(b, err)
	}
}
