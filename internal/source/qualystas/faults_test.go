package qualystas_test

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/estate"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualystas"
	"sluice/internal/transport"
)

// TestPassingFaultsLoseNothing: each happens now and then, and every record
// arrives exactly once, in order.
func TestPassingFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simulator.Fault{
		"tokens are revoked":             {Kind: faults.RevokeTokens, Every: 3},
		"the server fails":               {Kind: faults.HTTPError, Every: 3},
		"a proxy fails":                  {Kind: faults.HTTPError, Status: 502, HTML: true, Every: 2},
		"the body speaks of an error":    {Kind: faults.ErrorBody, Every: 3},
		"there is maintenance":           {Kind: faults.ErrorBody, Code: "MAINTENANCE", Every: 3},
		"connections are closed":         {Kind: faults.HangUp, Every: 3},
		"an answer is late":              {Kind: faults.Slow, Delay: time.Second, Every: 4},
		"an answer stalls":               {Kind: faults.Trickle, Delay: time.Second, Every: 4},
		"an answer trickles":             {Kind: faults.Trickle, Delay: time.Millisecond, Bytes: 4 << 10, Every: 4},
		"an answer is cut":               {Kind: faults.Cut, Every: 2},
		"an answer ends too early":       {Kind: faults.Truncate, Every: 2},
		"a page is repeated":             {Kind: faults.RepeatPage, Every: 3},
		"a record is repeated":           {Kind: faults.Duplicate, Every: 2},
		"an empty page promises more":    {Kind: faults.EmptyForever, Every: 3},
		"a page is counted wrong":        {Kind: faults.ShiftCount, Every: 3},
		"a page is counted short":        {Kind: faults.ShiftCount, Shift: -1, Every: 3},
		"a page has no end marker":       {Kind: faults.WithoutMarker, Every: 3},
		"a record has no end":            {Kind: faults.EndlessBody, Bytes: 3 << 20, Call: 3},
		"a record is nested endlessly":   {Kind: faults.DeepNesting, Call: 3},
		"an answer swells when unpacked": {Kind: faults.GzipBomb, Bytes: 64 << 20, Call: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small
			o.MaxRecord = 1 << 20
			if f.Delay > 100*time.Millisecond {
				o.Transport = impatient
			}
			v := simulate(t, estateOf(250), o)
			f.Endpoint = faults.Applications
			require.NoError(t, v.SetFaults(f))
			got := read(t, v, applications())
			require.NoError(t, got.err)
			require.Equal(t, truth(v, simulator.Application), got.ids)
			require.Empty(t, got.setAside)
			require.Empty(t, got.last.Doubt)
			require.NotZero(t, v.Counts().Faults[f.Kind], "the fault has to have happened")
		})
	}
}

// impatient is a transport that gives up on what takes a second.
var impatient = transport.Options{HeaderTimeout: 250 * time.Millisecond, IdleTimeout: 250 * time.Millisecond}

func estateOf(n int) simulator.Config {
	return simulator.Config{Seed: 11, Applications: n, FindingsPerAsset: 6}
}

