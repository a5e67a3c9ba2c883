package qps_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/qualys/qps"
)

// FuzzReader answers a search with anything at all, and then with an end. A
// stream must come to an end or an error, and what it delivers must be lines
// of JSON.
func FuzzReader(f *testing.F) {
	for _, body := range []string{
		`{"ServiceResponse":{"responseCode":"SUCCESS","count":2,"hasMoreRecords":"true","lastId":7,"data":[{"id":5},{"WebApp":{"id":"7"}}]}}`,
		`{"hasMore":1,"data":[{"id":5,"a":"x"y"},{"id":6}]}`,
		`{"hasMore":1,"data":[{"id":5},{"id":`,
		`{"hasMore":1,"totalCount":9,"data":[null,[],{"a":{}},{"id":"x"}],"lastId":"x"}`,
		`{"responseCode":"OTHER_ERROR","responseErrorDetails":{"errorMessage":"no"}}`,
		"<html>", "[]", "", "{}", "{\"data\":[\"\xff\n\"]}",
	} {
		f.Add([]byte(body))
	}
	var body []byte
	first := true
	s := scripted(f, qps.Search{PageSize: 4, Backoff: time.Nanosecond, ChunkBytes: 64}, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			_, _ = w.Write(body)
		} else {
			fmt.Fprint(w, `{"hasMore":0,"data":[]}`)
		}
		first = false
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		body, first = data, true
		reader, err := qps.NewReader(s, "")
		require.NoError(t, err)
		defer reader.Close()
		for range len(data) + 10 {
			chunk, err := reader.Next(t.Context())
			if err != nil {
				return
			}
			records := 0
			for line := range lines(chunk.Data) {
				require.True(t, jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true)), "%q", line)
				records++
			}
			require.Equal(t, chunk.Records, records)
			if chunk.End {
				return
			}
		}
		t.Fatal("the stream does not end")
	})
}
