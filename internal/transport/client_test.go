package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

func server(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, o transport.Options) *transport.Client {
	t.Helper()
	o.Vendor = "Acme"
	c, err := transport.New(o)
	require.NoError(t, err)
	return c
}

// get makes a call that has to fail with a classified error.
func get(t *testing.T, o transport.Options, req transport.Request) *fault.Error {
	t.Helper()
	req.Method = http.MethodPost
	resp, err := client(t, o).Do(t.Context(), req)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
	}
	f := fault.As(err)
	require.NotNil(t, f, "%v", err)
	return f
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://Gateway.Example.com/":  "https://gateway.example.com",
		" https://example.com:8443/x/ ": "https://example.com:8443/x",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"http://localhost":              "http://localhost",
		"http://[::1]:80/":              "http://[::1]:80",
	} {
		got, err := transport.CheckBaseURL(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
	}
	for raw, says := range map[string]string{
		"":                                 "is empty",
		"example.com":                      "https://",
		"ftp://example.com":                "https://",
		"https://":                         "no host",
		"https://user:hunter2@example.com": "own fields",
		"https://example.com?a=hunter2":    "query",
		"https://example.com/#a":           "fragment",
		"http://example.com":               "in clear",
		"http://127.0.0.1.example.com":     "in clear",
		"https://exa mple.com":             "cannot be read",
	} {
		_, err := transport.CheckBaseURL(raw)
		require.ErrorContains(t, err, says, raw)
		require.Equal(t, fault.Refused, fault.As(err).Class)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestASuccessfulCall(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Date", at.Format(http.TimeFormat))
		fmt.Fprintf(w, " {%q:%q}", r.Method+" "+r.URL.Path+" "+r.UserAgent(), body)
	})
	resp, err := client(t, transport.Options{BaseURL: base + "/v1/"}).Do(t.Context(), transport.Request{
		Method: http.MethodPost, Path: "/things", Body: []byte("hello"), JSON: true,
	})
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"POST /v1/things sluice":"hello"}`, string(body))
	require.Equal(t, at, resp.Clock)
}

func TestStatusesAreClassified(t *testing.T) {
	t.Parallel()
	type want struct {
		class fault.Class
		code  string
		wait  time.Duration
	}
	date := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	header := func(pairs ...string) http.Header {
		h := http.Header{"Date": {date.Format(http.TimeFormat)}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, c := range []struct {
		status int
		header http.Header
		want   want
	}{
		{302, header("Location", "https://elsewhere.example.com/login?token=abc"), want{fault.Refused, transport.CodeRedirected, 0}},
		{400, nil, want{fault.Refused, transport.CodeBadRequest, 0}},
		{401, nil, want{fault.Auth, transport.CodeUnauthorised, 0}},
		{403, nil, want{fault.Refused, transport.CodeForbidden, 0}},
		{404, nil, want{fault.Refused, transport.CodeNotFound, 0}},
		{408, nil, want{fault.Transient, transport.CodeUnavailable, 0}},
		{409, nil, want{fault.Refused, transport.CodeBadRequest, 0}},
		{409, header("X-RateLimit-ToWait-Sec", "17"), want{fault.Throttled, transport.CodeThrottled, 17 * time.Second}},
		{425, nil, want{fault.Transient, transport.CodeUnavailable, 0}},
		{429, nil, want{fault.Throttled, transport.CodeThrottled, time.Minute}},
		{429, header("Retry-After", "90"), want{fault.Throttled, transport.CodeThrottled, 90 * time.Second}},
		{429, header("Retry-After", "5", "X-RateLimit-ToWait-Sec", "300"), want{fault.Throttled, transport.CodeThrottled, 5 * time.Minute}},
		{429, header("Retry-After", date.Add(2*time.Minute).Format(http.TimeFormat)), want{fault.Throttled, transport.CodeThrottled, 2 * time.Minute}},
		{429, header("Retry-After", date.Add(-time.Hour).Format(http.TimeFormat)), want{fault.Throttled, transport.CodeThrottled, time.Minute}},
		{429, header("Retry-After", "99999999999999999999999"), want{fault.Throttled, transport.CodeThrottled, 24 * time.Hour}},
		{429, header("Retry-After", "NaN"), want{fault.Throttled, transport.CodeThrottled, time.Minute}},
		{429, header("Retry-After", "-4"), want{fault.Throttled, transport.CodeThrottled, time.Minute}},
		{500, nil, want{fault.Transient, transport.CodeServerError, 0}},
		{502, nil, want{fault.Transient, transport.CodeUnavailable, 0}},
		{503, nil, want{fault.Transient, transport.CodeUnavailable, 0}},
		{503, header("Retry-After", "120"), want{fault.Throttled, transport.CodeThrottled, 2 * time.Minute}},
		{504, nil, want{fault.Transient, transport.CodeUnavailable, 0}},
	} {
		base := server(t, func(w http.ResponseWriter, _ *http.Request) {
			for name := range c.header {
				w.Header().Set(name, c.header.Get(name))
			}
			w.WriteHeader(c.status)
			fmt.Fprint(w, `oops`)
		})
		f := get(t, transport.Options{BaseURL: base, Message: func(b []byte) string { return "it said " + string(b) }}, transport.Request{Path: "/x"})
		require.Equal(t, c.want, want{f.Class, f.Code, f.Wait}, c.status)
		require.Contains(t, f.Message, fmt.Sprintf("Acme answered %d", c.status))
		require.Contains(t, f.Message, "POST "+base+"/x: it said oops")
		require.NotContains(t, f.Error(), "token=abc")
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	other := server(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other, http.StatusTemporaryRedirect)
	})
	f := get(t, transport.Options{BaseURL: base}, transport.Request{Path: "/"})
	require.Equal(t, transport.CodeRedirected, f.Code)
	require.Contains(t, f.Message, strings.TrimPrefix(other, "http://"))
	require.False(t, followed.Load())
}

func TestNetworkErrorsAreClassified(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	plain := server(t, func(http.ResponseWriter, *http.Request) {})
	untrusted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	untrusted.Config.ErrorLog = nil
	t.Cleanup(untrusted.Close)
	release := make(chan struct{})
	late := server(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })

	for name, c := range map[string]struct {
		base  string
		class fault.Class
		code  string
	}{
		"refused connection":    {closed, fault.Transient, transport.CodeConnectionRefused},
		"unknown host":          {"https://gateway.invalid", fault.Transient, transport.CodeUnknownHost},
		"no TLS":                {strings.Replace(plain, "http:", "https:", 1), fault.Refused, transport.CodeNoTLS},
		"untrusted certificate": {untrusted.URL, fault.Refused, transport.CodeCertificate},
		"no answer in time":     {late, fault.Transient, transport.CodeTimeout},
		"closed without answer": {server(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), fault.Transient, transport.CodeUnreachable},
	} {
		f := get(t, transport.Options{BaseURL: c.base, HeaderTimeout: 200 * time.Millisecond}, transport.Request{Path: "/"})
		require.Equal(t, c.class, f.Class, name)
		require.Equal(t, c.code, f.Code, name)
		require.NotEmpty(t, f.Message)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("a body that stalls", func(t *testing.T) {
		t.Parallel()
		base := server(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		f := get(t, transport.Options{BaseURL: base, IdleTimeout: 50 * time.Millisecond}, transport.Request{JSON: true})
		require.Equal(t, transport.CodeCut, f.Code)
		require.ErrorContains(t, f, "no data arrived in time")
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		t.Parallel()
		base := server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		})
		f := get(t, transport.Options{BaseURL: base}, transport.Request{JSON: true})
		require.Equal(t, fault.Transient, f.Class)
		require.Equal(t, transport.CodeCut, f.Code)
	})
	t.Run("a body that does not end", func(t *testing.T) {
		t.Parallel()
		base := server(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, strings.Repeat("x", 1<<10))
			}
		})
		f := get(t, transport.Options{BaseURL: base, MaxBody: 1 << 20}, transport.Request{})
		require.Equal(t, fault.Contract, f.Class)
		require.Equal(t, transport.CodeTooLarge, f.Code)
	})
	t.Run("a body of exactly the bound", func(t *testing.T) {
		t.Parallel()
		base := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1000)) })
		resp, err := client(t, transport.Options{BaseURL: base, MaxBody: 1000}).Do(t.Context(), transport.Request{})
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, 1000)
	})
}

func TestAWebPageIsNoJSON(t *testing.T) {
	t.Parallel()
	base := server(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "\n  <html><form>"+strings.Repeat("log in ", 1000))
	})
	f := get(t, transport.Options{BaseURL: base}, transport.Request{JSON: true})
	require.Equal(t, fault.Contract, f.Class)
	require.Equal(t, transport.CodeMarkup, f.Code)
	require.True(t, strings.HasPrefix(f.Detail, "<html>"))
	require.LessOrEqual(t, len(f.Detail), fault.MaxDetail)
}

func TestWhoeverCancelsGetsTheirOwnReason(t *testing.T) {
	t.Parallel()
	reason := errors.New("worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "{")
		w.(http.Flusher).Flush()
		cancel(reason)
		<-r.Context().Done()
	})
	resp, err := client(t, transport.Options{BaseURL: base}).Do(ctx, transport.Request{})
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	require.ErrorIs(t, err, reason)
	require.Nil(t, fault.As(err))
}

func TestSecretsOfARequestAreBlottedOut(t *testing.T) {
	t.Parallel()
	base := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "no: %s, %s, %s", r.Header.Get("Authorization"), r.Header.Get("X-Key"), body)
	})
	f := get(t, transport.Options{
		BaseURL: base, SecretHeaders: []string{"x-key"},
		Message: func(b []byte) string { return string(b) },
	}, transport.Request{Header: http.Header{"Authorization": {"Bearer s3cr3t-token"}, "X-Key": {"s3cr3t-key"}},
		Body: []byte("password=s3cr3t%26body"), Secrets: []string{"s3cr3t&body"}})
	require.Contains(t, f.Detail, "no: Bearer [redacted], [redacted], password=[redacted]")
	require.NotContains(t, f.Error()+f.Detail, "s3cr3t")
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxied := server(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was used") })
	t.Setenv("HTTP_PROXY", proxied)
	t.Setenv("HTTPS_PROXY", proxied)
	u, err := url.Parse(proxied)
	require.NoError(t, err)
	require.NotEmpty(t, u.Host)
	f := get(t, transport.Options{BaseURL: "https://gateway.invalid"}, transport.Request{})
	require.Equal(t, transport.CodeUnknownHost, f.Code)
}