// TestLastingFaultsAreClassified: each happens from the third search on.
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
		"tokens are revoked":           {simulator.Fault{Kind: faults.RevokeTokens}, outcome{fault.Auth, "token-not-accepted", "user-level"}},
		"the vendor throttles":         {simulator.Fault{Kind: faults.Throttle, RetryAfter: 321}, outcome{fault.Throttled, "throttled", "Request limit exceeded"}},
		"the server fails":             {simulator.Fault{Kind: faults.HTTPError}, outcome{fault.Transient, "server-error", "after record"}},
		"a proxy fails":                {simulator.Fault{Kind: faults.HTTPError, Status: 503, HTML: true}, outcome{fault.Transient, "unavailable", "503"}},
		"a general error":              {simulator.Fault{Kind: faults.ErrorBody}, outcome{fault.Transient, "vendor-error", "contact your account manager"}},
		"maintenance":                  {simulator.Fault{Kind: faults.ErrorBody, Code: "MAINTENANCE"}, outcome{fault.Transient, "maintenance", "MAINTENANCE"}},
		"wrong credentials":            {simulator.Fault{Kind: faults.ErrorBody, Code: "INVALID_CREDENTIALS"}, outcome{fault.Auth, "token-not-accepted", "Authentication failed"}},
		"no permission":                {simulator.Fault{Kind: faults.ErrorBody, Code: "INSUFFICIENT_PERMISSION"}, outcome{fault.Refused, "forbidden", "user-level"}},
		"a limit in the body":          {simulator.Fault{Kind: faults.ErrorBody, Code: "LIMIT_EXCEEDED"}, outcome{fault.Throttled, "throttled", "LIMIT_EXCEEDED"}},
		"an unknown code":              {simulator.Fault{Kind: faults.ErrorBody, Code: "WHO_KNOWS"}, outcome{fault.Contract, "response-code", "WHO_KNOWS"}},
		"a login page":                 {simulator.Fault{Kind: faults.LoginPage}, outcome{fault.Contract, "markup", "login page"}},
		"a redirect":                   {simulator.Fault{Kind: faults.Redirect}, outcome{fault.Refused, "redirected", "127.0.0.2:9"}},
		"connections are closed":       {simulator.Fault{Kind: faults.HangUp}, outcome{fault.Transient, "unreachable", "cannot be reached"}},
		"an empty page promises more":  {simulator.Fault{Kind: faults.EmptyForever}, outcome{fault.Contract, "nothing-new", "nothing new"}},
		"pages are counted wrong":      {simulator.Fault{Kind: faults.ShiftCount}, outcome{fault.Transient, "miscounted", "counted 2 records in a page and delivered 1"}},
		"a record is nested endlessly": {simulator.Fault{Kind: faults.DeepNesting}, outcome{fault.Contract, "unreadable-answer", "depth"}},
		"an answer swells":             {simulator.Fault{Kind: faults.GzipBomb, Bytes: 8 << 20}, outcome{fault.Contract, "unreadable-answer", "larger than"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estateOf(120), small)
			reader, err := v.Read(t.Context(), applications())
			require.NoError(t, err)
			defer reader.Close()
			var before stream
			for range 2 {
				chunk, err := reader.Next(t.Context())
				require.NoError(t, err)
				before.add(t, chunk)
			}
			c.fault.Endpoint = faults.Applications
			require.NoError(t, v.SetFaults(c.fault))
			_, err = reader.Next(t.Context())
			f := fault.As(err)
			require.NotNil(t, f, "%v", err)
			require.Equal(t, c.want.class, f.Class, err)
			require.Equal(t, c.want.code, f.Code, err)
			require.Contains(t, err.Error(), c.want.says)
			require.LessOrEqual(t, len(f.Detail), fault.MaxDetail)
			if c.fault.RetryAfter > 0 {
				require.Equal(t, 321*time.Second, f.Wait)
			}

			// Once the fault has passed, the stream goes on where it was.
			require.NoError(t, v.SetFaults())
			rest := applications()
			rest.Cursor = before.last.Cursor
			after := read(t, v, rest)
			require.NoError(t, after.err)
			require.Equal(t, truth(v, simulator.Application), append(before.ids, after.ids...))
		})
	}
}

func TestAStreamWithoutAnyEndMarkerDoesNotEnd(t *testing.T) {
	t.Parallel()
	v := simulate(t, estateOf(50), small)
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.WithoutMarker, Endpoint: faults.Applications}))
	got := read(t, v, applications())
	require.Equal(t, truth(v, simulator.Application), got.ids, "what arrived is delivered")
	require.Equal(t, fault.Contract, fault.As(got.err).Class)
	require.Equal(t, "no-end-marker", fault.As(got.err).Code)
}

func TestADeliveryShortOfTheVendorsCountIsDoubted(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simulator.Fault{
		"a record is left out without a sign": {Kind: faults.OmitRecord, Call: 3},
		"the total is higher":                 {Kind: faults.ShiftTotal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estateOf(100), small)
			f.Endpoint = faults.Applications
			require.NoError(t, v.SetFaults(f))
			got := read(t, v, applications())
			require.NoError(t, got.err)
			require.Contains(t, got.last.Doubt, "marked the end after")
		})
	}
}

