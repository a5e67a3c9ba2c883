package qualyswas_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualyswas"
	"sluice/internal/transport"
)

// impatient is a transport that gives up on what takes a second.
var impatient = transport.Options{HeaderTimeout: 250 * time.Millisecond, IdleTimeout: 250 * time.Millisecond}

// TestPassingFaultsLoseNothing: each happens now and then, to searches and
// counts of either dialect, and every record arrives exactly once.
func TestPassingFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simulator.Fault{
		"the server fails":               {Kind: faults.HTTPError, Every: 3},
		"a proxy fails":                  {Kind: faults.HTTPError, Status: 502, HTML: true, Every: 2},
		"the body speaks of an error":    {Kind: faults.ErrorBody, Every: 3},
		"there is maintenance":           {Kind: faults.ErrorBody, Code: "MAINTENANCE", Every: 3},
		"connections are closed":         {Kind: faults.HangUp, Every: 3},
		"an answer is late":              {Kind: faults.Slow, Delay: time.Second, Every: 8},
		"an answer trickles":             {Kind: faults.Trickle, Delay: time.Microsecond, Bytes: 1 << 10, Every: 4},
		"an answer is cut":               {Kind: faults.Cut, Every: 2},
		"an answer ends too early":       {Kind: faults.Truncate, Every: 2},
		"a page is repeated":             {Kind: faults.RepeatPage, Every: 3},
		"a record is repeated":           {Kind: faults.Duplicate, Every: 2},
		"an empty page promises more":    {Kind: faults.EmptyForever, Every: 3},
		"a page is counted wrong":        {Kind: faults.ShiftCount, Every: 3},
		"a page has no end marker":       {Kind: faults.WithoutMarker, Every: 3},
		"a record has no end":            {Kind: faults.EndlessBody, Bytes: 3 << 20, Call: 3},
		"a record is nested endlessly":   {Kind: faults.DeepNesting, Call: 3},
		"an answer swells when unpacked": {Kind: faults.GzipBomb, Bytes: 8 << 20, Call: 3},
		"comments are everywhere":        {Kind: faults.Comments},
		"texts are padded":               {Kind: faults.PaddedCDATA},
	} {
		for _, format := range formats {
			t.Run(name+", "+format, func(t *testing.T) {
				t.Parallel()
				if format == qualys.WASFormatJSON && (f.Kind == faults.Comments || f.Kind == faults.PaddedCDATA) {
					t.Skip("there is no such thing in JSON")
				}
				o := undivided // one call after the other: which of them go wrong is certain
				o.MaxRecord = 1 << 20
				if f.Delay > 100*time.Millisecond {
					o.Transport = impatient
				}
				cfg := estate()
				cfg.WebFindings = 300
				v := simulate(t, cfg, o, format)
				here := f
				here.Endpoint = faults.WASFindings
				require.NoError(t, v.SetFaults(here))
				got := read(t, v, findings())
				require.NoError(t, got.err)
				require.Equal(t, v.findingsThat(anyFinding), got.ids())
				require.Empty(t, got.setAside)
				require.Empty(t, got.last.Doubt)
				require.NotZero(t, v.Counts().Faults[f.Kind], "the fault has to have happened")
			})
		}
	}
}

// TestFaultsAtRandomLoseNothing, with several searches beside each other.
func TestFaultsAtRandomLoseNothing(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate(), small, format)
			var all []simulator.Fault
			for _, kind := range []faults.Kind{
				faults.HTTPError, faults.ErrorBody, faults.HangUp, faults.Cut, faults.Truncate, faults.Duplicate, faults.ShiftCount, faults.WithoutMarker,
			} {
				all = append(all, simulator.Fault{Kind: kind, Share: 0.03})
			}
			require.NoError(t, v.SetFaults(all...))
			req, ids, aside := findings(), []string{}, []source.SetAside{}
			for tries := 0; ; tries++ {
				got := read(t, v, req)
				ids, aside = append(ids, got.ids()...), append(aside, got.setAside...)
				if got.err == nil {
					require.Empty(t, got.last.Doubt)
					break
				}
				require.True(t, fault.Retryable(got.err) || fault.As(got.err).Code == "no-end-marker", got.err)
				require.Less(t, tries, 50)
				if len(got.chunks) > 0 {
					req.Cursor = got.last.Cursor
				}
			}
			// One record may meet a fault at each of its tries: then it is set aside,
			// which is told, and is not lost.
			want := v.findingsThat(anyFinding)
			missing := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return slices.Contains(ids, id) })
			require.Equal(t, want, sorted(append(ids, missing...)), "each comes once")
			require.Len(t, aside, len(missing), "what does not come is set aside, and nothing else")
			for _, a := range aside {
				require.True(t, a.ExternalID == "" || slices.Contains(missing, a.ExternalID), a)
			}
		})
	}
}

