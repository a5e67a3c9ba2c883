package qps_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys/qps"
)

// TestAnswersInOtherShapesAreRead: what is not documented may turn out
// differently; each of these holds records 5 and 7 and says that it ends.
func TestAnswersInOtherShapesAreRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"QPS":                      `{"ServiceResponse":{"responseCode":"SUCCESS","count":2,"hasMoreRecords":"false","data":[{"id":5},{"id":7}]}}`,
		"wrapped by type":          `{"ServiceResponse":{"responseCode":"SUCCESS","count":2,"hasMoreRecords":"false","data":[{"WebApp":{"id":5}},{"WebApp":{"id":7}}]}}`,
		"no envelope in envelope":  `{"responseCode":"SUCCESS","count":2,"hasMore":0,"data":[{"id":5},{"id":7}]}`,
		"records first":            `{"data":[{"id":5},{"id":7}],"count":2,"hasMoreRecords":false,"responseCode":"SUCCESS"}`,
		"list inside data":         `{"hasMore":"0","data":{"count":2,"list":[{"id":5},{"id":7}]}}`,
		"content":                  `{"hasMoreRecords":false,"content":[{"id":5},{"id":7}]}`,
		"assets":                   `{"hasMoreRecords":false,"assets":[{"id":5},{"id":7}]}`,
		"numbers as strings":       `{"count":"2","totalCount":"2","hasMoreRecords":"FALSE","data":[{"id":"5"},{"id":"7"}]}`,
		"unknown members":          `{"x":[{"id":1}],"y":{"data":[{"id":2}]},"hasMore":0,"lastId":null,"data":[{"id":5},{"id":7}],"z":[[]]}`,
		"line breaks":              "\r\n{\n\"hasMore\": 0,\n\"data\": [\n{\n\"id\" : 5\n},\r\n{\"id\":7,\r\n\"a\":\"\\n\"}\n]\n}\n",
		"repeated names":           `{"hasMore":0,"data":[{"id":5,"a":1,"a":2},{"id":7}]}`,
		"bytes that are not UTF-8": "{\"hasMore\":0,\"data\":[{\"id\":5,\"name\":\"caf\xe9\"},{\"id\":7}]}",
		"id after a long list":     `{"hasMore":0,"data":[{"findings":[{"id":1},{"id":"]}"}],"id":5},{"owner":{"id":1},"id":7}]}`,
		"ids beyond 64 bits":       `{"hasMore":0,"data":[{"id":5},{"id":7}]}`,
		"garbage after the answer": `{"hasMore":0,"data":[{"id":5},{"id":7}]} trailing`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(t, answers(t, small, body))
			require.NoError(t, got.err)
			require.Len(t, got.ids, 2)
			require.Empty(t, got.setAside)
			require.Empty(t, got.last.Doubt)
			cursor := struct{ After string }{}
			require.NoError(t, json.Unmarshal([]byte(got.last.Cursor), &cursor))
			require.Equal(t, "7", cursor.After)
		})
	}
}

func TestAnswersOfNoKnownMeaningAreContractErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, says string }{
		"a list":                     {`[{"id":5}]`, "not an object"},
		"text":                       {`"done"`, "not an object"},
		"no marker":                  {`{"data":[]}`, "does not say whether there is more"},
		"a marker without a meaning": {`{"hasMoreRecords":"maybe","data":[]}`, `hasMoreRecords "maybe"`},
		"a count without a meaning":  {`{"count":-1,"hasMore":0,"data":[]}`, `count "-1"`},
		"ids that do not ascend":     {`{"hasMore":0,"data":[{"id":5},{"id":9},{"id":7}]}`, `"7" after record 9`},
		"one id twice":               {`{"hasMore":0,"data":[{"id":5},{"id":5}]}`, `"5" after record 5`},
		"ids of two sorts":           {`{"hasMore":0,"data":[{"id":5},{"id":"x-9"}]}`, `"x-9" after record 5`},
		"more, and no way to go on":  {`{"hasMore":1,"data":[{"name":"a"}]}`, "nothing new"},
		"an unknown code":            {`{"responseCode":"PERHAPS","hasMore":0,"data":[]}`, "PERHAPS"},
		"an envelope without an end": {`{"x":"` + strings.Repeat("x", 2<<20) + `"}`, "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(t, answers(t, small, c.body))
			require.ErrorContains(t, got.err, c.says)
			require.Equal(t, fault.Contract, fault.As(got.err).Class)
			require.Empty(t, got.ids, "nothing is believed of a page that contradicts itself")
		})
	}
}

func TestIdsMayBeLongerThan64Bits(t *testing.T) {
	t.Parallel()
	got := read(t, answers(t, small, `{"hasMore":0,"data":[{"id":99},{"id":100},{"id":99999999999999999999},{"id":"100000000000000000000"}]}`))
	require.NoError(t, got.err)
	require.Len(t, got.ids, 4)
}