func TestOneRecordThatCannotBeReadIsSetAside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		defect  estate.DefectKind
		wrapped bool
		named   bool // its id can be told
	}{
		"not JSON":                {defect: estate.Undecodable, named: true},
		"not JSON, in a wrapper":  {defect: estate.Undecodable, wrapped: true, named: true},
		"no answer that holds it": {defect: estate.ServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := estateOf(300)
			cfg.Settings.WrapRecords = c.wrapped
			cfg.Defects = []simulator.Defect{{Kind: c.defect, Count: 4}}
			v := simulate(t, cfg, qualystas.Options{PageSize: 100, Backoff: time.Millisecond})
			got := read(t, v, applications())
			require.NoError(t, got.err)
			good := truth(v, simulator.Application, string(c.defect))
			require.Len(t, good, 296)
			require.Equal(t, good, got.ids)
			require.Empty(t, got.last.Doubt, "what was set aside is accounted for")
			require.Len(t, got.setAside, 4)
			all := truth(v, simulator.Application)
			for _, aside := range got.setAside {
				require.NotEmpty(t, aside.Reason)
				require.Equal(t, c.named, aside.ExternalID != "")
				require.LessOrEqual(t, len(aside.Head), fault.MaxDetail)
				if c.named {
					require.Contains(t, all, aside.ExternalID)
					require.NotContains(t, good, aside.ExternalID)
					require.Contains(t, aside.Head, `"id":`+aside.ExternalID)
				}
			}
			require.Less(t, got.pages, 120, "the others are not read one by one")

			for _, at := range got.chunks[:len(got.chunks)-1] { // also from the middle of the search
				rest := applications()
				rest.Cursor = at.Cursor
				again := read(t, v, rest)
				require.NoError(t, again.err)
				require.True(t, len(again.ids) == 0 || slices.Equal(good[len(good)-len(again.ids):], again.ids), at.Cursor)
			}
		})
	}
}

func TestARecordWithoutAnIdIsDelivered(t *testing.T) {
	t.Parallel()
	for _, defect := range []estate.DefectKind{estate.IDMissing, estate.IDNull} {
		for _, pageSize := range []int{1, 20} {
			cfg := estateOf(60)
			cfg.Defects = []simulator.Defect{{Kind: defect, Count: 9}}
			o := small
			o.PageSize = pageSize
			v := simulate(t, cfg, o)
			got := read(t, v, applications())
			require.NoError(t, got.err)
			require.Len(t, got.ids, 60)
			named := slices.DeleteFunc(slices.Clone(got.ids), func(id string) bool { return id == "" })
			require.Equal(t, truth(v, simulator.Application, string(defect)), named)
		}
	}
}

func TestARefusedCredentialIsOfferedOnce(t *testing.T) {
	t.Parallel()
	v := simulate(t, estateOf(10), small)
	s := open(t, v.url, small, map[string]string{qualys.FieldClientSecret: "not-the-secret"})
	for range 5 {
		got := read(t, s, applications())
		f := fault.As(got.err)
		require.Equal(t, fault.Auth, f.Class)
		require.Equal(t, "token-refused", f.Code)
		require.ErrorContains(t, got.err, "InvalidCredentialsException")
		require.ErrorContains(t, got.err, v.url+"/auth/oidc")
		require.ErrorContains(t, got.err, "user-level")
	}
	require.EqualValues(t, 1, v.Counts().TokensRefused, "accounts lock")
}

// TestSecretsAreInNoError: whatever goes wrong, at either call, even when the
// vendor's answer repeats what it was sent.
func TestSecretsAreInNoError(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, endpoint := range []faults.Endpoint{faults.Token, faults.Applications} {
		for _, kind := range faults.Kinds() {
			v := simulate(t, estateOf(30), qualystas.Options{
				PageSize: 10, Backoff: time.Millisecond, MaxRecord: 1 << 20,
				Transport: transport.Options{HeaderTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond},
			})
			f := simulator.Fault{Kind: kind, Endpoint: endpoint, Bytes: 2 << 20}
			if kind == faults.Slow || kind == faults.Trickle {
				f.Delay = 200 * time.Millisecond
			}
			require.NoError(t, v.SetFaults(f))
			texts = append(texts, everyText(read(t, v, applications()))...)
			for _, check := range v.Probe(t.Context()) {
				texts = append(texts, check.Message, check.Advice)
			}
		}
	}
	echo := echoing(t)
	for _, assetType := range []string{qualystas.Application, qualystas.APICollection} {
		texts = append(texts, everyText(read(t, echo, source.Request{AssetType: assetType}))...)
	}
	for _, check := range echo.Probe(t.Context()) {
		texts = append(texts, check.Message, check.Advice)
	}
	require.Contains(t, strings.Join(texts, "\n"), "[redacted]")
	for _, text := range texts {
		for _, secret := range []string{testSecret, echoedToken} {
			for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
				require.NotContains(t, text, form)
			}
		}
		require.NotContains(t, text, "eyJ", "no token")
	}
}

func everyText(s stream) []string {
	texts := []string{}
	for _, aside := range s.setAside {
		texts = append(texts, aside.Reason, aside.Head)
	}
	if s.err != nil {
		texts = append(texts, s.err.Error())
		if f := fault.As(s.err); f != nil {
			texts = append(texts, f.Message, f.Advice, f.Detail)
		}
	}
	return texts
}
