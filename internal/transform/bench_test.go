package transform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// applicationRecord is a TAS application with ten findings of some 400 bytes
// each, shaped as Qualys services send them.
func applicationRecord(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%d,"uuid":"7c2a8a4e-93a1-4d0e-9f3f-%012d","name":"Web shop %d","url":"https://shop-%d.example.com/",`+
		`"createdDate":"2025-01-31T09:30:00Z","updatedDate":"2025-06-01T12:%02d:00.123Z","tags":[{"id":12,"name":"PCI"}],"findings":[`,
		4000+n, n, n, n, n%60)
	for i := range findingsPerAsset {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"uniqueId":"0b7dd0b6-3c0e-4f8e-8d6b-%012d","title":"Reflected cross-site scripting in parameter q%d",`+
			`"severity":%d,"qid":%d,"status":"ACTIVE","cveIds":["CVE-2021-%04d"],"cvss":7.5,"firstDetectedDate":"2025-02-01T08:00:00Z",`+
			`"lastDetectedDate":"2025-06-01T08:00:00Z","description":"The application writes what it gets in this parameter back into its page `+
			`without encoding it, so that a link can make it run a script of the attacker's."}`,
			880000+n*100+i, i, i, 1+i%5, 150000+i, 1000+i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func applicationRecords(n int) (records [][]byte) {
	for i := range n {
		records = append(records, applicationRecord(i))
	}
	return records
}

// typedApplication is what a program without maps would decode into.
type typedApplication struct {
	ID          json.Number    `json:"id"`
	Name        string         `json:"name"`
	URL         string         `json:"url"`
	CreatedDate string         `json:"createdDate"`
	UpdatedDate string         `json:"updatedDate"`
	Findings    []typedFinding `json:"findings"`
}

type typedFinding struct {
	ID       json.Number `json:"id"`
	Title    string      `json:"title"`
	Severity int16       `json:"severity"`
}

// BenchmarkApply maps raw records with each of the default maps.
func BenchmarkApply(b *testing.B) {
	for _, s := range samples(b) {
		b.Run(s.name, func(b *testing.B) {
			record, applier := s.record(1, false, 0), s.program.NewApplier()
			findings := 0
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				findings += s.apply(b, applier, record)
			}
			b.ReportMetric(float64(findings)/b.Elapsed().Seconds(), "findings/s")
		})
	}
}

// BenchmarkDecode decodes the same bytes with encoding/json.
func BenchmarkDecode(b *testing.B) {
	for _, s := range samples(b) {
		b.Run(s.name, func(b *testing.B) {
			record := s.record(1, false, 0)
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				decode(b, record)
			}
		})
	}
}

func decode(t testing.TB, record []byte) {
	var decoded any
	if err := json.Unmarshal(record, &decoded); err != nil {
		t.Fatal(err)
	}
}

// expressionSorts are such as people write for findings.
var expressionSorts = map[string]string{
	"choice":  `finding.severity >= 4 ? "urgent" : "later"`,
	"default": `finding.?status.orValue("NEW") == "ACTIVE"`,
	"text":    `finding.title + " (" + finding.id + ")"`,
	"time":    `record.createdDate.getFullYear() < 2025`,
	"pattern": `finding.title.matches("^[A-Z][a-z]+ ")`,
	"loop":    `finding.cveIds.exists(c, c.startsWith("CVE-2021"))`,
}

// BenchmarkExpression takes, for each finding, the time that a row with an
// expression adds to a map.
func BenchmarkExpression(b *testing.B) {
	records := applicationRecords(100)
	without := withExpressions(b).NewApplier()
	for _, sort := range sortedKeys(expressionSorts) {
		b.Run(sort, func(b *testing.B) {
			applier := withExpressions(b, expressionSorts[sort]).NewApplier()
			b.ReportAllocs()
			var rows time.Duration
			for i := 0; b.Loop(); i++ {
				record := records[i%len(records)]
				start := time.Now()
				without.Apply(record)
				between := time.Now()
				applier.Apply(record)
				rows += time.Since(between) - between.Sub(start)
			}
			b.ReportMetric(float64(rows.Nanoseconds())/float64(b.N)/findingsPerAsset, "ns/row")
		})
	}
}

