package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"sluice/internal/inventory"
	"sluice/internal/source"
)

// The estate that is written: each batch holds all findings of its assets.
const (
	benchAssets        = 5_000
	benchFindings      = 80 // an asset
	benchAssetsInBatch = 125
)

// BenchmarkWrite writes 400,000 findings an operation: use -benchtime 1x. The
// sub-benchmarks build on each other: first fills the tables, same writes the
// same again, moved writes it with later sightings.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name      string
		role      source.Role
		sightings bool
	}{
		{"nested", source.Assets, false},
		{"separate", source.Findings, false},
		{"separate with sightings", source.Findings, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEstate(b)
			e.scope.Role, e.scope.Nested, e.scope.Full = c.role, c.role == source.Assets, c.role == source.Findings
			if c.role == source.Findings { // the stream of assets comes first
				e.scope.Role = source.Assets
				for _, batch := range benchBatches(source.Assets, 0, time.Time{}) {
					e.writeBatch(batch)
				}
				e.scope.Role = c.role
			}
			seen := time.Time{}
			if c.sightings {
				seen = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			}
			rounds := []string{"first", "same"}
			if c.sightings {
				rounds = append(rounds, "moved")
			}
			for _, round := range rounds {
				if round == "moved" {
					seen = seen.Add(24 * time.Hour)
				}
				batches := benchBatches(c.role, benchFindings, seen)
				b.Run(round, func(b *testing.B) {
					for b.Loop() {
						for _, batch := range batches {
							e.writeBatch(batch)
						}
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/(benchAssets*benchFindings), "ns/finding")
				})
				e.run()
			}
		})
	}
}

func benchBatches(role source.Role, findings int, seen time.Time) (batches []*inventory.Batch) {
	attributes := fmt.Appendf(nil, `{"port":443,"protocol":"tcp","ssl":true,"qds":35,"results":"%0200d"}`, 7)
	for i := range benchAssets {
		if i%benchAssetsInBatch == 0 {
			batches = append(batches, inventory.NewBatch(role))
		}
		a := app(fmt.Sprint(i))
		for n := range findings {
			f := finding(fmt.Sprint(i*1000+n), int16(1+n%5))
			f.Attributes = attributes
			if !seen.IsZero() {
				f.LastFoundAt, f.LastTestedAt, f.TimesFound = seen, seen, int32(seen.Day())
			}
			a.Findings = append(a.Findings, f)
		}
		batches[len(batches)-1].Add(&a, nil)
	}
	return batches
}
