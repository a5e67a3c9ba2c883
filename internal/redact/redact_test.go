package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/redact"
)

func inJSON(s string) string {
	text, _ := json.Marshal(s) // a string always can
	return string(text)
}

func inPlainJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSpace(b.String())
}

func inXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func basic(s string) string {
	r, _ := http.NewRequest(http.MethodGet, "http://localhost", nil)
	r.SetBasicAuth("acme_user", s)
	return r.Header.Get("Authorization")
}

// spellings are what a secret is written as in the wild.
var spellings = map[string]func(string) string{
	"plain":             func(s string) string { return s },
	"query":             url.QueryEscape,
	"query, lower case": func(s string) string { return lowerHex(url.QueryEscape(s)) },
	"path":              url.PathEscape,
	"form":              func(s string) string { return url.Values{"password": {s}}.Encode() },
	"URL":               func(s string) string { return "socks5://" + url.UserPassword("user", s).String() + "@host" },
	"JSON":              inJSON,
	"JSON, plain":       inPlainJSON,
	"JSON, slashes":     func(s string) string { return strings.ReplaceAll(inPlainJSON(s), "/", `\/`) },
	"JSON, ASCII":       strconv.QuoteToASCII,
	"JSON in JSON":      func(s string) string { return inJSON(`{"a":` + inJSON(s) + `}`) },
	"Go":                strconv.Quote,
	"XML":               inXML,
	"XML, names":        strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace,
	"XML, text":         strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace,
	"HTML":              html.EscapeString,
	"base64":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 for URLs":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"Basic":             basic,
	"base64 of more":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("ab:" + s + "\n\n")) },
	"base64 in a query": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(":" + s))) },
	"hexadecimal":       func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEXADECIMAL":       func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
}

// bare is a spelling without what is no part of the secret.
func bare(how, spelled string) string {
	switch how {
	case "JSON", "JSON, plain", "JSON, slashes", "JSON, ASCII", "Go":
		return spelled[1 : len(spelled)-1]
	case "form":
		return strings.TrimPrefix(spelled, "password=")
	case "URL":
		return strings.TrimSuffix(strings.TrimPrefix(spelled, "socks5://user:"), "@host")
	case "Basic":
		return strings.TrimPrefix(spelled, "Basic ")
	}
	return spelled
}

func lowerHex(s string) string {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' {
			s = s[:i] + strings.ToLower(s[i:i+3]) + s[i+3:]
		}
	}
	return s
}

// secret draws passwords as people and machines make them.
func secret(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringMatching(`[ -~]{4,40}`),
		rapid.StringMatching(`[ -~äß€😀]{4,24}`),
		rapid.StringMatching(`[A-Za-z0-9+/_.-]{16,64}`),
		rapid.StringMatching("[a-z\"\\\\<>&'\t/]{4,12}"),
	).Filter(func(s string) bool { return !strings.Contains(redact.Mark, s) && len(s) >= 4 }).Draw(t, label)
}

func TestNoSecretSurvivesInAnySpelling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secrets := []string{secret(t, "secret"), secret(t, "other")}
		set := redact.New(secrets...)
		around := rapid.StringMatching(`[a-zA-Z0-9 :=<>"]{0,8}`)
		var text strings.Builder
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			s := rapid.SampledFrom(secrets).Draw(t, "which")
			how := rapid.SampledFrom(slices.Sorted(maps.Keys(spellings))).Draw(t, "how")
			text.WriteString(around.Draw(t, "before") + "<" + spellings[how](s) + ">" + around.Draw(t, "after"))
		}
		clean := set.Text(text.String())
		require.Contains(t, clean, redact.Mark)
		require.Equal(t, clean, string(set.Bytes([]byte(text.String()))))
		for _, s := range secrets {
			for how, spelling := range spellings {
				if spelled := bare(how, spelling(s)); !strings.Contains(redact.Mark, spelled) {
					require.NotContains(t, clean, spelled, how)
				}
			}
		}
	})
}

