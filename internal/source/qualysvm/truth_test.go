package qualysvm_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/governor"
	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

// estate is a simulated vendor, small enough to be read many times.
var estate = simulator.Config{
	Seed: 7, Hosts: 60, DetectionsPerHost: 8, KnowledgeEntries: 120,
	Start: time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC),
}

// pages are small, so that a stream has many.
var pages = qualysvm.Options{
	HostPage: 7, DetectionPage: 7,
	Limits: fo.Limits{Backoff: time.Millisecond, Chunk: 16 << 10, LookAhead: 16 << 10, Split: 2 << 10},
}

// vendor is a simulator behind a session.
type vendor struct {
	*simulator.Simulator
	source.Session
	url string
}

func simulate(t testing.TB, cfg simulator.Config, o qualysvm.Options, settings map[string]string) vendor {
	t.Helper()
	if cfg.VMSettings.Requests == 0 {
		cfg.VMSettings.Requests = -1 // no limit by time
	}
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	url := serve(t, sim.Handler().ServeHTTP)
	return vendor{sim, openAs(t, url, o, account.DefaultName, account.DefaultPassword, settings), url}
}

// openAs opens a session with somebody's name and password; settings add to what
// it needs.
func openAs(t testing.TB, url string, o qualysvm.Options, name, password string, settings map[string]string) source.Session {
	t.Helper()
	c := source.Connection{
		Connector: "test",
		Settings:  map[string]string{qualys.FieldBaseURL: url, qualys.FieldUsername: name},
		Secrets:   map[string]string{qualys.FieldPassword: password},
		Governor:  governor.New(governor.NewMemory(), governor.Options{Subscription: url, Patience: 100 * time.Millisecond}),
	}
	for name, value := range settings {
		c.Settings[name] = value
	}
	session, err := qualysvm.New(o).Open(c)
	require.NoError(t, err)
	return session
}

// host and detection are what of a record is compared.
type host struct {
	ID, IP, DNS, OS, NETBIOS, TRACKING_METHOD string
	ASSET_CRITICALITY_SCORE                   string
	TAGS                                      struct{ TAG []struct{ NAME string } }
	DETECTION_LIST                            struct{ DETECTION []detection }
}

type detection struct {
	DETECTION_ID, QID, TYPE, STATUS, SEVERITY, PORT, PROTOCOL, SSL, INSTANCE, RESULTS string
	IS_IGNORED, TIMES_FOUND, LAST_FOUND_DATETIME                                      string
	QDS                                                                               struct{ Severity, Value string }
}

func parse(t testing.TB, record string) (h host) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(record), &h), record)
	return h
}

// hostLines are hosts as text, of records and of the truth.
func hostLines(t testing.TB, records []string) (lines []string) {
	for _, r := range records {
		h := parse(t, r)
		var tags []string
		for _, tag := range h.TAGS.TAG {
			tags = append(tags, tag.NAME)
		}
		lines = append(lines, fmt.Sprint(h.ID, h.IP, h.DNS, h.OS, h.NETBIOS, h.TRACKING_METHOD, h.ASSET_CRITICALITY_SCORE, tags))
	}
	return lines
}

func trueHosts(v vendor, wanted func(simulator.Host) bool) (lines []string) {
	for h := range v.Hosts(simulator.User{}) {
		if wanted != nil && !wanted(h) {
			continue
		}
		var tags []string
		for _, tag := range h.Tags {
			tags = append(tags, tag.Name)
		}
		lines = append(lines, fmt.Sprint(strconv.FormatInt(h.ID, 10), h.IP, h.DNS, h.OS, h.NetBIOS, h.TrackingMethod, strconv.Itoa(h.Criticality), tags))
	}
	return lines
}

// detectionLines are detections as text, in their order.
func detectionLines(t testing.TB, records []string) (lines []string) {
	for _, r := range records {
		h := parse(t, r)
		for _, d := range h.DETECTION_LIST.DETECTION {
			lines = append(lines, fmt.Sprint(h.ID, d.DETECTION_ID, d.QID, d.TYPE, d.STATUS, d.SEVERITY, d.PORT, d.PROTOCOL, d.SSL,
				d.INSTANCE, d.RESULTS, d.IS_IGNORED, d.TIMES_FOUND, d.LAST_FOUND_DATETIME, d.QDS))
		}
	}
	return lines
}