// withExpressions maps findings by a few plain rows and by the expressions.
func withExpressions(t testing.TB, expressions ...string) *Program {
	rows := []string{findingIDs, "findings[].title -> findingGroup.findings[].name", "findings[].severity -> findingGroup.findings[].severity"}
	for i, expr := range expressions {
		rows = append(rows, fmt.Sprintf("%s => findingGroup.findings[].attributes.x%d", expr, i))
	}
	return exprProgram(t, rows...)
}

// requireAtMost compares with what plain decoding of the same bytes takes here and
// now. Each is the fastest of many short rounds, taken in turns, and there are
// more of them while something else keeps the machine busy.
func requireAtMost(t *testing.T, most float64, mapping, decoding func()) {
	t.Helper()
	const rounds, atMost = 20, 400
	var mapped, decoded time.Duration
	for i := range atMost {
		fastest(&decoded, decoding)
		fastest(&mapped, mapping)
		if i >= rounds && float64(mapped) < most*float64(decoded) {
			break
		}
	}
	t.Logf("%v, and decoding %v: %.2f of it", mapped, decoded, float64(mapped)/float64(decoded))
	require.Less(t, float64(mapped), most*float64(decoded), "of %v", decoded)
}

func fastest(best *time.Duration, do func()) {
	start := time.Now()
	do()
	if took := time.Since(start); *best == 0 || took < *best {
		*best = took
	}
}

const recordsPerRound = 20

func TestMappingCostsLessThanDecoding(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	for _, s := range samples(t) {
		for name, bare := range map[string]bool{"": false, " of what it reads alone": true} {
			t.Run(s.name+name, func(t *testing.T) {
				record, applier := s.record(1, bare, 0), s.program.NewApplier()
				requireAtMost(t, 1, func() {
					for range recordsPerRound {
						s.apply(t, applier, record)
					}
				}, func() {
					for range recordsPerRound {
						decode(t, record)
					}
				})
			})
		}
	}
	t.Run("into types", func(t *testing.T) {
		records := applicationRecords(recordsPerRound)
		applier := defaultProgram(t, "qualys-tas-application").NewApplier()
		requireAtMost(t, 1, func() { applyAll(applier, records) }, func() { decodeApplications(t, records) })
	})
}

// A finding of some 400 bytes takes 2 us to decode, and a row with an
// expression may take 1 us of it; one with a loop takes as long as its list is.
func TestAnExpressionCostsLessThanHalfOfDecodingItsFinding(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	records := applicationRecords(recordsPerRound)
	const rows = 4
	for sort, expr := range expressionSorts {
		most := 0.5 * rows
		if sort == "loop" {
			most = rows
		}
		t.Run(sort, func(t *testing.T) {
			applier := withExpressions(t, slices.Repeat([]string{expr}, rows)...).NewApplier()
			requireAtMost(t, most, func() { applyAll(applier, records) }, func() { decodeApplications(t, records) })
		})
	}
}

func applyAll(applier *Applier, records [][]byte) {
	for _, record := range records {
		applier.Apply(record)
	}
}

func decodeApplications(t *testing.T, records [][]byte) {
	for _, record := range records {
		var decoded typedApplication
		require.NoError(t, json.Unmarshal(record, &decoded))
	}
}

// Fields that no row reads, of the record and of each of its findings.
func TestUntouchedFieldsCostNoAllocation(t *testing.T) {
	for _, s := range samples(t) {
		applier := s.program.NewApplier()
		allocations := func(unknown int) float64 {
			record := s.record(1, false, unknown)
			return testing.AllocsPerRun(100, func() { s.apply(t, applier, record) })
		}
		none := allocations(0)
		if s.program.target == "knowledge" {
			require.LessOrEqual(t, none, 1.0, "the entry")
		} else {
			require.Zero(t, none, "%s: less than one, since results share large pieces of memory", s.name)
		}
		require.Equal(t, none, allocations(50), s.name)
		require.Equal(t, none, allocations(500), s.name)
	}
}
