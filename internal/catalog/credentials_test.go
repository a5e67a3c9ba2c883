package catalog_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
)

func masterKey(t *testing.T, seed byte) secret.Key {
	key, err := secret.NewKey(bytes.Repeat([]byte{seed}, 32))
	require.NoError(t, err)
	return key
}

// shared is a credential of one connector as two workers have it.
func shared(t *testing.T) (c catalog.Connector, store *catalog.Store, one, two source.Credential) {
	t.Parallel()
	stores := processes(t, 2)
	c = connector(t, stores[0], "acme")
	key := masterKey(t, 1)
	return c, stores[0], stores[0].Credential(c, "client", key), stores[1].Credential(c, "client", key)
}

func TestATokenIsSharedByWorkersUntilItEnds(t *testing.T) {
	c, store, one, two := shared(t)
	none, err := two.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, none)

	issued := &oauth2.Token{AccessToken: "a-token-of-the-vendor", TokenType: "Bearer", Expiry: time.Now().Add(time.Hour)}
	require.NoError(t, one.Save(t.Context(), issued))
	token, err := two.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, issued.AccessToken, token.AccessToken)
	require.Equal(t, "Bearer", token.Type())
	require.WithinDuration(t, issued.Expiry, token.Expiry, 5*time.Second)

	var stored string
	require.NoError(t, store.Pool().QueryRow(t.Context(), "SELECT token FROM credentials WHERE connector_id = $1", c.ID).Scan(&stored))
	require.NotContains(t, stored, "a-token-of")
	require.True(t, secret.IsSealed(stored))
	other, err := store.Credential(c, "user", masterKey(t, 1)).Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, other, "another credential has its own")

	issued.Expiry = time.Now().Add(-time.Second)
	require.NoError(t, one.Save(t.Context(), issued))
	ended, err := two.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, ended)
}

func TestOnlyTheTokenThatIsSharedIsForgotten(t *testing.T) {
	_, _, one, two := shared(t)
	save := func(access string) {
		require.NoError(t, one.Save(t.Context(), &oauth2.Token{AccessToken: access, Expiry: time.Now().Add(time.Hour)}))
	}
	save("first")
	save("second")
	require.NoError(t, two.Forget(t.Context(), "first"))
	token, err := one.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "second", token.AccessToken)
	require.NoError(t, two.Forget(t.Context(), "second"))
	token, err = one.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)
}

func TestATokenThatNoKeyOpensIsNone(t *testing.T) {
	c, store, one, _ := shared(t)
	require.NoError(t, one.Save(t.Context(), &oauth2.Token{AccessToken: "x", Expiry: time.Now().Add(time.Hour)}))
	token, err := store.Credential(c, "client", masterKey(t, 2)).Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)

	without := store.Credential(c, "other", secret.Key{})
	require.NoError(t, without.Save(t.Context(), &oauth2.Token{AccessToken: "x", Expiry: time.Now().Add(time.Hour)}), "it shares none")
	token, err = without.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)
}

