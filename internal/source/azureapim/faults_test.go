package azureapim_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
	vendor "sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
)

// insist reads a stream as a run does: after an error that may pass it opens
// it again at the cursor of the last chunk.
func insist(t *testing.T, s source.Session, req source.Request) stream {
	t.Helper()
	out := newStream()
	for range 200 {
		reader, err := s.Read(t.Context(), req)
		require.NoError(t, err)
		for err == nil && !out.last.End {
			var chunk source.Chunk
			if chunk, err = reader.Next(t.Context()); err == nil {
				out.add(t, chunk)
				req.Cursor = chunk.Cursor
			}
		}
		require.NoError(t, reader.Close())
		if out.last.End {
			return out
		}
		require.True(t, fault.Retryable(err), "%v", err)
	}
	require.Fail(t, "the stream does not end")
	return out
}

func TestFaultsThatPassLoseNothing(t *testing.T) {
	t.Parallel()
	for name, list := range map[string][]vendor.Fault{
		"500":              {{Fault: faults.Fault{Kind: faults.HTTPError, Every: 5}}},
		"503":              {{Fault: faults.Fault{Kind: faults.HTTPError, Status: 503, Every: 6}}},
		"hang-ups":         {{Fault: faults.Fault{Kind: faults.HangUp, Every: 7}}},
		"cut answers":      {{Fault: faults.Fault{Kind: faults.Cut, Every: 5}}},
		"ended tokens":     {{Fault: faults.Fault{Kind: faults.RevokeTokens, Every: 9}, Of: vendor.OneAPI}},
		"busy":             {{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "PessimisticConcurrencyConflict", Every: 5}, Of: vendor.OneAPI}},
		"maintenance":      {{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "ManagementApiRequestFailed", Every: 4}, Of: vendor.Export}},
		"throttled":        {{Fault: faults.Fault{Kind: faults.Throttle, RetryAfter: 1, Times: 2}, Of: vendor.OneAPI}},
		"missing rows":     {{Fault: faults.Fault{Kind: faults.OmitRecord, Call: 1}, Of: vendor.APIs}},
		"rows twice":       {{Fault: faults.Fault{Kind: faults.Duplicate, Every: 2}, Of: vendor.APIs}},
		"first pages only": {{Fault: faults.Fault{Kind: faults.WithoutMarker, Call: 1}, Of: vendor.APIs}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := estate()
			cfg.APIs, cfg.Odd, cfg.Settings.PageSize = 60, vendor.None, 10
			o := quick
			o.Azure.Tries = 8 // one call must not meet every fault
			s := simulate(t, cfg, o)
			require.NoError(t, s.SetFaults(list...))
			got := insist(t, s, all())
			requireTruth(t, got, s.truth(false))
		})
	}
}

// TestAStreamIsResumedAnywhere: the reader of each chunk is another.
func TestAStreamIsResumedAnywhere(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.APIs = 30
	o := quick
	o.ChunkRecords = 1
	s := simulate(t, cfg, o)
	got, req := newStream(), filtered(all(), "revisions", "all")
	for !got.last.End {
		reader, err := s.Read(t.Context(), req)
		require.NoError(t, err)
		chunk, err := reader.Next(t.Context())
		require.NoError(t, err)
		got.add(t, chunk)
		req.Cursor = chunk.Cursor
		require.NoError(t, reader.Close())
	}
	requireTruth(t, got, s.truth(true))
	require.Equal(t, read(t, s, filtered(all(), "revisions", "all")).ids(), got.ids(), "the order is the same")
}

func TestWhatRemainsIsCounted(t *testing.T) {
	t.Parallel()
	o := quick
	o.ChunkRecords = 10
	s := simulate(t, estate(), o)
	got := read(t, s, all())
	require.NoError(t, got.err)
	left := int64(len(got.apis))
	for _, c := range got.chunks {
		left -= int64(c.Records)
		require.Equal(t, left, c.Remaining)
		require.False(t, c.Clock.IsZero() && c.Records > 0)
	}
}

func TestAScopeThatCannotBeReadDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{"subscription", "group", "service", "workspace"} {
		t.Run(sort, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, estate(), quick)
			scope := ""
			for _, a := range s.truth(false) {
				end := map[string]string{"subscription": "/resourcegroups/", "group": "/providers/", "service": "/workspaces/", "workspace": "/apis/"}[sort]
				if id := strings.ToLower(a.ID); a.Workspace != "" {
					scope = id[:strings.Index(id, end)]
					break
				}
			}
			require.NotEmpty(t, scope)
			settings := s.Settings()
			settings.Unreadable = []string{scope}
			require.NoError(t, s.Configure(settings))
			got := read(t, s, all())
			require.NoError(t, got.err)
			require.NotEmpty(t, got.unread)
			for id, reason := range got.unread {
				require.True(t, strings.HasPrefix(id, scope), id)
				require.Contains(t, reason, "AuthorizationFailed")
				require.Contains(t, reason, azure.ReaderRole)
			}
			want := s.truth(false)
			for id := range want {
				covered := false
				for below := range got.unread {
					covered = covered || strings.HasPrefix(id, below+"/")
				}
				require.Equal(t, strings.HasPrefix(id, scope+"/"), covered, id)
				if covered {
					delete(want, id)
				}
			}
			got.unread = nil
			requireTruth(t, got, want)
		})
	}
}

