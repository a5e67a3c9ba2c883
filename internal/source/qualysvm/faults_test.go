package qualysvm_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
	"sluice/internal/transport"
)

var streams = []string{qualysvm.Host, qualysvm.Detection, fo.KnowledgeBase.Name}

// distinct are records without those that are there again.
func distinct(records []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(records), func(r string) bool {
		again := seen[r]
		seen[r] = true
		return again
	})
}

func TestWhatPassesIsGotOver(t *testing.T) {
	t.Parallel()
	for name, set := range map[string][]simulator.Fault{
		"answers that break off":         {{Kind: faults.Cut, Every: 3}},
		"answers that end as if whole":   {{Kind: faults.Truncate, Every: 3}},
		"connections that close":         {{Kind: faults.HangUp, Every: 3}},
		"errors of the server":           {{Kind: faults.HTTPError, Every: 3}},
		"web pages as errors":            {{Kind: faults.HTTPError, Every: 3, HTML: true, Status: 503}},
		"web pages instead of answers":   {{Kind: faults.LoginPage, Every: 3}},
		"internal errors under 200":      {{Kind: faults.ErrorBody, Every: 3, Code: "999"}},
		"comments everywhere":            {{Kind: faults.Comments}},
		"blanks around and in texts":     {{Kind: faults.PaddedCDATA}},
		"pages that begin with the last": {{Kind: faults.Duplicate, Every: 2}},
		"pages of somebody else":         {{Kind: faults.RepeatPage, Every: 4}},
		"endless truncation":             {{Kind: faults.EmptyForever, Every: 4}},
		"bodies in small pieces":         {{Kind: faults.Trickle, Bytes: 4096, Delay: time.Microsecond}},
		"nesting without end":            {{Kind: faults.DeepNesting, Every: 4}},
		"all of it": {
			{Kind: faults.Cut, Share: 0.1}, {Kind: faults.Truncate, Share: 0.1}, {Kind: faults.HTTPError, Share: 0.1},
			{Kind: faults.LoginPage, Share: 0.05}, {Kind: faults.Comments, Share: 0.5}, {Kind: faults.PaddedCDATA, Share: 0.5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate, pages, nil)
			for _, stream := range streams {
				require.NoError(t, v.SetFaults())
				want := full(t, v, stream)
				require.NoError(t, v.SetFaults(set...))
				got := full(t, v, stream)
				if stream == qualysvm.Detection {
					// Of a host that was cut, some came twice; where it is split may differ.
					require.Equal(t, detectionLines(t, want.records), distinct(detectionLines(t, got.records)))
				} else {
					require.Equal(t, want.records, got.records)
				}
				require.Empty(t, got.last.Doubt)
				require.Empty(t, got.setAside)
			}
		})
	}
}

func TestAHostThatCannotBeDeliveredIsSetAside(t *testing.T) {
	t.Parallel()
	for _, kind := range []simulator.VMDefect{{Kind: "malformed-xml", Count: 3}, {Kind: "server-error", Endpoint: faults.VMDetections, Count: 2}, {Kind: "id-missing", Count: 2}} {
		t.Run(string(kind.Kind), func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate, pages, nil)
			require.NoError(t, v.SetHostDefects(kind))
			var poison []string
			for h := range v.Hosts(simulator.User{}) {
				if h.Malformed != "" {
					poison = append(poison, strconv.FormatInt(h.ID, 10))
				}
			}
			require.Len(t, poison, kind.Count)
			good := func(id string) bool { return !slices.Contains(poison, id) }

			hosts := full(t, v, qualysvm.Host)
			here := kind.Endpoint == ""
			require.Equal(t, trueHosts(v, func(h simulator.Host) bool { return !here || h.Malformed == "" }), hostLines(t, hosts.records))
			require.Empty(t, hosts.last.Doubt)
			var aside []string
			for _, s := range hosts.setAside {
				require.NotEmpty(t, s.Reason)
				if s.ExternalID != "" {
					aside = append(aside, s.ExternalID)
				}
			}
			if here {
				require.ElementsMatch(t, poison, distinct(aside))
			}

			detections := full(t, v, qualysvm.Detection)
			require.Equal(t, trueDetections(v, func(d simulator.Detection) bool {
				return known(d) && good(strconv.FormatInt(d.HostID, 10))
			}, false), distinct(detectionLines(t, detections.records)))
			require.NotEmpty(t, detections.setAside)
		})
	}
}

