package qualys_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

const versions = `<?xml version="1.0" encoding="UTF-8"?>
<ServiceResponse xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://qualysapi.example.com/qps/xsd/version.xsd">
  <responseCode>SUCCESS</responseCode><count>1</count>
  <data><Portal-Version><WAS-VERSION>1.0</WAS-VERSION></Portal-Version></data>
</ServiceResponse>`

func TestCheckOfAUserNameAndPassword(t *testing.T) {
	t.Parallel()
	response := func(code, message string) string {
		return "<ServiceResponse><responseCode>" + code + "</responseCode><responseErrorDetails><errorMessage>" + message + "</errorMessage></responseErrorDetails></ServiceResponse>"
	}
	for name, c := range map[string]struct {
		status  int
		body    string
		health  source.Health
		message string
		advice  string
	}{
		"accepted":           {200, versions, source.Healthy, "user acme_ab accepted by http://127.0.0.1:", ""},
		"refused by status":  {401, "", source.Unauthorised, "401", "check username and password"},
		"refused in a body":  {200, response("INVALID_CREDENTIALS", "Authentication failed"), source.Unauthorised, "INVALID_CREDENTIALS: Authentication failed", "check username and password"},
		"expired":            {200, simpleReturn("2001", "This account has expired."), source.Unauthorised, "This account has expired", "renew"},
		"terms not accepted": {409, simpleReturn("2003", "Registration must be completed"), source.Unauthorised, "Registration must be completed", "accept the terms"},
		"not licensed":       {403, simpleReturn("2012", "x"), source.NotLicensed, "2012", "does not include"},
		"evaluation over":    {200, response("EVALUATION_EXPIRED", ""), source.NotLicensed, "EVALUATION_EXPIRED", ""},
		"no permission":      {200, response("UNAUTHORIZED", "no"), source.Unauthorised, "UNAUTHORIZED: no", ""},
		"unknown code":       {200, response("PERHAPS", ""), source.Unknown, "PERHAPS", "report"},
		"throttled":          {409, simpleReturn("1960", "x"), source.Throttled, "1960", ""},
		"maintenance":        {503, simpleReturn("1999", "x"), source.Unreachable, "1999", "may pass"},
		"a login page":       {200, "<html><title>Log in</title>", source.Misconfigured, "something else than a ServiceResponse", "login page"},
		"an error page":      {502, "<html><title>Bad Gateway</title>", source.Unreachable, `a web page, "Bad Gateway"`, "may pass"},
		"another server":     {404, "", source.Misconfigured, "404", "base URL or platform"},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); r.Method+r.URL.Path != "GET/qps/rest/portal/version" || user != "acme_ab" || password != "pass word" {
				t.Errorf("%s %s by %q", r.Method, r.URL, user)
			}
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		check := open(t, userConnection("platform", "", "baseURL", s)).CheckCredentials(t.Context())
		require.Equal(t, c.health, check.Health, "%s: %+v", name, check)
		require.Equal(t, "credentials", check.Step)
		require.Contains(t, check.Message, c.message, name)
		require.Contains(t, check.Advice, c.advice, name)
		require.EqualValues(t, -1, check.Seen)
		require.Positive(t, check.Latency)
	}
}

func TestCheckOfAClientGetsAToken(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, "a.b.c")
	})
	client := open(t, connection("platform", "", "baseURL", s))
	for range 2 {
		check := client.CheckCredentials(t.Context())
		require.Equal(t, source.Healthy, check.Health)
		require.Equal(t, "token", check.Step)
		require.Contains(t, check.Message, "token received from "+s)
	}
	require.EqualValues(t, 2, calls.Load(), "a token at hand says nothing about the credentials now")

	check := open(t, userConnection("platform", "", "baseURL", s)).CheckToken(t.Context())
	require.Equal(t, source.Healthy, check.Health, "the gateway gives one for a user, too")
}