func TestAServiceInMaintenanceIsUnread(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	var service string
	for one := range s.Services() {
		service = strings.ToLower(one.Path)
	}
	settings := s.Settings()
	settings.Activating = []string{service}
	require.NoError(t, s.Configure(settings))
	got := read(t, s, all())
	require.NoError(t, got.err)
	require.Contains(t, got.unread, service)
	require.NotEmpty(t, got.apis)
}

// TestAnAPIThatCannotBeReadIsSetAside: the rest is read, and it is not gone.
func TestAnAPIThatCannotBeReadIsSetAside(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AuthorizationFailed", "PreconditionFailed"} {
		cfg := estate()
		cfg.APIs = 20
		s := simulate(t, cfg, quick)
		kept := newStore()
		require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.ErrorBody, Code: code}, Of: vendor.OneAPI}))
		got := read(t, s, kept.full())
		require.NoError(t, got.err)
		require.Empty(t, got.apis)
		require.Empty(t, got.remember)
		require.Len(t, got.setAside, len(s.truth(false)))
		for id, reason := range got.setAside {
			require.Contains(t, s.truth(false), id)
			require.Contains(t, reason, code)
		}
	}
}

func TestAnAPIThatIsRemovedMeanwhileIsGone(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	want := s.truth(false)
	for id, a := range want {
		settings := s.Settings()
		settings.Vanished = []string{a.ID}
		require.NoError(t, s.Configure(settings))
		delete(want, id)
		break
	}
	requireTruth(t, read(t, s, all()), want)
}

func TestAnApplicationWithoutARoleIsToldSo(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	c := connection(s.arm, s.blob)
	c.Settings[azure.FieldClientID], c.Secrets[azure.FieldClientSecret] = vendor.WithoutRoleClientID, vendor.WithoutRoleSecret
	got := read(t, open(t, c, quick), all())
	f := fault.As(got.err)
	require.NotNil(t, f)
	require.Equal(t, []any{fault.Refused, azure.CodeNoSubscriptions}, []any{f.Class, f.Code})
	require.Contains(t, f.Advice, "API Management Service Reader")
}

// TestExportsThatTheVendorMixesUpAreNotMadeTogether, by two workers either.
func TestExportsThatTheVendorMixesUpAreNotMadeTogether(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.APIs, cfg.Twins = 80, 0.5
	cfg.Settings.ExportDelay = 3 * time.Millisecond
	s := simulate(t, cfg, quick)
	kept := newStore()
	var readers sync.WaitGroup
	streams := make([]stream, 2)
	for i := range streams {
		readers.Go(func() {
			streams[i] = read(t, open(t, connection(s.arm, s.blob), quick), filtered(kept.full(), "revisions", "all"))
		})
	}
	readers.Wait()
	for _, got := range streams {
		requireTruth(t, got, s.truth(true))
	}
	require.Zero(t, s.Counts().WrongBlobs)
	require.Greater(t, s.Counts().MaxConcurrent[vendor.Export], int64(1), "others are exported at the same time")
}

func TestEveryShapeOfAnExportIsRead(t *testing.T) {
	t.Parallel()
	for _, shape := range []vendor.Shape{vendor.ShapeA, vendor.ShapeB, vendor.ShapeC, vendor.ShapeInline} {
		for _, inline := range []vendor.InlineShape{vendor.InlineText, vendor.InlineObject, vendor.InlineRaw} {
			t.Run(fmt.Sprint(shape, " ", inline), func(t *testing.T) {
				t.Parallel()
				cfg := estate()
				cfg.APIs, cfg.Settings.Shape, cfg.Settings.InlineShape = 40, shape, inline
				s := simulate(t, cfg, quick)
				requireTruth(t, read(t, s, all()), s.truth(false))
			})
		}
	}
}

func TestWithoutBlobStorageDocumentsAreReadFromTheAnswers(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, simulated){
		"links end at once": func(t *testing.T, s simulated) {
			settings := s.Settings()
			settings.LinkLifetime = time.Nanosecond
			require.NoError(t, s.Configure(settings))
		},
		"it cannot be reached": func(_ *testing.T, s simulated) {
			gone := httptest.NewServer(nil)
			gone.Close()
			s.SetBlobURL(gone.URL)
		},
		"links lead elsewhere": func(_ *testing.T, s simulated) { s.SetBlobURL("http://169.254.169.254") },
		"it redirects": func(t *testing.T, s simulated) {
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.Redirect, Location: s.arm}, Of: vendor.Blob}))
		},
		"documents have no end": func(t *testing.T, s simulated) {
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.GzipBomb, Bytes: 40 << 20}, Of: vendor.Blob}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := estate()
			cfg.APIs, cfg.Odd = 12, vendor.None
			o := quick
			o.Azure.MaxDocument = 1 << 20
			s := simulate(t, cfg, o)
			spoil(t, s)
			got := read(t, s, filtered(all(), "types", "http"))
			require.NoError(t, got.err)
			require.NotEmpty(t, got.apis)
			truth := s.truth(false)
			for _, a := range got.apis {
				require.Equal(t, "openapi+json", a.Specification.Source, a.Specification.Reason)
				require.Equal(t, a.Specification.Format, string(truth[a.ID].Specification.Format))
			}
		})
	}
}