func TestARefusalIsKnownToAllWorkersUntilItIsOver(t *testing.T) {
	_, _, one, two := shared(t)
	accepted, refused, err := two.Standing(t.Context())
	require.NoError(t, err)
	require.False(t, accepted)
	require.Nil(t, refused)

	require.NoError(t, one.Accept(t.Context()))
	accepted, refused, err = two.Standing(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	require.Nil(t, refused)

	no := &fault.Error{Class: fault.Auth, Code: "login-refused", Message: "Qualys does not accept the password\x00", Advice: "check it", Detail: "not kept"}
	require.NoError(t, one.Refuse(t.Context(), no, time.Now().Add(5*time.Minute)))
	require.NoError(t, one.Accept(t.Context()), "of a call that began before")
	accepted, refused, err = two.Standing(t.Context())
	require.NoError(t, err)
	require.False(t, accepted)
	require.Equal(t, &fault.Error{Class: fault.Auth, Code: "login-refused", Message: "Qualys does not accept the password", Advice: "check it"}, refused)

	held, err := two.Held(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 5*time.Minute, held, float64(10*time.Second))

	require.NoError(t, one.Refuse(t.Context(), no, time.Now().Add(-time.Second)))
	accepted, refused, err = two.Standing(t.Context())
	require.NoError(t, err)
	require.False(t, accepted, "it is to be offered alone again")
	require.Nil(t, refused)
	require.NoError(t, two.Accept(t.Context()))
	accepted, _, err = one.Standing(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	held, err = one.Held(t.Context())
	require.NoError(t, err)
	require.Zero(t, held, "accepted since")
}

func TestHowLongARefusalHeldIsKnownWhenItIsOver(t *testing.T) {
	c, store, one, two := shared(t)
	held, err := one.Held(t.Context())
	require.NoError(t, err)
	require.Zero(t, held)
	require.NoError(t, one.Refuse(t.Context(), &fault.Error{Class: fault.Auth, Code: "x"}, time.Now().Add(time.Hour)))
	_, err = store.Pool().Exec(t.Context(), "UPDATE credentials SET refused_until = now() - interval '1 second' WHERE connector_id = $1", c.ID)
	require.NoError(t, err)
	_, refused, err := two.Standing(t.Context())
	require.NoError(t, err)
	require.Nil(t, refused)
	held, err = two.Held(t.Context())
	require.NoError(t, err)
	require.InDelta(t, time.Hour, held, float64(10*time.Second))
	c.Version++
	held, err = store.Credential(c, "client", masterKey(t, 1)).Held(t.Context())
	require.NoError(t, err)
	require.Zero(t, held, "another one")
}

func TestWhatWasSharedIsOfOneVersionOfTheConnector(t *testing.T) {
	c, store, old, _ := shared(t)
	hour := time.Now().Add(time.Hour)
	changed := c
	changed.Version++
	now := store.Credential(changed, "client", masterKey(t, 1))
	nothing := func(c source.Credential) {
		t.Helper()
		token, err := c.Token(t.Context())
		require.NoError(t, err)
		require.Nil(t, token)
		accepted, refused, err := c.Standing(t.Context())
		require.NoError(t, err)
		require.False(t, accepted)
		require.Nil(t, refused)
	}
	require.NoError(t, old.Save(t.Context(), &oauth2.Token{AccessToken: "old", Expiry: hour}))
	require.NoError(t, old.Refuse(t.Context(), &fault.Error{Class: fault.Auth, Code: "x"}, hour))
	nothing(now)

	require.NoError(t, now.Accept(t.Context()), "what was refused was another one")
	accepted, refused, err := now.Standing(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	require.Nil(t, refused)
	token, err := now.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)
	nothing(old)

	require.NoError(t, old.Refuse(t.Context(), &fault.Error{Class: fault.Auth, Code: "x"}, hour))
	require.NoError(t, old.Save(t.Context(), &oauth2.Token{AccessToken: "old", Expiry: hour}))
	require.NoError(t, old.Accept(t.Context()))
	accepted, refused, err = now.Standing(t.Context())
	require.NoError(t, err)
	require.True(t, accepted, "one who still has the old connector changes nothing")
	require.Nil(t, refused)
}

func TestOneWorkerAtATimeHasACredentialToItself(t *testing.T) {
	_, _, one, two := shared(t)
	release, err := one.Exclusive(t.Context())
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = two.Exclusive(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	release, err = two.Exclusive(t.Context())
	require.NoError(t, err)
	release()
}

func TestWhatIsSharedGoesWithTheConnector(t *testing.T) {
	c, store, one, _ := shared(t)
	require.NoError(t, one.Accept(t.Context()))
	require.NoError(t, store.DeleteConnector(t.Context(), c.Name))
	require.Error(t, one.Accept(t.Context()))
	accepted, _, err := one.Standing(t.Context())
	require.NoError(t, err)
	require.False(t, accepted)
}
