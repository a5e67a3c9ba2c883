package simulator_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
)

// contextUntil is a context that ends when a channel is closed.
func contextUntil(stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-stop
		cancel()
	}()
	return ctx, cancel
}

func TestErrorsOfTheFOAPIHaveTheVendorsShape(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	for _, c := range []struct {
		fault  simulator.Fault
		status int
		body   string
	}{
		{simulator.Fault{Kind: faults.ErrorBody, Code: "2001"}, 200, "<CODE>2001</CODE>"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "2003"}, 409, "Registration must be completed"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "2011"}, 409, "SecureID"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "2012"}, 403, "not authorized"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "1999"}, 503, "maintenance"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "1960"}, 409, "<KEY>CALLS_TO_FINISH</KEY>"},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "1234"}, 200, "<CODE>1234</CODE>"},
		{simulator.Fault{Kind: faults.ErrorBody}, 501, `<RETURN status="FAILED" number="999">`},
		{simulator.Fault{Kind: faults.HTTPError, Status: 503}, 503, "<GENERIC_RETURN>"},
		{simulator.Fault{Kind: faults.HTTPError, Status: 502, HTML: true}, 502, "<h1>Bad Gateway</h1>"},
		{simulator.Fault{Kind: faults.LoginPage}, 200, `type="password"`},
		{simulator.Fault{Kind: faults.Throttle, RetryAfter: 75}, 409, "another 1 minutes and 15 seconds."},
		{simulator.Fault{Kind: faults.Redirect}, 307, ""},
	} {
		setFaults(t, f.vendor, c.fault)
		for _, path := range []string{hostsPath, detectionsPath, knowledgePath} {
			a := f.call(path)
			require.Equal(t, c.status, a.status, "%v", c.fault)
			require.Contains(t, string(a.body), c.body)
		}
	}
}

func TestConnectionsOfTheFOAPIBreakInTheMiddleOfARecord(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	for path, record := range map[string]string{hostsPath: "HOST", detectionsPath: "DETECTION", knowledgePath: "VULN"} {
		setFaults(t, f.vendor)
		whole := f.call(path)
		for kind, complete := range map[faults.Kind]bool{faults.Cut: false, faults.Truncate: true} {
			setFaults(t, f.vendor, simulator.Fault{Kind: kind})
			a := f.call(path)
			require.Equal(t, complete, a.err == nil, "%s: %v", kind, a.err)
			require.Equal(t, string(whole.body[:len(a.body)]), string(a.body), "what there is, is right")
			opened, closed := strings.Count(string(a.body), "<"+record+">"), strings.Count(string(a.body), "</"+record+">")
			require.Equal(t, closed+1, opened, path)
			require.Greater(t, closed, 0)
			require.Greater(t, strings.Count(string(whole.body), "</"+record+">"), closed)
		}
		setFaults(t, f.vendor, simulator.Fault{Kind: faults.HangUp})
		_, err := f.try(path)
		require.Error(t, err)
	}
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.Truncate})
	require.NotContains(t, string(f.call(hostsPath, "ids=1").body), "</RESPONSE>", "an empty answer too")
}

func TestSlowAnswersOfTheFOAPIAreTheSame(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.Hosts = 2
	f := startVM(t, cfg)
	whole := f.call(hostsPath)
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.Slow, Delay: 20 * time.Millisecond},
		simulator.Fault{Kind: faults.Trickle, Delay: time.Microsecond, Bytes: 50})
	require.Equal(t, whole.body, f.call(hostsPath).body)
}

func TestPagesOfHostsThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	ids := func(o output) []string {
		var out []string
		for _, h := range o.Hosts {
			out = append(out, h.ID)
		}
		return out
	}
	var all []string
	for h := range f.sim.Hosts(f.user) {
		all = append(all, decimal(h.ID))
	}
	read := func(f *fo, kind faults.Kind, from int) output {
		setFaults(t, f.vendor)
		f.read(hostsPath, "truncation_limit=10")
		setFaults(t, f.vendor, simulator.Fault{Kind: kind})
		return f.read(hostsPath, "truncation_limit=10", "id_min="+all[from])
	}
	require.Equal(t, all[:10], ids(read(f, faults.RepeatPage, 10)))

	duplicate := read(f, faults.Duplicate, 10)
	require.Equal(t, all[9:19], ids(duplicate))
	require.Contains(t, duplicate.Warning.URL, "id_min="+all[19], "nothing is lost")

	omitted := read(f, faults.OmitRecord, 10)
	require.Equal(t, slices.Concat(all[10:15], all[16:20]), ids(omitted))
	require.Contains(t, omitted.Warning.URL, "id_min="+all[20])

	empty := read(f, faults.EmptyForever, 10)
	require.Empty(t, empty.Hosts)
	require.Contains(t, empty.Warning.URL, "id_min="+all[10])

	unmarked := read(f, faults.WithoutMarker, 10)
	require.Equal(t, all[10:20], ids(unmarked))
	require.Nil(t, unmarked.Warning)

	served := f.sim.Counts().Faults
	require.Equal(t, 1, served[faults.RepeatPage])
	require.Equal(t, all[:10], ids(read(f, faults.Duplicate, 0)), "there is none before the first")
	require.Equal(t, served, f.sim.Counts().Faults)
}

