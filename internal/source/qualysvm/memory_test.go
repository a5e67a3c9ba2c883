package qualysvm_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

// oneDetection has what the vendor sends, with results of so many bytes.
func oneDetection(results int) string {
	return `          <DETECTION>
            <UNIQUE_VULN_ID>5555555555</UNIQUE_VULN_ID>
            <QID>197595</QID>
            <TYPE>Confirmed</TYPE>
            <SEVERITY>3</SEVERITY>
            <PORT>443</PORT>
            <PROTOCOL>tcp</PROTOCOL>
            <SSL>0</SSL>
            <RESULTS><![CDATA[` + strings.Repeat("Package Installed Version Required Version\n", results/43) + `]]></RESULTS>
            <STATUS>Active</STATUS>
            <FIRST_FOUND_DATETIME>2025-02-05T04:50:45Z</FIRST_FOUND_DATETIME>
            <LAST_FOUND_DATETIME>2026-03-08T20:15:41Z</LAST_FOUND_DATETIME>
            <QDS severity="LOW">35</QDS>
            <QDS_FACTORS>
              <QDS_FACTOR name="CVSS"><![CDATA[7.7]]></QDS_FACTOR>
              <QDS_FACTOR name="CVSS_version"><![CDATA[v3.x]]></QDS_FACTOR>
              <QDS_FACTOR name="epss"><![CDATA[0.00232]]></QDS_FACTOR>
            </QDS_FACTORS>
            <TIMES_FOUND>5393</TIMES_FOUND>
            <LAST_TEST_DATETIME>2026-03-08T20:15:41Z</LAST_TEST_DATETIME>
            <LAST_UPDATE_DATETIME>2026-03-08T20:15:41Z</LAST_UPDATE_DATETIME>
            <IS_IGNORED>0</IS_IGNORED>
            <IS_DISABLED>0</IS_DISABLED>
            <AFFECT_RUNNING_KERNEL>0</AFFECT_RUNNING_KERNEL>
            <LAST_PROCESSED_DATETIME>2026-03-08T20:15:41Z</LAST_PROCESSED_DATETIME>
          </DETECTION>
`
}

// oneLargeHost serves a host with so many detections, at next to no cost, and
// counts the bytes.
func oneLargeHost(t testing.TB, detections, results int, served *atomic.Int64) source.Session {
	one := oneDetection(results)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("details") == "None" {
			_, _ = io.WriteString(w, inRoot("HOST_LIST_OUTPUT", "<ID_SET><ID>7</ID></ID_SET>"))
			return
		}
		before, after, _ := strings.Cut(inRoot("HOST_LIST_VM_DETECTION_OUTPUT",
			"<HOST_LIST><HOST><ID>7</ID><IP>10.0.0.7</IP><DETECTION_LIST>|</DETECTION_LIST></HOST></HOST_LIST>"), "|")
		n, _ := io.WriteString(w, before)
		served.Add(int64(n))
		for range detections {
			n, err := io.WriteString(w, one)
			if err != nil {
				return
			}
			served.Add(int64(n))
		}
		n, _ = io.WriteString(w, after)
		served.Add(int64(n))
	})
	return openAs(t, address, qualysvm.Options{}, "exmpl_jd", "password", nil)
}

// Not parallel: it measures the heap of the whole process.
func TestMemoryDoesNotGrowWithAHostsDetections(t *testing.T) {
	peak := func(detections int) (heap uint64, bytes int64) {
		var served atomic.Int64
		reader, err := oneLargeHost(t, detections, 25_000, &served).Read(t.Context(), source.Request{AssetType: qualysvm.Detection})
		require.NoError(t, err)
		defer func() { require.NoError(t, reader.Close()) }()
		records := 0
		for {
			chunk, err := reader.Next(t.Context())
			require.NoError(t, err)
			require.Less(t, len(chunk.Data), 6<<20)
			records += chunk.Records
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapAlloc)
			if chunk.End {
				require.Greater(t, records, detections/20, "the host is split")
				return heap, served.Load()
			}
			require.Contains(t, []string{`{}`, `{"next":7}`, `{"next":8}`}, chunk.Cursor)
		}
	}
	small, bytes := peak(200)
	require.InDelta(t, 5e6, bytes, 1e6)
	large, bytes := peak(20_000)
	require.Greater(t, bytes, int64(500e6))
	require.Less(t, large, small+small/5+4<<20, "the heap with 500 MB, against that with 5 MB")
}

// BenchmarkDetections reads detections over loopback HTTP from a server that
// costs next to nothing. The bytes are those of the XML.
func BenchmarkDetections(b *testing.B) {
	for _, results := range []int{0, 1000, 25_000} {
		b.Run(fmt.Sprintf("results=%d", results), func(b *testing.B) {
			const detections = 20_000
			var served atomic.Int64
			session := oneLargeHost(b, detections*1000/(1000+results), results, &served)
			for b.Loop() {
				served.Store(0)
				reader, err := session.Read(b.Context(), source.Request{AssetType: qualysvm.Detection})
				if err != nil {
					b.Fatal(err)
				}
				for end := false; !end; {
					chunk, err := reader.Next(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					end = chunk.End
				}
				if err := reader.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(served.Load())
		})
	}
}
