package was

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is sent is understood within bounds, or refused with a reason.
func FuzzARequestIsUnderstoodOrRefused(f *testing.F) {
	for _, body := range []string{
		"", "<ServiceRequest/>", `{"ServiceRequest":{"filters":{"Criteria":{"field":"id","operator":"IN","value":7}}}}`,
		`<ServiceRequest><preferences><limitResults>5</limitResults></preferences><filters><Criteria field="status" operator="IN">NEW,FIXED</Criteria></filters></ServiceRequest>`,
		`{"ServiceRequest":{"filters":{"Criteria":[{"field":"lastTestedDate","operator":"GREATER","value":"2026-01-01T00:00:00Z"}]}}}`,
		`{"ServiceRequest":null}`, `{"ServiceRequest":{"filters":{"Criteria":null}}}`,
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, asJSON bool) {
		d := xmlDialect
		if asJSON {
			d = jsonDialect
		}
		q, err := parseRequest(d, []byte(body))
		if err == nil {
			require.True(t, q.limit >= 1 && q.limit <= maxLimit && q.offset >= 0 && q.fromID >= 0)
			_, err = compile(findingFields, q.criteria, q.fromID)
		}
		var refused *requestError
		if err != nil {
			require.True(t, errors.As(err, &refused), "%v", err)
			require.NotEmpty(t, refused.message)
		}
	})
}

func TestTextsComeOutAsTheyAreInBothDialects(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// White space at the ends, and line ends, are the reader's to trim and
		// XML's to change.
		text := strings.TrimSpace(rapid.StringMatching(`[\]>a&'"<\\é東🔥 \[!-]{0,40}`).Draw(t, "text"))
		var fromXML struct {
			Text string `xml:"text"`
			Word string `xml:"word"`
		}
		x := &writer{dialect: xmlDialect, padded: rapid.Bool().Draw(t, "padded")}
		x.open("r")
		x.text("text", text)
		x.word("word", text)
		x.close("r")
		require.NoError(t, xml.Unmarshal(x.buf, &fromXML), string(x.buf))
		require.Equal(t, text, strings.TrimSpace(fromXML.Text))
		require.Equal(t, text, fromXML.Word)

		j := &writer{dialect: jsonDialect, first: true}
		j.buf = append(j.buf, '{')
		j.text("text", text)
		j.list("list", 2, func(i int) { j.element("n", int64(i)) })
		j.boolean("yes", true)
		j.tenths("score", 75)
		j.buf = append(j.buf, '}')
		var fromJSON map[string]any
		require.NoError(t, json.Unmarshal(j.buf, &fromJSON), string(j.buf))
		require.Equal(t, map[string]any{
			"text": text, "yes": "true", "score": 7.5, "list": map[string]any{"count": 2.0, "list": []any{0.0, 1.0}},
		}, fromJSON)
	})
}