// TestOperationsThatCannotBeReadAreNotTakenForNone, and are tried again soon
// when that may pass.
func TestOperationsThatCannotBeReadAreNotTakenForNone(t *testing.T) {
	t.Parallel()
	for code, passes := range map[string]bool{"": true, "AuthorizationFailed": false} {
		cfg := estate()
		cfg.APIs, cfg.Odd = 12, vendor.None
		s, kept := simulate(t, cfg, quick), newStore()
		operations := vendor.Fault{Fault: faults.Fault{Kind: faults.HTTPError, Status: 500}, Of: vendor.Operations}
		if code != "" {
			operations.Fault = faults.Fault{Kind: faults.ErrorBody, Code: code}
		}
		require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}, Of: vendor.Export}, operations))
		got := read(t, s, filtered(kept.full(), "types", "http"))
		require.NoError(t, got.err)
		require.NotEmpty(t, got.apis)
		for _, a := range got.apis {
			require.Contains(t, a.Specification.Reason, "its operations cannot be read either")
			require.Equal(t, passes, strings.Contains(got.remember[a.ID], `"passing":true`))
		}
	}
}

// TestAPIsThatAreCountedAndNotShownAreOfThePreview: should the stable version
// count those that it leaves out, the service is read all the same.
func TestAPIsThatAreCountedAndNotShownAreOfThePreview(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	counted := regexp.MustCompile(`"count":\s*\d+`)
	over := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, r)
		body := answer.Body.String()
		if strings.HasSuffix(r.URL.Path, "/apis") && r.URL.Query().Get("api-version") == azure.VersionAPIManagement {
			body = counted.ReplaceAllString(body, `"count": 999`)
		}
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write([]byte(body))
	}))
	requireTruth(t, read(t, open(t, connection(over, s.blob), quick), all()), s.truth(false))
}

func TestALongWaitIsLeftToTheRun(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.Throttle, RetryAfter: 90, Call: 3}, Of: vendor.OneAPI}))
	reader, err := s.Read(t.Context(), all())
	require.NoError(t, err)
	defer reader.Close()
	for err == nil {
		_, err = reader.Next(t.Context())
	}
	f := fault.As(err)
	require.NotNil(t, f, "%v", err)
	require.Equal(t, fault.Throttled, f.Class)
	require.Greater(t, f.Wait, 80*time.Second)
	calls := s.Counts().Calls[vendor.OneAPI]
	_, err = reader.Next(t.Context())
	require.Equal(t, fault.Throttled, fault.As(err).Class)
	require.Equal(t, calls, s.Counts().Calls[vendor.OneAPI], "an early call would start the wait anew")
}

func TestTheTokenGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.Settings.PageSize = 5
	s := simulate(t, cfg, quick)
	other := simulate(t, cfg, quick)
	settings := s.Settings()
	settings.NextLinkHost = strings.TrimPrefix(other.arm, "http://")
	require.NoError(t, s.Configure(settings))
	got := read(t, s, all())
	require.NoError(t, got.err)
	require.NotEmpty(t, got.unread)
	for _, reason := range got.unread {
		require.Contains(t, reason, "the token is not sent there")
	}
	require.Empty(t, other.Counts().Calls[vendor.APIs])
}

// TestNoMessageHasASecret: neither errors nor reasons, whatever goes wrong.
func TestNoMessageHasASecret(t *testing.T) {
	t.Parallel()
	for _, of := range []vendor.Call{vendor.Token, vendor.Subscriptions, vendor.APIs, vendor.OneAPI, vendor.Export, vendor.Blob} {
		for _, kind := range []faults.Kind{faults.HTTPError, faults.ErrorBody, faults.LoginPage, faults.Redirect, faults.HangUp, faults.Cut, faults.Truncate, faults.DeepNesting} {
			t.Run(fmt.Sprint(of, " ", kind), func(t *testing.T) {
				t.Parallel()
				cfg := estate()
				cfg.APIs, cfg.Services = 4, 1
				s := simulate(t, cfg, quick)
				require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: kind}, Of: of}))
				got := read(t, s, all())
				said := fmt.Sprint(got.err, got.unread, got.setAside, got.remember, got.records, s.Probe(t.Context()))
				if f := fault.As(got.err); f != nil {
					said += f.Detail
				}
				for _, secret := range []string{vendor.DefaultSecret, "simulated%7Eclient", "sig=", "eyJ"} {
					require.NotContains(t, said, secret)
				}
			})
		}
	}
}
