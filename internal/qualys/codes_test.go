package qualys_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

func TestMessagesOfDocumentedErrorBodies(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"authentication_exceptions":[["Authentication Failure: 1 errors"]]}`:                                                          "Authentication Failure: 1 errors",
		`{"status":401,"error":"Unauthorized","message":"JWT expired"}`:                                                                 "JWT expired",
		`{"errorCode":"403 FORBIDDEN","message":"The joe user does not have it. ","timestamp":1654169949515}`:                           "The joe user does not have it",
		`{"ServiceResponse":{"responseCode":"INVALID_REQUEST","responseErrorDetails":{"errorMessage":"Bad.","errorResolution":"Do."}}}`: "Bad. Do",
		`{"responseCode":"FAILED","responseMessage":"no"}`:                                                                              "no",
		`{"error":"invalid_client"}`: "invalid_client",
		`{"message":{"nested":1}}`:   "",
		`<html>`:                     "",
		`<html><head><TITLE>
503 Service &amp; more</TITLE>`: `a web page, "503 Service & more"`,
		`<ServiceResponse><responseCode>INVALID_REQUEST</responseCode><responseErrorDetails><errorMessage>It&apos;s bad.</errorMessage><errorResolution>Do.</errorResolution></responseErrorDetails></ServiceResponse>`: "INVALID_REQUEST: It's bad. Do",
		`<SIMPLE_RETURN><RESPONSE><CODE>1905</CODE><TEXT>no such value. </TEXT></RESPONSE></SIMPLE_RETURN>`:                                                                                                             "code 1905: no such value",
		`<GENERIC_RETURN><RETURN>Internal error</RETURN></GENERIC_RETURN>`:                                                                                                                                              "code 999: Internal error",
		``:                                       "",
		`[]`:                                     "",
		`{"authentication_exceptions":[[[[]]]]}`: "",
	} {
		require.Equal(t, want, qualys.Message([]byte(body)), body)
	}
	long := qualys.Message([]byte(`{"message":"` + strings.Repeat("ä", 900) + `"}`))
	require.Len(t, []rune(long), 301)
}

// simpleReturn is a document of the FO API that says that something is wrong;
// items are names and values.
func simpleReturn(code, text string, items ...string) string {
	list := ""
	for i := 0; i < len(items); i += 2 {
		list += "<ITEM><KEY>" + items[i] + "</KEY>\n<VALUE>" + items[i+1] + "</VALUE></ITEM>"
	}
	if list != "" {
		list = "<ITEM_LIST>" + list + "</ITEM_LIST>"
	}
	return `<!DOCTYPE SIMPLE_RETURN SYSTEM "https://qualysapi.example.com/api/2.0/simple_return.dtd">
