package source_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/source"
)

func TestTheValuesOfAFilterAreWrittenInOneLine(t *testing.T) {
	t.Parallel()
	for line, values := range map[string][]string{
		"4,5":                 {"4", "5"},
		" 4 , 5,4 ":           {"4", "5"},
		`"Berlin, Mitte",DMZ`: {"Berlin, Mitte", "DMZ"},
		`"the ""big"" one"`:   {`the "big" one`},
		"192.0.2.0/24":        {"192.0.2.0/24"},
		"":                    nil,
		" ":                   nil,
	} {
		got, err := source.ParseValues(line)
		require.NoError(t, err, line)
		require.Equal(t, values, got, line)
	}
	for line, says := range map[string]string{
		"4,,5":  "nothing between two commas",
		"4,":    "nothing between two commas",
		`a"b`:   "double quotes",
		`"open`: "double quotes",
	} {
		_, err := source.ParseValues(line)
		require.ErrorContains(t, err, says, line)
	}
}

func TestWrittenValuesReadAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringMatching(`[a-z0-9 ,"\\ä\n-]{1,8}`).Filter(func(v string) bool { return strings.TrimSpace(v) == v })
		values := rapid.SliceOfDistinct(value, rapid.ID[string]).Draw(rt, "values")
		got, err := source.ParseValues(source.FormatValues(values))
		require.NoError(rt, err)
		if len(values) == 0 {
			require.Empty(rt, got)
			return
		}
		require.Equal(rt, values, got)
	})
}
