package inventory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/transform"
)

// with is an asset with so many findings, from the first of these on.
func with(id string, from, n int) transform.Asset {
	var findings []transform.Finding
	for i := range n {
		findings = append(findings, finding(fmt.Sprint(from+i), 4))
	}
	return app(id, findings...)
}

// An account that may not see findings any more gets their assets without.
func TestFindingsThatAllVanishFromTheirAssetsRecordsAreNotFixed(t *testing.T) {
	guard := func(p *inventory.Policy) { p.ShrinkPercent, p.AcceptBy = 20, "the command" }
	for name, full := range map[string]bool{"full": true, "delta": false} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			e.write(with("1", 0, 30), with("2", 0, 70))
			policy := func(p *inventory.Policy) { guard(p); p.Full = full }
			require.Equal(t, inventory.Reconciled{}, e.reconcile(policy))

			e.run()
			e.write(with("1", 0, 9), with("2", 0, 70))
			done := e.reconcile(policy)
			require.Contains(t, done.Guarded, "21 of 100 known open findings were not delivered any more, above the limit of 20 %")
			require.Contains(t, done.Guarded, "'the command'")
			require.Zero(t, done.Fixed)
			require.Equal(t, "open", e.findings()["1/29"].Status)
			require.Equal(t, inventory.Reconciled{}, e.reconcile(policy), "what was not believed is not kept for later")

			e.run()
			e.write(with("1", 0, 10), with("2", 0, 70))
			require.EqualValues(t, 20, e.reconcile(policy).Fixed, "within the limit")
			e.run()
			e.write(with("1", 0, 0), with("2", 0, 70))
			require.EqualValues(t, 10, e.reconcile(func(p *inventory.Policy) { policy(p); p.ShrinkPercent = 0 }).Fixed, "a few go whatever share of all they are")
			e.run()
			e.write(with("1", 0, 0), with("2", 0, 0))
			require.EqualValues(t, 70, e.reconcile(func(p *inventory.Policy) { policy(p); p.AcceptShrink = true }).Fixed)
		})
	}
}

// A file with a heading and nothing below it is an export that failed rather
// than one of an estate that has been mended.
func TestNothingAtAllFixesNoFindingUnasked(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 4)), found("1", finding("11", 4)))
	e.run()
	policy := func(p *inventory.Policy) { p.ShrinkPercent, p.AllAssets, p.Nothing = 20, true, true }
	require.Contains(t, e.reconcile(policy).Guarded, "2 of 2 known open findings")
	require.EqualValues(t, 2, e.reconcile(func(p *inventory.Policy) { policy(p); p.AcceptShrink = true }).Fixed)
}
