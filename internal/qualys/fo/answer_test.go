package fo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
	"sluice/internal/xmlstream"
)

// things is a call with parts, as simple as can be.
var things = &Call{
	Title: "things", Path: "/api/%s/fo/things/", Versions: []string{"3.0", "2.0"},
	Root: "THINGS", List: "LIST", Record: "THING", ID: "ID",
	Split: "PARTS", Part: "PART", Finish: func(dst []byte, _ int) []byte { return dst },
	Shapes: xmlstream.NewShapes(xmlstream.Table{Objects: []string{"PARTS", "PART"}}),
}

func session(t testing.TB, limits Limits, h http.HandlerFunc) *Session {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return sessionAt(t, limits, server.URL)
}

func sessionAt(t testing.TB, limits Limits, address string) *Session {
	t.Helper()
	client, err := qualys.NewClient(source.Connection{
		Settings: map[string]string{qualys.FieldBaseURL: address, qualys.FieldUsername: "u"},
		Secrets:  map[string]string{qualys.FieldPassword: "p"},
		Governor: governor.New(governor.NewMemory(), governor.Options{Subscription: address, Patience: 100 * time.Millisecond}),
	}, transport.Options{})
	require.NoError(t, err)
	limits.Backoff = time.Millisecond
	return NewSession(client, limits)
}

func TestAServerThatDoesNotKnowTheVersionIsAskedForAnOlderOne(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(http.ResponseWriter){
		"not found": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"in words": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<SIMPLE_RETURN><RESPONSE><CODE>1905</CODE><TEXT>The API version 3.0 is not supported</TEXT></RESPONSE></SIMPLE_RETURN>")
		},
	} {
		var paths []string
		s := session(t, Limits{}, func(w http.ResponseWriter, r *http.Request) {
			paths = append(paths, r.URL.Path)
			if strings.Contains(r.URL.Path, "3.0") {
				refuse(w)
				return
			}
			_, _ = io.WriteString(w, "<THINGS><RESPONSE></RESPONSE></THINGS>")
		})
		for range 2 {
			require.NoError(t, s.Peek(t.Context(), things, nil), name)
		}
		require.Equal(t, []string{"/api/3.0/fo/things/", "/api/2.0/fo/things/", "/api/2.0/fo/things/"}, paths, name)
	}
}

func TestACallThatIsThereInNoVersionSaysSo(t *testing.T) {
	t.Parallel()
	s := session(t, Limits{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	err := s.Peek(t.Context(), things, nil)
	require.ErrorContains(t, err, "3.0, 2.0")
	require.Equal(t, fault.Refused, fault.As(err).Class)
}

func TestALongWaitIsKeptByAllWhoCall(t *testing.T) {
	t.Parallel()
	calls := 0
	s := session(t, Limits{}, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, "<SIMPLE_RETURN><RESPONSE><CODE>1965</CODE><TEXT>later</TEXT>"+
			"<ITEM_LIST><ITEM><KEY>SECONDS_TO_WAIT</KEY><VALUE>600</VALUE></ITEM></ITEM_LIST></RESPONSE></SIMPLE_RETURN>")
	})
	for range 3 {
		f := fault.As(s.Peek(t.Context(), things, nil))
		require.Equal(t, fault.Throttled, f.Class)
		require.InDelta(t, 600, f.Wait.Seconds(), 10)
	}
	require.Equal(t, 1, calls)
}

func TestARecordThatDoesNotEndIsGivenUp(t *testing.T) {
	t.Parallel()
	endless := bytes.Repeat([]byte("a"), 64<<10)
	s := session(t, Limits{Record: 64 << 10}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<THINGS><RESPONSE><LIST><THING><ID>1</ID><NAME>")
		for r.Context().Err() == nil {
			if _, err := w.Write(endless); err != nil {
				return
			}
		}
	})
	reader, err := s.Read(Stream{Call: things, Page: 10}, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	_, err = reader.Next(t.Context())
	require.ErrorContains(t, err, "does not end")
}

func TestAStoppedReaderEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := session(t, Limits{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<THINGS><RESPONSE><LIST>")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	reader, err := s.Read(Stream{Call: things, Page: 10}, "")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = reader.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, reader.Close())
}

// FuzzAnswer reads whatever a vendor might answer: lines are JSON, and a stream
// comes to an end or an error.
func FuzzAnswer(f *testing.F) {
	whole := "<THINGS><RESPONSE><LIST><THING><ID>1</ID><PARTS><PART><A>x</A></PART><PART/></PARTS></THING>" +
		"<THING><ID>2</ID></THING></LIST></RESPONSE></THINGS><!-- end -->"
	for _, body := range []string{
		whole, whole[:len(whole)/2], strings.ReplaceAll(whole, "<ID>2", "<ID>0"), strings.ReplaceAll(whole, "LIST", "lost"),
		"<THINGS><RESPONSE><WARNING><CODE>1980</CODE><URL>?id_min=9</URL></WARNING></RESPONSE></THINGS>",
		"<html>", "", "<SIMPLE_RETURN><RESPONSE><CODE>2001</CODE></RESPONSE></SIMPLE_RETURN>",
		"<THINGS><RESPONSE><LIST><THING><PARTS/><ID>1</ID></THING></LIST></RESPONSE></THINGS>",
	} {
		f.Add([]byte(body))
	}
	var body atomic.Pointer[[]byte]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.ParseUint(r.FormValue("id_min"), 10, 64)
		if from > 5 {
			_, _ = io.WriteString(w, "<THINGS><RESPONSE></RESPONSE></THINGS>")
			return
		}
		_, _ = w.Write(*body.Load())
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, answer []byte) {
		answer = slices.Clone(answer)
		body.Store(&answer)
		s := sessionAt(t, Limits{Record: 4 << 10, Split: 32, Chunk: 512, LookAhead: 512}, server.URL)
		reader, err := s.Read(Stream{Call: things, Page: 10, search: func(context.Context, uint64, uint64) (*idSet, error) {
			return newIDSet([]idSpan{{1, 2}}), nil
		}}, "")
		require.NoError(t, err)
		defer func() { require.NoError(t, reader.Close()) }()
		for range 1000 {
			chunk, err := reader.Next(t.Context())
			if err != nil {
				return
			}
			lines := bytes.SplitAfter(chunk.Data, []byte("\n"))
			require.Len(t, lines, chunk.Records+1)
			for _, line := range lines[:chunk.Records] {
				require.True(t, json.Valid(line), "%s", line)
			}
			if chunk.End {
				require.Contains(t, string(answer), "RESPONSE")
				return
			}
		}
		t.Fatal("it does not end")
	})
}
