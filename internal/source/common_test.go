package source_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/source"
)

func settings(field, value string) source.Connection {
	return source.Connection{Settings: map[string]string{field: value}}
}

func TestATenthOfTheLimitsIsLeftToOthers(t *testing.T) {
	t.Parallel()
	require.Equal(t, 10, source.Reserve(source.Connection{}))
	require.Equal(t, 0, source.Reserve(settings(source.FieldReserve, "0")))
	require.Equal(t, 35, source.Reserve(settings(source.FieldReserve, "35")))
}

// TestAReserveIsAlwaysUsable, whatever was stored.
func TestAReserveIsAlwaysUsable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := settings(source.FieldReserve, rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,30}`)).Draw(t, "value"))
		require.True(t, source.Reserve(c) >= 0 && source.Reserve(c) <= 90)
		if source.CheckCommon(c) != nil {
			require.NotEmpty(t, c.Settings[source.FieldReserve])
		}
	})
}

// TestAPoolIsANameOfAQueue: what passes has no character that would mean
// something in one.
func TestAPoolIsANameOfAQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := settings(source.FieldPool, rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9-]{1,45}`)).Draw(t, "value"))
		if source.CheckCommon(c) == nil {
			require.Regexp(t, `^([a-z0-9][a-z0-9-]{0,39})?$`, source.Pool(c))
		}
	})
}

func TestCommonFieldsAreThoseThatAreRead(t *testing.T) {
	t.Parallel()
	var names, secrets []string
	for _, f := range source.CommonFields() {
		names = append(names, f.Name)
		if f.Secret {
			secrets = append(secrets, f.Name)
		}
	}
	require.Equal(t, []string{
		source.FieldPool, source.FieldProxyURL, source.FieldProxyUsername, source.FieldProxyPassword, source.FieldCABundle,
		source.FieldTLSServerName, source.FieldTLSCertificate, source.FieldIPRestricted, source.FieldReserve,
	}, names)
	require.Equal(t, []string{source.FieldProxyPassword, source.FieldTLSCertificate}, secrets)
}
