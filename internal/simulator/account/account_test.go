package account

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAScopeLeavesOutItsShareAndTheSameObjectsEachTime(t *testing.T) {
	t.Parallel()
	const n = 20_000
	seen := func(name string, hidden float64) map[int64]bool {
		scope, out := NewScope(name, hidden), map[int64]bool{}
		for id := range int64(n) {
			if scope.Sees(id) {
				out[id] = true
			}
		}
		return out
	}
	require.Len(t, seen("a", 0), n)
	require.Empty(t, seen("a", 1))
	part := seen("a", 0.4)
	require.InDelta(t, 0.6*n, len(part), 0.02*n)
	require.Equal(t, part, seen("a", 0.4))
	require.NotEqual(t, part, seen("b", 0.4))
	for id := range seen("a", 0.7) {
		require.True(t, part[id], "a narrower scope of the same name is a part of the wider one")
	}
}

func TestACallerIsKnownByPasswordOrByTheTokenOfTheirClient(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tokens := NewTokens(func() time.Time { return now }, "key")
	directory, err := NewDirectory(Defaults("client", "secret"), "whole", "secret", tokens)
	require.NoError(t, err)
	who := func(authorization func(*http.Request)) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
		require.NoError(t, err)
		authorization(r)
		user, err := directory.Authenticate(r)
		return user.Name, err
	}
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	token := tokens.Mint(UserLevel, NarrowClientID, time.Hour)
	for _, c := range []struct {
		authorization func(*http.Request)
		name          string
		err           error
	}{
		{basic(DefaultName, DefaultPassword), DefaultName, nil},
		{basic(ExpiredName, ExpiredPassword), ExpiredName, nil}, // each API says in its own way what is wrong with it
		{basic(DefaultName, "guess"), "", ErrWrongCredentials},
		{basic("nobody", DefaultPassword), "", ErrWrongCredentials},
		{bearer(token), NarrowName, nil},
		{bearer(token + "x"), "", ErrNotAuthenticated},
		{bearer("x"), "", ErrNotAuthenticated},
		{bearer(tokens.Mint(UserLevel, "", time.Hour)), "", ErrNotAuthenticated},
		{bearer(tokens.Mint(SubscriptionLevel, "client", time.Hour)), "", ErrNotAuthenticated},
		{bearer(tokens.Mint(SubscriptionLevel, "whole", time.Hour)), "whole", nil},
		{bearer(tokens.Mint(UserLevel, "whole", time.Hour)), "", ErrNotAuthenticated},
		{bearer(tokens.Mint(SignedIn, NarrowName, time.Hour)), NarrowName, nil},
		{bearer(tokens.Mint(SignedIn, "whole", time.Hour)), "", ErrNotAuthenticated},
		{bearer(tokens.Mint(SignedIn, ExpiredName, time.Hour)), "", ErrNotAuthenticated},
		{basic("whole", ""), "", ErrWrongCredentials},
		{basic("whole", "secret"), "", ErrWrongCredentials},
		{bearer(tokens.Mint(UserLevel, "client", 0)), "", ErrExpired},
		{func(*http.Request) {}, "", ErrNoCredentials},
	} {
		name, err := who(c.authorization)
		require.Equal(t, c.err, err)
		require.Equal(t, c.name, name)
	}
	tokens.Revoke()
	_, err = who(bearer(token))
	require.Equal(t, ErrNotAuthenticated, err)
}
