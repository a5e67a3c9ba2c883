package inventory_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/transform"
)

// unlisted is an asset whose record lists no findings.
func unlisted(id, name string) *transform.Asset { return &transform.Asset{ExternalID: id, Name: name} }

func listed(id string, findings ...transform.Finding) *transform.Asset {
	a := app(id, findings...)
	return &a
}

func TestRecordsOfAnAssetThatContradictEachOtherAreCounted(t *testing.T) {
	t.Parallel()
	type record struct{ taken, rejected, leftOut *transform.Asset }
	taken := func(a *transform.Asset) record { return record{taken: a} }
	for _, c := range []struct {
		name    string
		records []record
		want    int64
	}{
		{"of different assets", []record{taken(unlisted("a", "x")), taken(unlisted("b", "y"))}, 0},
		{"alike", []record{taken(unlisted("a", "x")), taken(unlisted("a", "x")), taken(unlisted("a", "x"))}, 0},
		{"with other values", []record{taken(unlisted("a", "x")), taken(unlisted("a", "y")), taken(unlisted("b", "y"))}, 1},
		{"with findings of their own", []record{taken(listed("a", finding("1", 5))), taken(listed("a", finding("2", 5))), taken(listed("a"))}, 2},
		{"of which one lists findings", []record{taken(listed("a", finding("1", 5))), taken(unlisted("a", "x"))}, 1},
		{"of which one was rejected", []record{{rejected: unlisted("a", "")}, taken(unlisted("a", "x"))}, 0},
		{"of which one was rejected and one lists findings", []record{{rejected: unlisted("a", "")}, taken(listed("a", finding("1", 5)))}, 1},
		{"of which one lists findings and one was rejected", []record{taken(listed("a", finding("1", 5))), {rejected: unlisted("a", "")}}, 1},
		{"that were rejected", []record{{rejected: unlisted("a", "")}, {rejected: unlisted("a", "")}}, 0},
		{"that differ, after one that was rejected", []record{{rejected: unlisted("a", "")}, taken(unlisted("a", "x")), taken(unlisted("a", "y"))}, 1},
		{"of which one was left out", []record{{leftOut: unlisted("a", "")}, taken(listed("a", finding("1", 5)))}, 0},
	} {
		for _, batches := range []string{"one batch", "a batch each"} {
			for _, dry := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, dry %t", c.name, batches, dry), func(t *testing.T) {
					e := newEstate(t)
					e.scope.Once = true
					var got int64
					batch := inventory.NewBatch(e.scope.Role)
					write := func() {
						if dry {
							got += e.writeDry(batch).Conflicting
						} else {
							got += e.writeBatch(batch).Conflicting
						}
						batch = inventory.NewBatch(e.scope.Role)
					}
					for _, r := range c.records {
						switch {
						case r.taken != nil:
							batch.Add(r.taken, nil)
						case r.rejected != nil:
							batch.SawRejected(r.rejected.ExternalID)
						default:
							batch.Saw(r.leftOut.ExternalID)
						}
						if batches == "a batch each" {
							write()
						}
					}
					write()
					require.Equal(t, c.want, got)
				})
			}
		}
	}
}

func TestOnlyTheRecordsOfARunContradictEachOther(t *testing.T) {
	e := newEstate(t)
	e.scope.Once = true
	require.Zero(t, e.write(*unlisted("a", "x")).Conflicting)
	e.run()
	require.Zero(t, e.write(*unlisted("a", "y")).Conflicting, "what the next file says is newer")
	e.scope.Once = false
	require.Zero(t, e.write(*unlisted("a", "z")).Conflicting, "a vendor moves records from page to page")
}

func TestWhatWasLeftOutIsCounted(t *testing.T) {
	e := newEstate(t)
	batch := inventory.NewBatch(e.scope.Role)
	batch.LeftOutAssets, batch.LeftOutFindings = 3, 5
	require.Equal(t, inventory.Counts{Assets: lifecycle.Counts{LeftOut: 3}, Findings: lifecycle.Counts{LeftOut: 5}}, e.writeBatch(batch))
	require.Equal(t, inventory.Counts{Assets: lifecycle.Counts{LeftOut: 3}, Findings: lifecycle.Counts{LeftOut: 5}}, e.writeDry(batch))
}

func (e *estate) writeDry(batch *inventory.Batch) (counts inventory.Counts) {
	e.inTx(func(tx pgx.Tx) (err error) {
		counts, err = inventory.WriteDry(e.t.Context(), tx, e.scope, batch)
		return err
	})
	return counts
}

func TestFindingsOfAFileThatContradictEachOtherAreCounted(t *testing.T) {
	e := newSeparateEstate(t)
	e.scope.Once = true
	twice := func(first, again transform.Finding) int64 {
		return e.write(found("1", first), found("1", again)).Conflicting
	}
	require.Zero(t, twice(finding("10", 4), finding("11", 4)))
	require.Zero(t, twice(finding("10", 4), finding("10", 4)), "they say the same")
	require.EqualValues(t, 1, twice(finding("10", 4), finding("10", 5)))
	e.scope.Once = false
	require.Zero(t, twice(finding("10", 4), finding("10", 5)), "of a vendor the last one counts")
}