func TestHostileBodiesOfTheFOAPI(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.EndlessBody, Bytes: 1_000_000})
	require.Contains(t, string(f.call(knowledgePath).body), strings.Repeat("a", 1_000_000))
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.DeepNesting, Bytes: 50_000})
	require.Contains(t, string(f.call(detectionsPath).body), strings.Repeat("<A>", 50_000))
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.GzipBomb, Bytes: 3_000_000})
	require.Greater(t, len(f.call(detectionsPath).body), 3_000_000, "unpacked by the HTTP client")
}

func TestCommentsAndPaddingAreFaultsToo(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	plain := f.read(detectionsPath)
	require.NotContains(t, string(f.call(detectionsPath).body), "<!--\n")
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.Comments}, simulator.Fault{Kind: faults.PaddedCDATA})
	body := string(f.call(detectionsPath).body)
	require.Contains(t, body[:strings.Index(body, "<!DOCTYPE")], "<!--")
	require.Contains(t, body, "keep-alive")
	require.Contains(t, body[strings.Index(body, "</HOST_LIST_VM_DETECTION_OUTPUT>"):], "<!--")
	padded := f.decode([]byte(body))
	require.Len(t, padded.Hosts, len(plain.Hosts))
	for i := range plain.Hosts {
		require.Equal(t, trim(plain.Hosts[i].OS), trim(padded.Hosts[i].OS))
	}
}

// Defects stay with their host, and narrowing by ids isolates it.
func TestADefectOfAHostIsIsolatedByNarrowing(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"malformed-xml": "syntax error", "control-character": "illegal character", "invalid-utf8": "invalid UTF-8", "server-error": "500",
	} {
		cfg := vmConfig()
		cfg.Hosts = 50
		f := startVM(t, cfg)
		require.NoError(t, f.sim.SetHostDefects(simulator.VMDefect{Kind: "id-missing", Count: 3, Endpoint: faults.VMHosts},
			simulator.VMDefect{Kind: simulator.VMDefectKind(kind), Count: 3}))
		require.NoError(t, f.readable(hostsPath, "details=None", "truncation_limit=0"), "ids alone are without the record")
		for path, parameters := range map[string][]string{hostsPath: nil, detectionsPath: allOfDetections} {
			require.ErrorContains(t, f.readable(path, parameters...), want)
			var bad []simulator.Host
			for h := range f.sim.Hosts(f.user) {
				if f.readable(path, append(parameters, "ids="+decimal(h.ID))...) != nil {
					require.Equal(t, kind, string(h.Malformed))
					bad = append(bad, h)
				}
			}
			require.NotEmpty(t, bad, "of three hosts: those without detections are not there")
			require.NoError(t, f.readable(path, append(parameters, "id_max="+decimal(bad[0].ID-1))...), "before the first")
			require.NoError(t, f.readable(path, append(parameters, "id_min="+decimal(bad[len(bad)-1].ID+1))...), "after the last")
		}
		missing := 0
		for h := range f.sim.Hosts(f.user) {
			if h.Malformed == "id-missing" {
				require.Empty(t, f.read(hostsPath, "ids="+decimal(h.ID)).Hosts[0].ID)
				missing++
			}
		}
		require.Equal(t, 3, missing)
		require.NoError(t, f.sim.SetHostDefects())
		require.NoError(t, f.readable(hostsPath))
	}
}

// readable tells what is wrong with an answer, if anything.
func (f *fo) readable(path string, parameters ...string) error {
	a := f.call(path, parameters...)
	if a.status != http.StatusOK {
		return errors.New(http.StatusText(a.status) + " 500")
	}
	d := xml.NewDecoder(strings.NewReader(string(a.body)))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestADefectOfADetectionLeavesTheOthersGood(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	require.NoError(t, f.sim.SetHostDefects(
		simulator.VMDefect{Kind: "qid-missing", Count: 4}, simulator.VMDefect{Kind: "severity-out-of-range", Share: 0.05},
		simulator.VMDefect{Kind: "date-garbage", Count: 2}))
	want := map[int64]string{}
	for d := range f.sim.Detections(f.user) {
		if d.Malformed != "" {
			want[d.ID] = string(d.Malformed)
		}
	}
	require.GreaterOrEqual(t, len(want), 8)
	got := map[int64]string{}
	for _, h := range f.read(detectionsPath, allOfDetections...).Hosts {
		for _, d := range h.Detections {
			switch {
			case d.QID == 0:
				got[d.ID] = "qid-missing"
			case d.Severity == 9:
				got[d.ID] = "severity-out-of-range"
			case strings.Contains(d.First, "yesterday"):
				got[d.ID] = "date-garbage"
			}
		}
	}
	require.Equal(t, want, got)
	require.ErrorContains(t, f.sim.SetHostDefects(simulator.VMDefect{Kind: "typo", Count: 1}), "unknown defect")
	require.ErrorContains(t, f.sim.SetHostDefects(simulator.VMDefect{Kind: "qid-missing"}), "either a count or a share")
}