// TestAVendorThatDeliversNothingIsNotAskedTooOften: the caller tries again each
// minute, and the vendor counts.
func TestAVendorThatDeliversNothingIsNotAskedTooOften(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	asked := func() (calls int64, err error) {
		before := v.Counts().Calls[faults.VMDetections]
		out := read(t, v, source.Request{AssetType: qualysvm.Detection})
		return v.Counts().Calls[faults.VMDetections] - before, out.err
	}
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.HTTPError, Endpoint: faults.VMDetections}))
	calls, err := asked()
	require.ErrorContains(t, err, "not even one record at a time")
	require.Less(t, calls, int64(40))
	calls, err = asked()
	require.Equal(t, fault.Transient, fault.As(err).Class)
	require.EqualValues(t, 1, calls, "that there is no good record is known")

	require.NoError(t, v.SetFaults())
	_, err = asked()
	require.NoError(t, err)
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.HTTPError, Endpoint: faults.VMDetections, Call: 1}))
	_, err = asked()
	require.NoError(t, err, "what could be had once is tried for again")
}

func TestOddCharactersAreTaken(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	require.NoError(t, v.SetHostDefects(simulator.VMDefect{Kind: "control-character", Count: 2}, simulator.VMDefect{Kind: "invalid-utf8", Count: 2}))
	require.Len(t, full(t, v, qualysvm.Host).records, 60)
	require.Equal(t, trueDetections(v, known, false), detectionLines(t, full(t, v, qualysvm.Detection).records))
}

func TestAHostThatIsLeftOutIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.OmitRecord, Endpoint: faults.VMHosts, Call: 4}))
	hosts := full(t, v, qualysvm.Host)
	require.ElementsMatch(t, trueHosts(v, nil), hostLines(t, hosts.records))
	require.Empty(t, hosts.last.Doubt)
}

func TestAHostThatIsNeverDeliveredMakesADoubt(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	// Each answer lacks a record, even that to the question for one alone.
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.OmitRecord, Endpoint: faults.VMHosts}))
	out := read(t, v, source.Request{AssetType: qualysvm.Host})
	require.NoError(t, out.err)
	require.Contains(t, out.last.Doubt, "does not deliver")
	require.Less(t, len(out.records), 60)
}

func TestHostsThatVanishMeanwhileAreNoDoubt(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, map[string]string{qualys.FieldConcurrency: "1"})
	reader, err := v.Read(t.Context(), source.Request{AssetType: qualysvm.Host})
	require.NoError(t, err)
	defer reader.Close()
	var out stream
	for !out.last.End {
		chunk, err := reader.Next(t.Context())
		require.NoError(t, err)
		out.add(t, chunk)
		if len(out.chunks) == 1 {
			_, err := v.Advance(simulator.Change{VM: simulator.VMChange{Removed: 0.5, Added: 0.5}})
			require.NoError(t, err)
		}
	}
	require.Empty(t, out.last.Doubt)
	ids := map[string]bool{}
	for _, r := range out.records {
		ids[parse(t, r).ID] = true
	}
	for h := range v.Hosts(simulator.User{}) {
		require.True(t, ids[strconv.FormatInt(h.ID, 10)], "host %d appeared meanwhile", h.ID)
	}
}

func TestAnOlderServerIsReadByItsOwnVersions(t *testing.T) {
	t.Parallel()
	cfg := estate
	cfg.VMSettings = simulator.VMSettings{HostVersion: 2, DetectionVersion: 3, KnowledgeVersion: 2, EmptyList: true, Comments: true, WithoutUniqueID: true}
	v := simulate(t, cfg, pages, nil)
	require.Equal(t, trueHosts(v, nil), hostLines(t, full(t, v, qualysvm.Host).records))
	out := full(t, v, qualysvm.Detection)
	ids := map[string]bool{}
	for _, r := range out.records {
		h := parse(t, r)
		for _, d := range h.DETECTION_LIST.DETECTION {
			require.Equal(t, d.QID+":"+d.PORT+":"+d.PROTOCOL+":"+d.SSL+":"+d.INSTANCE, d.DETECTION_ID)
			require.False(t, ids[h.ID+" "+d.DETECTION_ID], "it is unique")
			ids[h.ID+" "+d.DETECTION_ID] = true
		}
	}
	require.Len(t, ids, len(trueDetections(v, known, false)))
	require.NotEmpty(t, full(t, v, fo.KnowledgeBase.Name).records)
	// What the server knows is remembered.
	before := v.Counts().Calls[faults.KnowledgeBase]
	full(t, v, fo.KnowledgeBase.Name)
	require.EqualValues(t, 1, v.Counts().Calls[faults.KnowledgeBase]-before)
}

