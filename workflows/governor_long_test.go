//go:build long

package workflows_test

import "testing"

func TestLimitsAreKeptForManyWindows(t *testing.T) {
	requireLimitsKept(t, "0", 300, 2500)
}
