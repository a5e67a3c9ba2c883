package xmlstream_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/xmlstream"
)

// TestMemoryDoesNotGrowWithTheAnswer reads answers of 5 MB and of 500 MB. What
// is allocated in all, garbage included, must be the same. It does not run in
// parallel with others, whose allocations would count.
func TestMemoryDoesNotGrowWithTheAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 1 GB")
	}
	many := host(1, 100)
	section := strings.Repeat("Results of a scan, of which there is very much; ]] and > are in it as well.\r\n", 10_000)
	for name, c := range map[string]struct {
		head, block, tail string
		read              func(io.Reader) error
	}{
		"many hosts to JSON": {detectionsHead, many, detectionsTail, func(r io.Reader) error {
			return readHosts(r, func([]byte) {})
		}},
		"one CDATA section": {"<a><![CDATA[", section, "]]></a>", func(r io.Reader) error {
			_, err := countTokens(r)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(size int) float64 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				require.NoError(t, c.read(repeated(c.head, c.block, c.tail, size)))
				runtime.ReadMemStats(&after)
				return float64(after.TotalAlloc - before.TotalAlloc)
			}
			measure(5 << 20) // first calls fill caches
			small, large := measure(5<<20), measure(500<<20)
			require.InEpsilon(t, small, large, 0.2)
			require.Less(t, large, 1e6)
		})
	}
}

func countTokens(r io.Reader) (n int, err error) {
	d := xmlstream.NewDecoder(r, xmlstream.Limits{})
	for {
		if _, err := d.Next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		n++
	}
}