func TestAnEmptyEstateIsRead(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{true, false} {
		v := simulate(t, simulator.Config{VMSettings: simulator.VMSettings{EmptyList: list}}, pages, nil)
		for _, stream := range streams {
			req := source.Request{AssetType: stream}
			if stream == fo.KnowledgeBase.Name {
				req.Since = v.Now() // a knowledge base is never empty, but nothing in it is as new
			}
			out := read(t, v, req)
			require.NoError(t, out.err)
			require.Empty(t, out.records)
			require.Empty(t, out.last.Doubt)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user, password string
		fault          *simulator.Fault
		class          fault.Class
		code           string
	}{
		"expired account":    {user: account.ExpiredName, password: account.ExpiredPassword, class: fault.Auth, code: qualys.CodeAccountExpired},
		"terms not accepted": {user: account.NewName, password: account.NewPassword, class: fault.Refused, code: qualys.CodeRegistration},
		"wrong password":     {user: account.DefaultName, password: "wrong", class: fault.Auth, code: transport.CodeLoginRefused},
		"maintenance":        {fault: &simulator.Fault{Kind: faults.ErrorBody, Code: "1999"}, class: fault.Transient, code: qualys.CodeMaintenance},
		"not licensed":       {fault: &simulator.Fault{Kind: faults.ErrorBody, Code: "2012"}, class: fault.Refused, code: qualys.CodeNotLicensed},
		"too often":          {fault: &simulator.Fault{Kind: faults.Throttle, Status: 409, RetryAfter: 68928}, class: fault.Throttled, code: transport.CodeThrottled},
		"too many at once":   {fault: &simulator.Fault{Kind: faults.ErrorBody, Code: "1960"}, class: fault.Throttled, code: qualys.CodeTooMany},
		"an unknown code":    {fault: &simulator.Fault{Kind: faults.ErrorBody, Code: "1777"}, class: fault.Contract, code: "response-code"},
		"a login page":       {fault: &simulator.Fault{Kind: faults.LoginPage}, class: fault.Contract, code: transport.CodeMarkup},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, stream := range streams {
				v := simulate(t, estate, pages, nil)
				session := v.Session
				if c.user != "" {
					session = openAs(t, v.url, pages, c.user, c.password, nil)
				}
				if c.fault != nil {
					require.NoError(t, v.SetFaults(*c.fault))
				}
				out := read(t, session, source.Request{AssetType: stream})
				f := fault.As(out.err)
				require.NotNil(t, f, "%v", out.err)
				require.Equal(t, c.class, f.Class, "%v", f)
				require.Equal(t, c.code, f.Code, "%v", f)
				if name == "too often" {
					require.Greater(t, f.Wait, 19*time.Hour)
				}
				if name == "not licensed" {
					require.NotEmpty(t, f.Advice)
				}
			}
		})
	}
}

func TestTheVendorsLimitsAreKept(t *testing.T) {
	t.Parallel()
	cfg := estate
	cfg.VMSettings = simulator.VMSettings{Requests: 4, Concurrent: 1}
	v := simulate(t, cfg, pages, map[string]string{qualys.FieldConcurrency: "3"})
	at := ""
	var records []string
	waits := 0
	for done := false; !done; {
		reader, err := v.Read(t.Context(), source.Request{AssetType: qualysvm.Host, Cursor: at})
		require.NoError(t, err)
		for {
			chunk, err := reader.Next(t.Context())
			if err != nil {
				f := fault.As(err)
				require.Equal(t, fault.Throttled, f.Class, "%v", err)
				require.Positive(t, f.Wait)
				waits++
				break
			}
			var out stream
			out.add(t, chunk)
			records = append(records, out.records...)
			at = chunk.Cursor
			if done = chunk.End; done {
				break
			}
		}
		require.NoError(t, reader.Close())
		v.Pass(2 * time.Hour)
		// The session remembers how long to wait, by its own clock.
		v.Session = openAs(t, v.url, pages, account.DefaultName, account.DefaultPassword, map[string]string{qualys.FieldConcurrency: "3"})
		require.Less(t, waits, 30)
	}
	require.Equal(t, trueHosts(v, nil), hostLines(t, records))
	require.Positive(t, waits)
}