func TestTagsAreCounted(t *testing.T) {
	t.Parallel()
	var body string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		if r.Method+r.URL.Path != "POST/qps/rest/2.0/count/am/tag" || r.Header.Get("Content-Type") != "text/xml" || !strings.HasPrefix(string(sent), "<ServiceRequest") {
			t.Errorf("%s %s %s", r.Method, r.URL, sent)
		}
		fmt.Fprint(w, body)
	})
	client := open(t, userConnection("platform", "", "baseURL", s))
	for answer, want := range map[string]int64{
		`<!-- x --><ServiceResponse><responseCode>SUCCESS</responseCode><count>42</count></ServiceResponse>`: 42,
		`<ServiceResponse><responseCode>SUCCESS</responseCode><count>0</count></ServiceResponse>`:            0,
		`{"ServiceResponse":{"responseCode":"SUCCESS","count":7}}`:                                           7,
		`{"ServiceResponse":{"responseCode":"SUCCESS","count":"8"}}`:                                         8,
	} {
		body = answer
		n, err := client.CountTags(t.Context())
		require.NoError(t, err, answer)
		require.Equal(t, want, n)
	}
	for answer, code := range map[string]string{
		`<ServiceResponse><responseCode>SUCCESS</responseCode></ServiceResponse>`:                   "unreadable-answer",
		`<ServiceResponse><responseCode>SUCCESS</responseCode><count>-1</count></ServiceResponse>`:  "unreadable-answer",
		`<ServiceResponse><responseCode>SUCCESS</responseCode><count>1e3</count></ServiceResponse>`: "unreadable-answer",
		`<ServiceResponse><responseCode>UNAUTHORIZED</responseCode></ServiceResponse>`:              transport.CodeForbidden,
		`OK`: transport.CodeMarkup,
		``:   transport.CodeMarkup,
	} {
		body = answer
		_, err := client.CountTags(t.Context())
		require.Equal(t, code, fault.As(err).Code, answer)
	}
}

// TestTheBoundsOfTheFOAPIAreWider: its answers are streamed at any size, where
// the caller does not set a bound.
func TestTheBoundsOfTheFOAPIAreWider(t *testing.T) {
	t.Parallel()
	const size = 257 << 20
	chunk := make([]byte, 1<<20)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	length := func(resp *transport.Response, err error) (int64, error) {
		require.NoError(t, err)
		defer resp.Body.Close()
		return io.Copy(io.Discard, resp.Body)
	}
	c := userConnection("platform", "", "baseURL", s)
	client := open(t, c)
	n, err := length(client.FO(t.Context(), "/x", nil))
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	_, err = length(client.QPS(t.Context(), "/x", qualys.JSON, nil))
	require.Equal(t, transport.CodeTooLarge, fault.As(err).Code)

	bounded, err := qualys.NewClient(c, transport.Options{MaxBody: 2 << 20})
	require.NoError(t, err)
	_, err = length(bounded.FO(t.Context(), "/x", nil))
	require.Equal(t, transport.CodeTooLarge, fault.As(err).Code)
}

// TestAPasswordIsInNothingThatIsSaid, even when the vendor repeats it in an
// error, in whatever document and spelling.
func TestAPasswordIsInNothingThatIsSaid(t *testing.T) {
	t.Parallel()
	const password = `p&s <w>"rd ü`
	pair := base64.StdEncoding.EncodeToString([]byte("acme_ab:" + password))
	forms := []string{password, pair, html.EscapeString(password), url.QueryEscape(password), base64.StdEncoding.EncodeToString([]byte(password))}
	repeated := html.EscapeString(strings.Join(forms, " ")) + " &#112;&amp;s &lt;w>&#34;rd ü"
	for _, status := range []int{200, 401, 403, 409, 500} {
		for _, body := range []string{
			simpleReturn("2003", repeated), simpleReturn("7777", repeated), simpleReturn(repeated, repeated),
			"<GENERIC_RETURN><RETURN>" + repeated + "</RETURN></GENERIC_RETURN>",
			"<ServiceResponse><responseCode>PERHAPS</responseCode><responseErrorDetails><errorMessage>" + repeated + "</errorMessage></responseErrorDetails></ServiceResponse>",
			"<ServiceResponse><responseCode>" + repeated + "</responseCode></ServiceResponse>",
			`{"ServiceResponse":{"responseCode":"INVALID_REQUEST","responseErrorDetails":{"errorMessage":"p\u0026s \u003cw\u003e\"rd ü"}}}`,
			"<html><title>" + repeated + "</title>",
			strings.Join(forms, "\n"),
		} {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, body)
			})
			client := func() *qualys.Client {
				return open(t, userConnection("platform", "", "baseURL", s, "password", password))
			}
			check := client().CheckCredentials(t.Context())
			texts := []string{check.Message, check.Advice}
			said := func(err error) {
				if f := fault.As(err); f != nil {
					texts = append(texts, f.Error(), f.Message, f.Advice, f.Detail)
				}
			}
			_, err := client().CountTags(t.Context())
			said(err)
			if status != 200 {
				_, err = client().FO(t.Context(), "/x", nil)
				said(err)
			}
			if resp, err := client().QPS(t.Context(), "/x", qualys.JSON, nil); err != nil {
				said(err)
			} else {
				require.NoError(t, resp.Body.Close())
			}
			require.NotEmpty(t, strings.Join(texts, ""))
			for _, text := range texts {
				for _, form := range forms {
					require.NotContains(t, text, form, "%d %s", status, body)
				}
			}
		}
	}
}