<SIMPLE_RETURN><RESPONSE><DATETIME>2026-05-04T03:02:01Z</DATETIME><CODE> ` + code + ` </CODE>
<TEXT>` + text + `</TEXT>` + list + `</RESPONSE></SIMPLE_RETURN>`
}

func TestReturnsAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	type want struct {
		code, text string
		wait       time.Duration
	}
	const declared = `<?xml version="1.0" encoding="UTF-8" ?>` + "\n"
	bare := simpleReturn("1905", "bad &amp; wrong")
	is := want{"1905", "bad & wrong", 0}
	for name, c := range map[string]struct {
		body string
		want want
	}{
		"without a declaration": {bare, is},
		"with one":              {declared + bare, is},
		"in another encoding":   {strings.Replace(declared, "UTF-8", "ISO-8859-1", 1) + bare, is},
		"with comments":         {declared + "<!-- a -->" + strings.ReplaceAll(bare, "<TEXT>", "<!-- <CODE>1</CODE> --><TEXT>") + "<!-- z -->", is},
		"in CDATA":              {simpleReturn("1905", "<![CDATA[bad & wrong]]>"), is},
		"with its request":      {strings.Replace(bare, "<RESPONSE>", "<REQUEST><PARAM_LIST><PARAM><KEY>CODE</KEY><VALUE>7</VALUE></PARAM></PARAM_LIST></REQUEST><RESPONSE>", 1), is},
		"cut in its text":       {bare[:strings.Index(bare, " wrong")], want{"1905", "bad &", 0}},
		"bytes that are none":   {simpleReturn("1905", "caf\xe9"), want{"1905", "caf\uFFFD", 0}},
		"seconds to wait":       {simpleReturn("1965", "for another 2 hours.", "SECONDS_TO_WAIT", "68928"), want{"1965", "for another 2 hours.", 68928 * time.Second}},
		"calls to finish":       {simpleReturn("1960", "x", "CALLS_TO_FINISH", "2"), want{"1960", "x", 0}},
		"an absurd wait":        {simpleReturn("1965", "x", "SECONDS_TO_WAIT", "4000000000"), want{"1965", "x", 24 * time.Hour}},
		"no wait at all":        {simpleReturn("1965", "x", "SECONDS_TO_WAIT", "-1"), want{"1965", "x", 0}},
		"a wait in the text": {simpleReturn("1965", "This API cannot be run again for another 23 hours, 57 minutes and 54 seconds."),
			want{"1965", "This API cannot be run again for another 23 hours, 57 minutes and 54 seconds.", 23*time.Hour + 57*time.Minute + 54*time.Second}},
		"generic":               {declared + `<!DOCTYPE GENERIC_RETURN SYSTEM "x"><GENERIC_RETURN><API name="a"/><RETURN status="FAILED">Internal error</RETURN></GENERIC_RETURN>`, want{"999", "Internal error", 0}},
		"generic with a number": {`<GENERIC_RETURN><RETURN status="FAILED" number="2000">Bad Login</RETURN></GENERIC_RETURN>`, want{"2000", "Bad Login", 0}},
	} {
		code, text, wait, ok := qualys.ParseReturn([]byte(c.body))
		require.True(t, ok, name)
		require.Equal(t, c.want, want{code, text, wait}, name)
	}
	for name, body := range map[string]string{
		"empty":                "",
		"JSON":                 `{"a":"_RETURN"}`,
		"a page":               `<html><title>SIMPLE_RETURN</title>`,
		"a list":               `<HOST_LIST_OUTPUT><RESPONSE><CODE>1980</CODE></RESPONSE></HOST_LIST_OUTPUT>`,
		"a list that holds it": `<HOST_LIST_OUTPUT><RESULTS>` + bare + `</RESULTS></HOST_LIST_OUTPUT>`,
		"no code":              `<SIMPLE_RETURN><RESPONSE><TEXT>Logged in</TEXT></RESPONSE></SIMPLE_RETURN>`,
		"depth":                strings.Repeat("<SIMPLE_RETURN>", 10000),
	} {
		_, _, _, ok := qualys.ParseReturn([]byte(body))
		require.False(t, ok, name)
	}
}

func FuzzParseReturn(f *testing.F) {
	for _, body := range []string{
		simpleReturn("1965", "for another 1 day", "SECONDS_TO_WAIT", "1"), "<GENERIC_RETURN><RETURN number='1'>x", "<SIMPLE_RETURN></a></b>", "_RETURN<!DOCTYPE [",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, text, wait, ok := qualys.ParseReturn(body)
		require.True(t, wait >= 0 && wait <= 24*time.Hour)
		if !ok {
			require.Zero(t, wait)
		}
		said := qualys.Returned(code, text, wait)
		require.LessOrEqual(t, len(said.Message), 3*fault.MaxDetail)
		require.NotContains(t, qualys.Message(body), "\n")
	})
}

// TestCodesOfTheVendorAreClassified: alike under an error status, where the
// client says it, and under HTTP 200, where whoever reads the body does.
func TestCodesOfTheVendorAreClassified(t *testing.T) {
	t.Parallel()
	type want struct {
		class  fault.Class
		code   string
		wait   time.Duration
		health source.Health
	}
	bad := want{fault.Refused, qualys.CodeBadParameter, 0, source.Misconfigured}
	for _, c := range []struct {
		status int
		body   string
		want   want
	}{
		{400, simpleReturn("1901", "x"), want{fault.Refused, qualys.CodeUnknownParameter, 0, source.Misconfigured}},
		{400, simpleReturn("1903", "x"), bad},
		{400, simpleReturn("1904", "x"), bad},
		{400, simpleReturn("1905", "x"), bad},
		{400, simpleReturn("1907", "x"), bad},
		{400, simpleReturn("1908", "x"), bad},
		{400, simpleReturn("1922", "x"), bad},
		{409, simpleReturn("1920", "x"), want{fault.Throttled, qualys.CodeTooMany, 10 * time.Second, source.Throttled}},
		{409, simpleReturn("1960", "x", "CALLS_TO_FINISH", "1"), want{fault.Throttled, qualys.CodeTooMany, 10 * time.Second, source.Throttled}},
		{409, simpleReturn("1965", "x"), want{fault.Throttled, transport.CodeThrottled, time.Minute, source.Throttled}},
		{400, simpleReturn("1965", "x", "SECONDS_TO_WAIT", "90"), want{fault.Throttled, transport.CodeThrottled, 90 * time.Second, source.Throttled}},
		{500, `<GENERIC_RETURN><RETURN>x</RETURN></GENERIC_RETURN>`, want{fault.Transient, qualys.CodeVendorError, 0, source.Unknown}},
		{501, simpleReturn("1999", "x"), want{fault.Transient, qualys.CodeMaintenance, 0, source.Unreachable}},
		{401, simpleReturn("2000", "x"), want{fault.Auth, transport.CodeLoginRefused, 0, source.Unauthorised}},
		{401, simpleReturn("2001", "x"), want{fault.Auth, qualys.CodeAccountExpired, 0, source.Unauthorised}},
		{409, simpleReturn("2002", "x"), want{fault.Auth, qualys.CodeAccountInactive, 0, source.Unauthorised}},
		{409, simpleReturn("2003", "x"), want{fault.Refused, qualys.CodeRegistration, 0, source.Unauthorised}},
		{409, simpleReturn("2011", "x"), want{fault.Refused, qualys.CodeSecondFactor, 0, source.Unauthorised}},
		{403, simpleReturn("2012", "x"), want{fault.Refused, qualys.CodeNotLicensed, 0, source.NotLicensed}},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, err := open(t, userConnection("platform", "", "baseURL", s)).FO(t.Context(), "/x", nil)
		f := fault.As(err)
		got := want{f.Class, f.Code, f.Wait, qualys.CheckFrom("x", err, 0).Health}
		require.Equal(t, c.want, got, c.body)

		code, text, wait, ok := qualys.ParseReturn([]byte(c.body))
		require.True(t, ok)
		require.Contains(t, f.Message, "code "+code+": x")
		f = qualys.Returned(code, text, wait)
		require.Equal(t, c.want, want{f.Class, f.Code, f.Wait, qualys.CheckFrom("x", f, 0).Health}, c.body)
		require.True(t, strings.HasSuffix(f.Message, "Qualys answered code "+code+": x"), f.Message)
	}
	unknown := qualys.Returned("7777", "", 0)
	require.Equal(t, fault.Contract, unknown.Class)
	require.Equal(t, "Qualys answered code 7777", unknown.Message)
	require.Equal(t, fault.Throttled, qualys.Responded("LIMIT_EXCEEDED", "").Class)
	require.Positive(t, qualys.Responded("LIMIT_EXCEEDED", "").Wait)
	require.Equal(t, fault.Contract, qualys.Responded("PERHAPS", "x").Class)
}

// TestTheLongestWaitCounts: the vendor says in several places how long to wait.
func TestTheLongestWaitCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header, body string
		want         time.Duration
	}{
		{"30", simpleReturn("1965", "x", "SECONDS_TO_WAIT", "90"), 90 * time.Second},
		{"300", simpleReturn("1965", "x", "SECONDS_TO_WAIT", "90"), 5 * time.Minute},
		{"3", simpleReturn("1960", "x"), 3 * time.Second},
		{"0", simpleReturn("1960", "x"), 10 * time.Second},
		{"17", simpleReturn("2003", "x"), 0},
		{"17", simpleReturn("7777", "x"), 17 * time.Second},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-ToWait-Sec", c.header)
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, c.body)
		})
		_, err := open(t, userConnection("platform", "", "baseURL", s)).FO(t.Context(), "/x", nil)
		require.Equal(t, c.want, fault.As(err).Wait, c)
	}
}

// TestAServerThatIsAwayIsNoErrorOfItsOwn, whatever stands in its answer.
func TestAServerThatIsAwayIsNoErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<GENERIC_RETURN><RETURN>Internal error</RETURN></GENERIC_RETURN>")
	})
	_, err := open(t, userConnection("platform", "", "baseURL", s)).FO(t.Context(), "/x", nil)
	require.Equal(t, transport.CodeUnavailable, fault.As(err).Code)
	require.Equal(t, source.Unreachable, qualys.CheckFrom("x", err, 0).Health)
}

// TestWhatAccountsAreRefusedForIsSaid: where no code tells the state of the
// account, the vendor's words may; those about a token say nothing of it.
func TestWhatAccountsAreRefusedForIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, text, want, says string }{
		{"2000", "Bad Login/Password", transport.CodeLoginRefused, "Qualys answered code 2000"},
		{"2000", "Your account has been locked", qualys.CodeAccountLocked, "the account is locked: "},
		{"2002", "This account is not active", qualys.CodeAccountInactive, "the account is not active: "},
		{"2002", "Account locked out", qualys.CodeAccountLocked, "the account is locked: "},
		{"2001", "This account has expired.", qualys.CodeAccountExpired, "the account has expired: "},
		{"2000", "Password has expired", qualys.CodePasswordExpired, "the password has expired: "},
		{"2000", "The token has expired", transport.CodeLoginRefused, "Qualys answered code 2000"},
		{"2003", "Registration must be completed", qualys.CodeRegistration, "the account has not accepted the terms: "},
		{"2011", "SecureID authentication is required", qualys.CodeSecondFactor, "the account logs in by SecureID: "},
		{"2012", "x", qualys.CodeNotLicensed, "the account is not licensed for this API: "},
	} {
		f := qualys.Returned(c.code, c.text, 0)
		require.Equal(t, c.want, f.Code, c.text)
		require.True(t, strings.HasPrefix(f.Message, c.says), f.Message)
		require.NotEmpty(t, f.Advice)
	}
}

func TestOnlyALockedAccountIsCalledLocked(t *testing.T) {
	t.Parallel()
	for said, locked := range map[string]bool{
		"Account locked": true, "AccountLockedException": true, "ACCOUNT_LOCKED": true, "locked.": true,
		"the request was blocked": false, "the account was unlocked": false, "BLOCKED": false,
	} {
		f := qualys.Returned("2000", said, 0)
		require.Equal(t, locked, f.Code == qualys.CodeAccountLocked, said)
	}
}

func TestWhatOneWhoIsLoggedInMayNotDoIsNoWrongLogin(t *testing.T) {
	t.Parallel()
	calls := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, "<ServiceResponse><responseCode>UNAUTHORIZED</responseCode></ServiceResponse>")
	})
	client := open(t, userConnection("platform", "", "baseURL", s))
	for range 2 {
		_, err := client.QPS(t.Context(), "/qps/rest/3.0/search/was/webapp", qualys.XML, nil)
		f := fault.As(err)
		require.Equal(t, fault.Refused, f.Class)
		require.Equal(t, transport.CodeForbidden, f.Code)
	}
	require.Equal(t, 2, calls, "nothing is remembered of the password")
}
