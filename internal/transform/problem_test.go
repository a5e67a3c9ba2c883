package transform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNearestNameIsOneThatCouldBeMeant(t *testing.T) {
	t.Parallel()
	known := []string{"id", "url", "name", "severity"}
	for name, want := range map[string]string{"ulr": "url", "nmae": "name", "idd": "id", "serverity": "severity", "now": "", "xyz": ""} {
		require.Equal(t, want, nearest(name, known), name)
	}
	require.Empty(t, nearest("now", []string{"or"}))
}