func TestAVendorWithSmallerPagesIsAskedForThem(t *testing.T) {
	t.Parallel()
	var sizes []int
	s := scripted(t, qps.Search{Backoff: time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		_, limit := asked(t, r)
		sizes = append(sizes, limit)
		if limit > 250 {
			fmt.Fprint(w, `{"responseCode":"INVALID_REQUEST","responseErrorDetails":{"errorMessage":"Invalid limit."}}`)
			return
		}
		fmt.Fprint(w, `{"hasMore":0,"data":[{"id":5}]}`)
	})
	got := read(t, s)
	require.NoError(t, got.err)
	require.Equal(t, []int{1000, 100}, sizes)
}

func TestAnEmptyBodyIsACutAnswer(t *testing.T) {
	t.Parallel()
	got := read(t, answers(t, small, ""))
	require.Equal(t, fault.Transient, fault.As(got.err).Class)
}

func TestAShortEmptyAnswerAfterAPromiseOfMoreIsDoubted(t *testing.T) {
	t.Parallel()
	got := read(t, answers(t, small, `{"hasMore":1,"data":[{"id":5}]}`, `{"responseCode":"SUCCESS","count":0}`))
	require.NoError(t, got.err)
	require.Equal(t, []string{"5"}, got.ids)
	require.Contains(t, got.last.Doubt, "without an end marker")
}

// TestATotalThatCountsFromTheCursorOn: the total may be of all records or of
// those that the request's own condition on ids leaves.
func TestATotalThatCountsFromTheCursorOn(t *testing.T) {
	t.Parallel()
	page := func(more, total int, ids ...int) string {
		var records []string
		for _, id := range ids {
			records = append(records, fmt.Sprintf(`{"id":%d}`, id))
		}
		return fmt.Sprintf(`{"count":%d,"totalCount":%d,"hasMore":%d,"data":[%s]}`, len(ids), total, more, strings.Join(records, ","))
	}
	got := read(t, answers(t, small, page(1, 6, 1, 2), page(1, 4, 3, 4), page(0, 2, 5, 6)))
	require.NoError(t, got.err)
	require.Empty(t, got.last.Doubt)
	require.Equal(t, []int64{4, 2, 0}, []int64{got.chunks[0].Remaining, got.chunks[1].Remaining, got.chunks[2].Remaining})

	short := read(t, answers(t, small, page(1, 7, 1, 2), page(1, 5, 3, 4), page(0, 3, 5, 6)))
	require.NoError(t, short.err)
	require.Contains(t, short.last.Doubt, "counted 7 records and marked the end after 6")
}

// TestAMissingRecordIsFoundAgain: a page of several chunks turns out to be
// short of its count when some of it has been delivered.
func TestAMissingRecordIsFoundAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	whole := 0
	s := scripted(t, qps.Search{PageSize: 8, ChunkBytes: 2000, Backoff: time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		after, limit := asked(t, r)
		var records []string
		for id := after + 1; id <= 10 && len(records) < limit; id++ {
			records = append(records, fmt.Sprintf(`{"id":%d,"name":%q}`, id, long))
		}
		count := len(records)
		if limit == 8 && whole == 0 {
			whole++
			records = append(records[:1], records[2:]...) // record 2 is missing
		}
		fmt.Fprintf(w, `{"count":%d,"hasMore":%t,"data":[%s]}`, count, after+count < 10, strings.Join(records, ","))
	})
	got := read(t, s)
	require.NoError(t, got.err)
	arrived := map[string]bool{}
	for _, id := range got.ids {
		arrived[id] = true
	}
	require.Len(t, arrived, 10)
}

// TestARecordThatIsCountedAndNeverDelivered ends the run: it is never passed
// over in silence, and not asked for without end.
func TestARecordThatIsCountedAndNeverDelivered(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	s := scripted(t, qps.Search{PageSize: 8, ChunkBytes: 2000, Backoff: time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		after, limit := asked(t, r)
		var records []string
		count := 0
		for id := after + 1; id <= 10 && count < limit; id++ {
			if count++; id != 4 {
				records = append(records, fmt.Sprintf(`{"id":%d,"name":%q}`, id, long))
			}
		}
		fmt.Fprintf(w, `{"count":%d,"hasMore":%t,"data":[%s]}`, count, after+count < 10, strings.Join(records, ","))
	})
	got := read(t, s)
	require.ErrorContains(t, got.err, "counted 1 records in a page and delivered 0")
	require.Equal(t, fault.Transient, fault.As(got.err).Class)
	require.Contains(t, got.last.Cursor, `"after":"3"`, "the stream stands before it")
}

