package qualys

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// jwt makes an unsigned token with the given claims.
func jwt(claims string) string {
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestReadToken(t *testing.T) {
	t.Parallel()
	clock := time.Unix(2_000_000_000, 0)
	for name, c := range map[string]struct {
		body     string
		token    string
		lifetime time.Duration
	}{
		"bare":                   {jwt(`{}`), jwt(`{}`), 4 * time.Hour},
		"quoted, with blanks":    {" \"" + jwt(`{}`) + "\"\r\n", jwt(`{}`), 4 * time.Hour},
		"with its own lifetime":  {jwt(`{"iat":100,"exp":700}`), jwt(`{"iat":100,"exp":700}`), 10 * time.Minute},
		"by the vendor's clock":  {jwt(`{"exp":2000000300}`), jwt(`{"exp":2000000300}`), 5 * time.Minute},
		"object":                 {`{"access_token":"opaque","expires_in":60}`, "opaque", time.Minute},
		"object with a token":    {`{"token":"` + jwt(`{"iat":1,"exp":61}`) + `"}`, jwt(`{"iat":1,"exp":61}`), time.Minute},
		"object with an id":      {`{"id_token":"x"}`, "x", 4 * time.Hour},
		"claims that are no use": {jwt(`{"exp":"soon"}`), jwt(`{"exp":"soon"}`), 4 * time.Hour},
		"an absurd lifetime":     {jwt(`{"iat":1,"exp":1e300}`), jwt(`{"iat":1,"exp":1e300}`), 24 * time.Hour},
	} {
		token, lifetime, ok := readToken([]byte(c.body), clock)
		require.True(t, ok, name)
		require.Equal(t, c.token, token, name)
		require.Equal(t, c.lifetime, lifetime, name)
	}
	for name, body := range map[string]string{
		"empty":         "",
		"a page":        "<html>a.b.c</html>",
		"text":          "Authentication failed",
		"no dots":       "abcdef",
		"a line break":  "a.b\r\nX-Evil: 1.c",
		"broken object": `{"token":`,
		"empty object":  `{}`,
		"ended already": jwt(`{"iat":700,"exp":100}`),
	} {
		_, _, ok := readToken([]byte(body), clock)
		require.False(t, ok, name)
	}
}

func FuzzReadToken(f *testing.F) {
	for _, body := range []string{jwt(`{"iat":1,"exp":61}`), `{"access_token":"a","expires_in":-1}`, `"a.b.c"`, "<html>"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		token, lifetime, ok := readToken(body, time.Unix(0, 0))
		if !ok {
			return
		}
		require.NotContains(t, token, "\n")
		require.NotEmpty(t, token)
		require.Positive(t, lifetime)
		require.LessOrEqual(t, lifetime, longestBelief, fmt.Sprint(lifetime))
	})
}
