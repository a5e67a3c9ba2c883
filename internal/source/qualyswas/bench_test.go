package qualyswas_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/source/qualyswas"
)

// BenchmarkRead reads a page of 1000 verbose findings over loopback HTTP from a
// server that costs next to nothing, so that the figure is the reader's own.
func BenchmarkRead(b *testing.B) {
	for _, format := range formats {
		b.Run(format, func(b *testing.B) {
			page, count := pageOf(b, format, 1000), `{"ServiceResponse":{"responseCode":"SUCCESS","count":1000}}`
			if format == qualys.WASFormatXML {
				count = `<ServiceResponse><responseCode>SUCCESS</responseCode><count>1000</count></ServiceResponse>`
			}
			s := open(b, serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/count/") {
					fmt.Fprint(w, count)
					return
				}
				_, _ = w.Write(page)
			})), qualyswas.Options{}, format)
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				reader, err := s.Read(b.Context(), findings())
				require.NoError(b, err)
				records := 0
				for end := false; !end; {
					chunk, err := reader.Next(b.Context())
					require.NoError(b, err)
					records += chunk.Records
					end = chunk.End
				}
				require.NoError(b, reader.Close())
				require.Equal(b, 1000, records)
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "findings/s")
		})
	}
}

// pageOf is a page of so many copies of a complete finding.
func pageOf(b *testing.B, format string, n int) []byte {
	text, err := os.ReadFile("testdata/finding-verbose." + format)
	require.NoError(b, err)
	begin, end, separator, count := "{\n    \"Finding\"", "\n   },\n", ",", `"count": %d`
	if format == qualys.WASFormatXML {
		begin, end, separator, count = "<Finding>", "</Finding>\n", "", "<count>%d<"
	}
	all := string(text)
	from := strings.Index(all, begin)
	to := from + strings.Index(all[from:], end) + len(strings.TrimSuffix(end, ",\n"))
	record := strings.TrimSuffix(all[from:to], "\n")
	var page strings.Builder
	page.WriteString(strings.Replace(all[:from], fmt.Sprintf(count, 2), fmt.Sprintf(count, n), 1))
	for i := range n {
		if i > 0 {
			page.WriteString(separator)
		}
		page.WriteString(strings.Replace(record, "18000001", fmt.Sprint(18000001+i), 1))
	}
	if format == qualys.WASFormatXML {
		page.WriteString("</data></ServiceResponse>")
	} else {
		page.WriteString("]}}")
	}
	return []byte(page.String())
}
