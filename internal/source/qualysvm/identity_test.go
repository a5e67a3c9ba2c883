package qualysvm

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADetectionIsIdentified(t *testing.T) {
	t.Parallel()
	for detection, id := range map[string]string{
		`{"UNIQUE_VULN_ID":"55","QID":"1"}`:            "55",
		`{"QID":"1","UNIQUE_VULN_ID":"55"}`:            "55",
		`{"UNIQUE_VULN_ID":"","QID":"1","PORT":"443"}`: "1:443:::",
		`{"QID":"1"}`: "1::::",
		`{"QID":"1","PORT":"443","PROTOCOL":"tcp","SSL":"1","INSTANCE":"a \"b\" & c:1"}`: `1:443:tcp:1:a "b" & c:1`,
		`{"QDS":{"severity":"LOW","value":"3"},"QID":"1"}`:                               "1::::",
		`{}`: "::::",
	} {
		dst := identify([]byte("before"+detection), len("before"))
		var got map[string]any
		require.NoError(t, json.Unmarshal(dst[len("before"):], &got), "%s", dst)
		require.Equal(t, id, got["DETECTION_ID"])
		var was map[string]any
		require.NoError(t, json.Unmarshal([]byte(detection), &was))
		delete(got, "DETECTION_ID")
		require.Equal(t, was, got)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add(`{"UNIQUE_VULN_ID":"\u0035","QID":"1"}`)
	f.Add(`{"QID":"1","INSTANCE":"\\"}`)
	f.Fuzz(func(t *testing.T, detection string) {
		var object map[string]any
		var compact bytes.Buffer
		if json.Unmarshal([]byte(detection), &object) != nil || object == nil || json.Compact(&compact, []byte(detection)) != nil {
			t.Skip()
		}
		require.True(t, json.Valid(identify(compact.Bytes(), 0)))
	})
}
