package declare_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/declare"
	"sluice/internal/transform"
)

// Whatever a file holds, it is read or its problems are told; what is read can
// be planned and written, and reads as it was.
func FuzzParse(f *testing.F) {
	f.Add(connector + "---\n" + userMap + "---\n" + profile)
	f.Add(scansMap + "---\n" + userModel)
	f.Add("kind: profile\nschedule: {when: every 1s, jitter: 0s}\nmaps: &a {*a : *a}\n<<: *a\n")
	f.Add("[{kind: map, rows: [[]]}, null, 1]")
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := declare.Parse(declare.File{Name: "f", Data: []byte(text)})
		if err != nil {
			require.ErrorAs(t, err, new(transform.Problems))
			return
		}
		if _, err := declare.NewPlan(nothing(t), documents); err != nil {
			require.ErrorAs(t, err, new(transform.Problems))
		}
		written := write(t, documents)
		require.Equal(t, written, write(t, parse(t, written)))
	})
}
