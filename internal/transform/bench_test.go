package transform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

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

func TestMappingCostsLessThanDecoding(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	applying := testing.Benchmark(BenchmarkApply)
	decoding := testing.Benchmark(BenchmarkDecode)
	require.Less(t, applying.NsPerOp(), decoding.NsPerOp())
}