// TestLastingFaultsAreClassified, in the same way in both dialects, whether the
// count or the search meets them.
func TestLastingFaultsAreClassified(t *testing.T) {
	t.Parallel()
	type outcome struct {
		class fault.Class
		code  string
		says  string
	}
	for name, c := range map[string]struct {
		fault simulator.Fault
		want  outcome
	}{
		"the vendor throttles": {simulator.Fault{Kind: faults.Throttle, RetryAfter: 321}, outcome{fault.Throttled, "throttled", "API limit"}},
		"the server fails":     {simulator.Fault{Kind: faults.HTTPError}, outcome{fault.Transient, "server-error", "500"}},
		"a proxy fails":        {simulator.Fault{Kind: faults.HTTPError, Status: 503, HTML: true}, outcome{fault.Transient, "unavailable", "503"}},
		"a general error":      {simulator.Fault{Kind: faults.ErrorBody}, outcome{fault.Transient, "vendor-error", "contact your account manager"}},
		"maintenance":          {simulator.Fault{Kind: faults.ErrorBody, Code: "MAINTENANCE"}, outcome{fault.Transient, "maintenance", "MAINTENANCE"}},
		"wrong credentials":    {simulator.Fault{Kind: faults.ErrorBody, Code: "INVALID_CREDENTIALS"}, outcome{fault.Auth, "login-refused", "Authentication failed"}},
		"no permission":        {simulator.Fault{Kind: faults.ErrorBody, Code: "UNAUTHORIZED"}, outcome{fault.Refused, "forbidden", "access to WAS by API"}},
		"a bad request":        {simulator.Fault{Kind: faults.ErrorBody, Code: "INVALID_REQUEST"}, outcome{fault.Refused, "request-not-understood", "check the profile's filters"}},
		"a limit in the body":  {simulator.Fault{Kind: faults.ErrorBody, Code: "LIMIT_EXCEEDED"}, outcome{fault.Throttled, "throttled", "LIMIT_EXCEEDED"}},
		"an unknown code":      {simulator.Fault{Kind: faults.ErrorBody, Code: "WHO_KNOWS"}, outcome{fault.Contract, "response-code", "WHO_KNOWS"}},
		"a login page":         {simulator.Fault{Kind: faults.LoginPage}, outcome{fault.Contract, "markup", "login page"}},
		"a redirect":           {simulator.Fault{Kind: faults.Redirect}, outcome{fault.Refused, "redirected", "redirect"}},
		"closed connections":   {simulator.Fault{Kind: faults.HangUp}, outcome{fault.Transient, "unreachable", "cannot be reached"}},
	} {
		for _, format := range formats {
			for _, endpoint := range []faults.Endpoint{faults.WASFindings, faults.WASCount} {
				t.Run(fmt.Sprint(name, ", ", format, ", ", endpoint), func(t *testing.T) {
					t.Parallel()
					v := simulate(t, estate(), small, format)
					here := c.fault
					here.Endpoint = endpoint
					require.NoError(t, v.SetFaults(here))
					got := read(t, v, findings())
					f := fault.As(got.err)
					require.NotNil(t, f, "%v", got.err)
					require.Equal(t, c.want.class, f.Class, got.err)
					require.Equal(t, c.want.code, f.Code, got.err)
					require.Contains(t, got.err.Error(), c.want.says)
					require.LessOrEqual(t, len(f.Detail), fault.MaxDetail)
				})
			}
		}
	}
}

// TestWrongCredentialsAreOfferedOnce: the vendor says so under HTTP 200, and
// locks accounts after a few attempts.
// TestAVendorThatDeliversNothingIsNotAskedTooOften: the caller tries again each
// minute.
func TestAVendorThatDeliversNothingIsNotAskedTooOften(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), undivided, qualys.WASFormatJSON)
	asked := func() (calls int64, err error) {
		before := v.Counts().Calls[faults.WASFindings]
		got := read(t, v, source.Request{AssetType: qualyswas.Finding})
		return v.Counts().Calls[faults.WASFindings] - before, got.err
	}
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.ErrorBody, Endpoint: faults.WASFindings}))
	calls, err := asked()
	require.ErrorContains(t, err, "not even one record at a time")
	require.Less(t, calls, int64(40))
	calls, err = asked()
	require.Equal(t, fault.Transient, fault.As(err).Class)
	require.EqualValues(t, 1, calls, "that there is no good record is known")

	require.NoError(t, v.SetFaults())
	_, err = asked()
	require.NoError(t, err)
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.ErrorBody, Endpoint: faults.WASFindings, Call: 1}))
	_, err = asked()
	require.NoError(t, err, "what could be had once is tried for again")
}

func TestWrongCredentialsAreOfferedOnce(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		v := simulate(t, estate(), small, format)
		c := connection(v.url, format)
		c.Secrets[qualys.FieldPassword] = "not the password"
		s, err := qualyswas.New(small).Open(c)
		require.NoError(t, err)
		for range 5 {
			for _, req := range []source.Request{webApps(), findings()} {
				got := read(t, s, req)
				require.Equal(t, fault.Auth, fault.As(got.err).Class, got.err)
				require.ErrorContains(t, got.err, "check username and password")
			}
		}
		require.EqualValues(t, 1, v.Counts().Unauthorized)
	}
}