func trueDetections(v vendor, wanted func(simulator.Detection) bool, results bool) (lines []string) {
	for d := range v.Detections(simulator.User{}) {
		if !wanted(d) {
			continue
		}
		var qds struct{ Severity, Value string }
		if d.QDS > 0 {
			qds.Value = strconv.Itoa(d.QDS)
			switch {
			case d.QDS >= 90:
				qds.Severity = "CRITICAL"
			case d.QDS >= 70:
				qds.Severity = "HIGH"
			case d.QDS >= 40:
				qds.Severity = "MEDIUM"
			default:
				qds.Severity = "LOW"
			}
		}
		port, ignored, shown := "", "0", ""
		if d.Port > 0 {
			port = strconv.Itoa(d.Port)
		}
		if d.Ignored {
			ignored = "1"
		}
		if results {
			shown = d.Results
		}
		lines = append(lines, fmt.Sprint(strconv.FormatInt(d.HostID, 10), strconv.FormatInt(d.ID, 10), strconv.FormatInt(d.QID, 10), d.Type, d.Status,
			strconv.Itoa(d.Severity), port, d.Protocol, d.SSL, d.Instance, shown, ignored, strconv.Itoa(d.TimesFound),
			d.LastFound.Format("2006-01-02T15:04:05Z"), qds))
	}
	return lines
}

func known(d simulator.Detection) bool { return d.Type != "Info" }

func full(t testing.TB, s source.Session, name string) stream {
	t.Helper()
	out := read(t, s, source.Request{AssetType: name})
	require.NoError(t, out.err)
	return out
}

func TestAFullReadIsWhatTheVendorHas(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []string{"1", "2"} {
		t.Run("concurrency "+concurrency, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate, pages, map[string]string{qualys.FieldConcurrency: concurrency})

			hosts := full(t, v, qualysvm.Host)
			require.Equal(t, trueHosts(v, nil), hostLines(t, hosts.records))
			require.Empty(t, hosts.last.Doubt)
			require.Zero(t, hosts.last.Remaining)
			require.Equal(t, 9, hosts.pages, "60 hosts by 7")
			require.False(t, hosts.chunks[0].Clock.IsZero())
			require.EqualValues(t, 60-hosts.chunks[0].Records, hosts.chunks[0].Remaining)

			detections := full(t, v, qualysvm.Detection)
			require.Equal(t, trueDetections(v, known, false), detectionLines(t, detections.records))
			require.Greater(t, len(detections.records), 60, "hosts with many detections are split")

			entries := full(t, v, fo.KnowledgeBase.Name)
			var qids, truth []string
			for _, r := range entries.records {
				var entry struct{ QID string }
				require.NoError(t, json.Unmarshal([]byte(r), &entry))
				qids = append(qids, entry.QID)
			}
			for e := range v.Knowledge() {
				truth = append(truth, strconv.FormatInt(e.QID, 10))
			}
			require.Equal(t, truth, qids)

			for endpoint, seen := range v.Limits() {
				require.Zero(t, seen.TooMany, endpoint)
			}
		})
	}
}

func TestWhatIsReadDoesNotDependOnConcurrency(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	for _, name := range []string{qualysvm.Host, qualysvm.Detection} {
		one := full(t, openAs(t, v.url, pages, account.DefaultName, account.DefaultPassword, map[string]string{qualys.FieldConcurrency: "1"}), name)
		two := full(t, v, name)
		require.Equal(t, one.records, two.records)
		require.Equal(t, len(one.chunks), len(two.chunks))
	}
}

func TestResultsAndInformationComeWhenAsked(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	all := func(simulator.Detection) bool { return true }
	asked := read(t, v, source.Request{AssetType: qualysvm.Detection, Filters: map[string][]string{"results": {"true"}, "information": {"true"}}})
	require.NoError(t, asked.err)
	require.Equal(t, trueDetections(v, all, true), detectionLines(t, asked.records))
}

