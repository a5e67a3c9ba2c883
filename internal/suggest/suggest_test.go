package suggest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	known := []string{"APPLICATION", "APICOLLECTION"}
	require.Equal(t, "APPLICATION", Nearest("aplication", known))
	require.Equal(t, "APICOLLECTION", Nearest("API_COLLECTION", known))
	require.Empty(t, Nearest("host", known), "nothing is near")
	require.Empty(t, Nearest("x", nil))
}

func TestEnding(t *testing.T) {
	require.Equal(t, "; did you mean prod? (known: prod, test)", Ending("prdo", []string{"prod", "test"}))
	require.Equal(t, " (known: prod, test)", Ending("hosts-in-europe", []string{"prod", "test"}))
	require.Empty(t, Ending("x", nil))
}