// TestARefusalInTheOtherDialectIsUnderstood: errors may come in XML although
// JSON was asked for.
func TestARefusalInTheOtherDialectIsUnderstood(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, `<?xml version="1.0"?><ServiceResponse><responseCode>INVALID_CREDENTIALS</responseCode><responseErrorDetails><errorMessage>Authentication failed</errorMessage></responseErrorDetails></ServiceResponse>`)
	}))
	s := open(t, url, small, qualys.WASFormatJSON)
	for range 3 {
		got := read(t, s, findings())
		require.Equal(t, fault.Auth, fault.As(got.err).Class, got.err)
		require.ErrorContains(t, got.err, "Authentication failed")
	}
	require.EqualValues(t, 1, calls.Load())
}

func TestBothFormsOfAnEmptyAnswerAreRead(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		for _, bare := range []bool{false, true} {
			cfg := estate()
			cfg.WebApps, cfg.WebFindings = 0, 0
			cfg.WebSettings.EmptyWithoutData = bare
			v := simulate(t, cfg, small, format)
			for _, req := range []source.Request{webApps(), findings()} {
				got := read(t, v, req)
				require.NoError(t, got.err)
				require.Empty(t, got.records)
				require.Empty(t, got.last.Doubt)
			}
		}
	}
}

func TestAVendorThatDoesNotDivideIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		sim, err := simulator.New(estate())
		require.NoError(t, err)
		var refused atomic.Int64
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(r.URL.Path, "finding") && bytes.Contains(body, []byte("LESSER")) {
				refused.Add(1)
				w.Header().Set("Content-Type", "application/xml")
				answer := `<ServiceResponse><responseCode>INVALID_REQUEST</responseCode></ServiceResponse>`
				if format == qualys.WASFormatJSON {
					answer = `{"ServiceResponse":{"responseCode":"INVALID_REQUEST"}}`
				}
				fmt.Fprint(w, answer)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			sim.Handler().ServeHTTP(w, r)
		}))
		v := vendor{sim, open(t, url, small, format), url}
		got := read(t, v, findings())
		require.NoError(t, got.err)
		require.NotZero(t, refused.Load())
		require.Equal(t, v.findingsThat(anyFinding), got.ids())
		require.Empty(t, got.last.Doubt)
	}
}

func TestTheLimitOfConcurrentCallsIsKept(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.QPSLimits.Concurrent = 2
	v := simulate(t, cfg, small, formats[0])
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.Slow, Delay: 5 * time.Millisecond}))
	got := read(t, v, findings())
	require.NoError(t, got.err)
	require.EqualValues(t, 2, v.Counts().MaxConcurrent[faults.WASFindings])
}

// TestSecretsAreInNoError: whatever goes wrong, in either dialect.
func TestSecretsAreInNoError(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte(account.DefaultName + ":" + account.DefaultPassword))
	for _, body := range []string{
		"<html>bad header Authorization: %s, password %s",
		`{"ServiceResponse":{"responseCode":"INVALID_REQUEST","responseErrorDetails":{"errorMessage":"%s, %s"}}}`,
		`<ServiceResponse><responseCode>OTHER_ERROR</responseCode><responseErrorDetails><errorMessage>%s, %s</errorMessage></responseErrorDetails></ServiceResponse>`,
		`<SIMPLE_RETURN><RESPONSE><CODE>1777</CODE><TEXT>%s, %s</TEXT></RESPONSE></SIMPLE_RETURN>`,
	} {
		for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
			echo := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				fmt.Fprintf(w, body, r.Header.Get("Authorization"), account.DefaultPassword)
			}))
			for _, format := range formats {
				s := open(t, echo, small, format)
				for _, req := range []source.Request{webApps(), findings()} {
					got := read(t, s, req)
					f := fault.As(got.err)
					require.NotNil(t, f)
					for _, text := range []string{got.err.Error(), f.Detail} {
						require.NotContains(t, text, account.DefaultPassword)
						require.NotContains(t, text, basic)
					}
				}
			}
		}
	}
}

func TestWhatCannotBeReadIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, "http://127.0.0.1:1", small, formats[0])
	_, err := s.Read(t.Context(), source.Request{AssetType: "WEBAPPS"})
	require.ErrorContains(t, err, "did you mean WEBAPP?")
	for _, cursor := range []string{"17", `{"total":-1}`, `{"total":1,"span":{"from":"x"}}`, `{"total":1,"at":{"after":7}}`, `{`} {
		req := findings()
		req.Cursor = cursor
		_, err := s.Read(t.Context(), req)
		require.Equal(t, fault.Contract, fault.As(err).Class, cursor)
	}
}