// TestASkippedRecordIsNotMissedInTheTotal: the total counts from the cursor
// on, and so holds the record that was passed over.
func TestASkippedRecordIsNotMissedInTheTotal(t *testing.T) {
	t.Parallel()
	s := scripted(t, small, func(w http.ResponseWriter, r *http.Request) {
		after, limit, skip := askedFrom(t, r)
		var records []string
		for id := after + 1 + skip; id <= 6 && len(records) < limit; id++ {
			if id == 5 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			records = append(records, fmt.Sprintf(`{"id":%d}`, id))
		}
		fmt.Fprintf(w, `{"count":%d,"totalCount":%d,"hasMore":%t,"data":[%s]}`,
			len(records), 6-after, after+skip+len(records) < 6, strings.Join(records, ","))
	})
	got := read(t, s)
	require.NoError(t, got.err)
	require.Equal(t, []string{"1", "2", "3", "4", "6"}, got.ids)
	require.Len(t, got.setAside, 1)
	require.Contains(t, got.setAside[0].Reason, "500")
	require.Empty(t, got.last.Doubt)
}

func TestIdsThatAreNoNumbersGoByTheVendorsLastId(t *testing.T) {
	t.Parallel()
	o := small
	o.ChunkBytes = 4 // chunks hold whole pages all the same
	got := read(t, answers(t, o,
		`{"hasMore":1,"lastId":"a2","data":[{"id":"b9"},{"id":"a2"}]}`,
		`{"hasMore":0,"data":[{"id":"c1"}]}`))
	require.NoError(t, got.err)
	require.Equal(t, []string{"b9", "a2", "c1"}, got.ids)
	require.Len(t, got.chunks, 2)
	require.Contains(t, got.chunks[0].Cursor, `"after":"a2"`)

	stands := read(t, answers(t, small, `{"hasMore":1,"data":[{"id":"b9"}]}`))
	require.Equal(t, fault.Contract, fault.As(stands.err).Class)
}

func TestARecordNestedTooDeepIsSetAsideWithoutAnotherCall(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100)
	wide := "[" + strings.Repeat(`{"b":"[[[[\"{{{"},`, 500) + "{}]"
	got := read(t, answers(t, small, `{"hasMore":0,"data":[{"id":1},{"id":2,"x":`+deep+`},{"id":3,"x":`+wide+`}]}`))
	require.NoError(t, got.err)
	require.Equal(t, []string{"1", "3"}, got.ids)
	require.Len(t, got.setAside, 1)
	require.Equal(t, "2", got.setAside[0].ExternalID)
	require.Contains(t, got.setAside[0].Reason, "128 levels")
}

func TestARecordTooLargeIsSetAside(t *testing.T) {
	t.Parallel()
	o := small
	o.MaxRecord = 100 << 10
	s := scripted(t, o, func(w http.ResponseWriter, r *http.Request) {
		after, limit := asked(t, r)
		var records []string
		for id := after + 1; id <= 5 && len(records) < limit; id++ {
			size := 10
			if id == 3 {
				size = 300 << 10
			}
			records = append(records, fmt.Sprintf(`{"id":%d,"name":%q}`, id, strings.Repeat("x", size)))
		}
		fmt.Fprintf(w, `{"count":%d,"hasMore":%t,"data":[%s]}`, len(records), after+len(records) < 5, strings.Join(records, ","))
	})
	got := read(t, s)
	require.NoError(t, got.err)
	require.Equal(t, []string{"1", "2", "4", "5"}, got.ids)
	require.Len(t, got.setAside, 1)
	require.Equal(t, "3", got.setAside[0].ExternalID)
}

// TestAnotherObjectsIdIsNeverTaken: setting aside by a wrong id would lose
// what lies between.
func TestAnotherObjectsIdIsNeverTaken(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{
		"an owner's":          `{"owner":{"id":900},"name":"x"y"}`,
		"a finding's":         `{"findings":[{"id":900}],"name":"x"y"}`,
		"in a text":           `{"name":"\"id\":900,"y"}`,
		"contradicted":        `{"id":900,"name":"x"y"}`,
		"one that is cut off": `{"name":"x","id":90`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scripted(t, small, func(w http.ResponseWriter, r *http.Request) {
				after, limit := asked(t, r)
				switch {
				case after == 0 && limit > 1:
					fmt.Fprintf(w, `{"hasMore":1,"lastId":2,"data":[{"id":1},%s]}`, record)
				case after == 0:
					fmt.Fprint(w, `{"hasMore":1,"lastId":1,"data":[{"id":1}]}`)
				default:
					fmt.Fprintf(w, `{"hasMore":1,"lastId":2,"data":[%s`, record)
				}
			})
			got := read(t, s)
			require.Error(t, got.err)
			require.Contains(t, got.err.Error(), "after record 1")
			require.Equal(t, []string{"1"}, got.ids)
			require.Empty(t, got.setAside)
		})
	}
}