func TestADeltaRunBringsWhatWasProcessedSince(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	v.Pass(time.Hour)
	since := v.Now()
	v.Pass(time.Hour)
	_, err := v.Advance(simulator.Change{VM: simulator.VMChange{Scanned: 0.2, New: 0.5, Fixed: 0.5}, Knowledge: simulator.KnowledgeChange{Updated: 0.1}})
	require.NoError(t, err)

	hosts := read(t, v, source.Request{AssetType: qualysvm.Host, Since: since})
	require.NoError(t, hosts.err)
	require.Len(t, hosts.records, 12)
	require.Empty(t, hosts.last.Doubt)

	changed := map[string]bool{}
	for _, r := range hosts.records {
		changed[parse(t, r).ID] = true
	}
	detections := read(t, v, source.Request{AssetType: qualysvm.Detection, Since: since})
	require.NoError(t, detections.err)
	require.Equal(t, trueDetections(v, func(d simulator.Detection) bool {
		return known(d) && changed[strconv.FormatInt(d.HostID, 10)]
	}, false), detectionLines(t, detections.records))

	entries := read(t, v, source.Request{AssetType: fo.KnowledgeBase.Name, Since: since})
	require.NoError(t, entries.err)
	require.NotEmpty(t, entries.records)
	require.Less(t, len(entries.records), 40)
}

func TestFiltersNarrowWhatIsRead(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	var some []simulator.Host
	tag := ""
	for h := range v.Hosts(simulator.User{}) {
		some = append(some, h)
		if len(h.Tags) > 0 {
			tag = h.Tags[0].Name
		}
	}
	id := strconv.FormatInt(some[20].ID, 10)
	for name, c := range map[string]struct {
		filters map[string][]string
		host    func(simulator.Host) bool
		found   func(simulator.Detection) bool
	}{
		"tags": {
			filters: map[string][]string{"tags": {tag}},
			host: func(h simulator.Host) bool {
				for _, t := range h.Tags {
					if t.Name == tag {
						return true
					}
				}
				return false
			},
		},
		"ids": {
			filters: map[string][]string{"ids": {id, strconv.FormatInt(some[30].ID, 10) + "-" + strconv.FormatInt(some[45].ID, 10)}},
			host: func(h simulator.Host) bool {
				return h.ID == some[20].ID || h.ID >= some[30].ID && h.ID <= some[45].ID
			},
		},
		"ips": {
			filters: map[string][]string{"ips": {some[3].IP}},
			host:    func(h simulator.Host) bool { return h.IP == some[3].IP },
		},
		"severities": {
			filters: map[string][]string{"severities": {"4", "5"}},
			found:   func(d simulator.Detection) bool { return d.Severity >= 4 },
		},
		"statuses": {
			filters: map[string][]string{"statuses": {"Fixed"}},
			found:   func(d simulator.Detection) bool { return d.Status == "Fixed" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, source.CheckFilters(qualysvm.New(pages), c.filters))
			in := map[int64]bool{}
			for _, h := range some {
				in[h.ID] = c.host == nil || c.host(h)
			}
			hosts := read(t, v, source.Request{AssetType: qualysvm.Host, Filters: c.filters})
			require.NoError(t, hosts.err)
			require.Equal(t, trueHosts(v, c.host), hostLines(t, hosts.records))
			detections := read(t, v, source.Request{AssetType: qualysvm.Detection, Filters: c.filters})
			require.NoError(t, detections.err)
			require.Equal(t, trueDetections(v, func(d simulator.Detection) bool {
				return known(d) && in[d.HostID] && (c.found == nil || c.found(d))
			}, false), detectionLines(t, detections.records))
		})
	}
}

func TestReadingGoesOnAtEveryCursor(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate, pages, nil)
	for _, name := range []string{qualysvm.Host, qualysvm.Detection, fo.KnowledgeBase.Name} {
		whole := full(t, v, name)
		require.Greater(t, len(whole.chunks), 2, name)
		before := 0
		for i, chunk := range whole.chunks[:len(whole.chunks)-1] {
			before += chunk.Records
			rest := read(t, v, source.Request{AssetType: name, Cursor: chunk.Cursor})
			require.NoError(t, rest.err)
			// A host that was in the middle begins anew.
			got, want := rest.records, whole.records[before:]
			require.GreaterOrEqual(t, len(got), len(want), "%s, chunk %d", name, i)
			require.Equal(t, append([]string{}, want...), append([]string{}, got[len(got)-len(want):]...), "%s, chunk %d", name, i)
			if extra := got[:len(got)-len(want)]; len(extra) > 0 {
				require.Equal(t, qualysvm.Detection, name)
				require.Equal(t, parse(t, want[0]).ID, parse(t, extra[0]).ID)
			}
			require.Empty(t, rest.last.Doubt)
		}
	}
}