func FuzzWhatIsAroundASecretIsKept(f *testing.F) {
	f.Add("before ", "hunter2!", " after")
	f.Add("dXNlcjo", "p\xff\x00q", "\\")
	f.Fuzz(func(t *testing.T, before, s, after string) {
		if len(s) < 4 || strings.Contains(redact.Mark, s) {
			return
		}
		set := redact.New(s)
		clean := set.Text(before + s + after)
		if strings.Contains(clean, s) && !strings.Contains(redact.Mark+after, s) && !strings.Contains(before+redact.Mark, s) {
			t.Fatalf("%q survived in %q", s, clean)
		}
		if set.Text(before) == before && set.Text(after) == after && !strings.Contains(clean, redact.Mark) {
			t.Fatalf("%q of %q is left", clean, before+s+after)
		}
	})
}

func TestTextsWithoutSecretsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	set := redact.New("hunter2!", "s3cr3t-token")
	for _, text := range []string{"", "a", "hunter2", "hunter 2!", "HUNTER2!", strings.Repeat("hunter2 ", 100)} {
		require.Equal(t, text, set.Text(text))
	}
	b := []byte("nothing here")
	require.Same(t, &b[0], &set.Bytes(b)[0], "not copied")
}

func TestSpellingsThatOverlapAreOne(t *testing.T) {
	t.Parallel()
	set := redact.New("abcdef", "defghi", "cdef")
	require.Equal(t, "[redacted]", set.Text("abcdefghi"))
	require.Equal(t, "x[redacted]y", set.Text("xabcdefabcdefy"))
}

func TestTheUserNameBesideAPasswordInBase64IsNotReadEither(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Authorization: Basic [redacted]\n", redact.New("hunter2!").Text("Authorization: "+basic("hunter2!")+"\n"))
}

func TestALineOfAPrivateKeyIsASecret(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\r\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"
	set := redact.New(key)
	require.Equal(t, "key [redacted]", set.Text("key "+key))
	require.Equal(t, "bad line [redacted] in it", set.Text("bad line MIGHAgEAMBMGByqGSM49AgEGCCqGSM49 in it"))
	require.Equal(t, "-----BEGIN PRIVATE KEY-----", set.Text("-----BEGIN PRIVATE KEY-----"), "says nothing")
}

func TestShortValuesAreNotRedacted(t *testing.T) {
	t.Parallel()
	require.Equal(t, "the cat", redact.New("", "a", "cat").Text("the cat"))
}

// Whoever enters a word as a secret does not take it out of what is said of
// others.
func TestWordsStayInLogs(t *testing.T) {
	t.Parallel()
	const line = "accounts: the token is healthy: unauthorised; 4711 of Ab1!xyz"
	logs := redact.NewForLogs()
	logs.Add("accounts", "token", "healthy", "unauthorised", "4711", "Ab1!xyz")
	require.Equal(t, line, logs.Text(line))
	require.Equal(t, "YWNjb3VudHM=", logs.Text("YWNjb3VudHM="), "in no spelling")

	logs.Add("hunter2!", "correcthorsebatterystaple", "Accounts1")
	require.Equal(t, "[redacted] [redacted] [redacted]", logs.Text("hunter2! correcthorsebatterystaple Accounts1"))
	require.Equal(t, "the [redacted] is [redacted]", redact.New("token", "healthy").Text("the token is healthy"), "an answer is searched for all")
}

func TestANilSetIsEmpty(t *testing.T) {
	t.Parallel()
	var set *redact.Set
	require.Equal(t, "text", set.Text("text"))
	require.Equal(t, "text", string(set.Bytes([]byte("text"))))
}

func TestASetIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	set := redact.New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := fmt.Sprintf("secret-%d!", i)
			set.Add(s)
			if got := set.Text("<" + s + ">"); got != "<[redacted]>" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}
