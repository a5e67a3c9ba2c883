package qualyswas_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source/qualyswas"
)

func TestTheCardSaysWhatTheKindDoesAndNeeds(t *testing.T) {
	t.Parallel()
	card := qualyswas.New(qualyswas.Options{}).Card()
	require.Equal(t, "WAS", card.Application)
	for name, text := range map[string]string{
		"vendor": card.Vendor, "product": card.Product, "category": card.Category, "assets": card.Assets, "findings": card.Findings,
		"version": card.Version, "type": card.IntegrationType, "direction": card.Direction, "delta": card.Delta,
	} {
		require.NotEmpty(t, text, name)
	}
	require.Len(t, card.Authentication, 3)
	steps := strings.Join(card.Permissions, "; ")
	for _, step := range []string{"Users > Users", "EULA", "My Profile > Auth ID Client Management > User Level > New Client", "shown this once"} {
		require.Contains(t, steps, step)
	}
}
