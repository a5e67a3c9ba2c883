package transform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const findingsPerAsset = 10

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

func applicationRecords(n int) (records [][]byte, size int) {
	for i := range n {
		records = append(records, applicationRecord(i))
		size += len(records[i])
	}
	return records, size
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

// BenchmarkApply maps raw records with the default map.
func BenchmarkApply(b *testing.B) {
	records, size := applicationRecords(100)
	applier := defaultProgram(b, "qualys-tas-application").NewApplier()
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		asset, rejects := applier.Apply(records[i%len(records)])
		if asset == nil || len(rejects) > 0 {
			b.Fatal(rejects)
		}
	}
	b.ReportMetric(findingsPerAsset*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
}

// BenchmarkDecode decodes the same bytes into typed structs with encoding/json.
func BenchmarkDecode(b *testing.B) {
	records, size := applicationRecords(100)
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var record typedApplication
		if err := json.Unmarshal(records[i%len(records)], &record); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(findingsPerAsset*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
}

// BenchmarkExpressions maps the same records with three expressions for each
// finding beside the default rows.
func BenchmarkExpressions(b *testing.B) {
	records, size := applicationRecords(100)
	applier := withExpressions(b).NewApplier()
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		asset, rejects := applier.Apply(records[i%len(records)])
		if asset == nil || len(rejects) > 0 {
			b.Fatal(rejects)
		}
	}
	b.ReportMetric(findingsPerAsset*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
}

// BenchmarkExpression evaluates one expression, with all that a row costs.
func BenchmarkExpression(b *testing.B) {
	for _, expr := range []string{`record.?name.orValue("") == "shop"`, `record.url.startsWith("https:") ? "tls" : "plain"`, `record.id + "/" + record.name`} {
		b.Run(expr, func(b *testing.B) {
			applier := exprProgram(b, expr+toX).NewApplier()
			asset, _ := applier.Apply(applicationRecord(1))
			require.NotNil(b, asset)
			r := applier.program.asset.computed[0]
			for b.Loop() {
				applier.scratch.json = applier.scratch.json[:0]
				applier.computeRule(r, &applier.assetScope)
			}
		})
	}
}

func withExpressions(t testing.TB) *Program {
	rows := []string{findingIDs, "findings[].title -> findingGroup.findings[].name", "findings[].severity -> findingGroup.findings[].severity"}
	for i, expr := range benchExpressions {
		rows = append(rows, fmt.Sprintf("%s => findingGroup.findings[].attributes.x%d", expr, i))
	}
	return exprProgram(t, rows...)
}

// benchExpressions are such as people write.
var benchExpressions = []string{
	`finding.severity >= 4 ? "urgent" : "later"`,
	`finding.?status.orValue("NEW") == "ACTIVE"`,
	`finding.title + " (" + finding.id + ")"`,
}

// BenchmarkApplyDetections maps records of hosts with the default map that has
// the most rows.
func BenchmarkApplyDetections(b *testing.B) {
	record := detectionRecord()
	applier := defaultProgram(b, "qualys-vm-detection").NewApplier()
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		asset, rejects := applier.Apply(record)
		if asset == nil || len(rejects) > 0 {
			b.Fatal(rejects)
		}
	}
	b.ReportMetric(findingsPerAsset*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
}

// detectionRecord is a host of Qualys VM with ten detections, all text as its
// XML has it.
func detectionRecord() []byte {
	var b strings.Builder
	b.WriteString(`{"ID":"107800671","IP":"10.50.2.111","DNS":"db-17.example.com","OS":"Ubuntu Linux 24.04","LAST_SCAN_DATETIME":"2025-06-01T08:00:00Z","DETECTION_LIST":{"DETECTION":[`)
	for i := range findingsPerAsset {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"DETECTION_ID":"%d","QID":"%d","TYPE":"Confirmed","SEVERITY":"%d","SSL":"0","PORT":"443","PROTOCOL":"tcp","STATUS":"Active",`+
			`"FIRST_FOUND_DATETIME":"2025-02-01T08:00:00Z","LAST_FOUND_DATETIME":"2025-06-01T08:00:00Z","LAST_TEST_DATETIME":"2025-06-01T08:00:00Z","TIMES_FOUND":"12",`+
			`"QDS":{"severity":"LOW","value":"35"},"IS_IGNORED":"0","IS_DISABLED":"0"}`, 880000+i, 38170+i, 1+i%5)
	}
	b.WriteString("]}}")
	return []byte(b.String())
}

// The guards compare with what plain decoding of the same bytes takes here and
// now: the fastest of many short rounds, taken in turns.
func TestMappingCostsLessThanDecoding(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	records, _ := applicationRecords(50)
	applier, expressions := defaultProgram(t, "qualys-tas-application").NewApplier(), withExpressions(t).NewApplier()
	var mapping, evaluating, decoding time.Duration
	for range 30 {
		fastest(&decoding, func() {
			for _, record := range records {
				var decoded typedApplication
				require.NoError(t, json.Unmarshal(record, &decoded))
			}
		})
		fastest(&mapping, func() {
			for _, record := range records {
				applier.Apply(record)
			}
		})
		fastest(&evaluating, func() {
			for _, record := range records {
				expressions.Apply(record)
			}
		})
	}
	require.Less(t, mapping, decoding)
	// Three for each finding take about as long as decoding it: some 0.8 us each.
	require.Less(t, evaluating-mapping, 2*decoding, "three expressions for each finding")
	t.Logf("mapping %v, expressions %v, decoding %v", mapping, evaluating-mapping, decoding)

	detections := detectionRecord()
	applier = defaultProgram(t, "qualys-vm-detection").NewApplier()
	mapping, decoding = 0, 0
	for range 30 {
		fastest(&decoding, func() {
			for range 50 {
				var decoded map[string]any
				require.NoError(t, json.Unmarshal(detections, &decoded))
			}
		})
		fastest(&mapping, func() {
			for range 50 {
				applier.Apply(detections)
			}
		})
	}
	t.Logf("detections: mapping %v, decoding %v", mapping, decoding)
	require.Less(t, mapping, decoding)
}

func fastest(best *time.Duration, do func()) {
	start := time.Now()
	do()
	if took := time.Since(start); *best == 0 || took < *best {
		*best = took
	}
}
