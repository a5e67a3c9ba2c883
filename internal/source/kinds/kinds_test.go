package kinds_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// requireUnique also finds names that differ in case alone: people may write
// them in any.
func requireUnique(t *testing.T, what string, names []string) {
	t.Helper()
	met := map[string]bool{}
	for _, name := range names {
		require.NotEmpty(t, name, "%s without a name", what)
		require.False(t, met[strings.ToLower(name)], "%s %q is there twice", what, name)
		met[strings.ToLower(name)] = true
	}
	require.NotEmpty(t, met)
}

func namesOf[T any](list []T, name func(T) string) []string {
	var names []string
	for _, one := range list {
		names = append(names, name(one))
	}
	return names
}

func applicationName(a source.Application) string { return a.Name }

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	requireUnique(t, "kind", namesOf(kinds.All(), source.Kind.Name))
	requireUnique(t, "kind's title", namesOf(kinds.All(), source.Kind.Title))
	requireUnique(t, "provider", namesOf(kinds.Providers(), func(p source.Provider) string { return p.Name }))
	for _, p := range kinds.Providers() {
		requireUnique(t, "application of "+p.Name, namesOf(kinds.Applications(p.Name), applicationName))
		requireUnique(t, "field of "+p.Name, namesOf(p.Fields, func(f source.Field) string { return f.Name }))
	}
}

func TestEveryKindHasAProviderAndAnApplication(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.All() {
		_, err := kinds.FindProvider(k.Provider())
		require.NoError(t, err, k.Name())
		a, err := kinds.FindApplication(k.Provider(), k.Card().Application)
		require.NoError(t, err)
		require.Equal(t, k.Name(), a.Kind)
		found, err := kinds.Find(k.Name())
		require.NoError(t, err)
		require.Equal(t, k.Title(), found.Title())
	}
}

// TestEveryCardIsComplete: only Findings may be empty, for kinds of assets
// alone.
func TestEveryCardIsComplete(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.All() {
		card := reflect.ValueOf(k.Card())
		for i := range card.NumField() {
			name := card.Type().Field(i).Name
			if name != "Findings" {
				require.False(t, card.Field(i).IsZero(), "the card of %s has no %s", k.Name(), name)
			}
			lines, several := card.Field(i).Interface().([]string)
			if !several {
				lines = []string{card.Field(i).String()}
			}
			for _, line := range lines {
				require.Equal(t, strings.TrimSpace(line), line, "%s of %s", name, k.Name())
				require.False(t, strings.HasSuffix(line, "."), "%s of %s ends with a full stop", name, k.Name())
			}
		}
		require.NotEmpty(t, k.Card().Permissions)
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	for _, p := range kinds.Providers() {
		for _, f := range p.Fields {
			require.NotEmpty(t, f.Help, "%s of %s", f.Name, p.Name)
		}
	}
}

func TestApplicationsAreInAnOrderThatPeopleExpect(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"VMDR", "WAS", "TAS", "FIM", "PM", "ETM"}, namesOf(kinds.Applications("qualys"), applicationName))
	require.Equal(t, []string{"API Management"}, namesOf(kinds.Applications("azure"), applicationName))
	require.Equal(t, []string{"Files"}, namesOf(kinds.Applications("file"), applicationName))
	require.Empty(t, kinds.Applications("nobody"))
	for _, p := range kinds.Providers() {
		for _, a := range kinds.Applications(p.Name) {
			require.NotEmpty(t, a.Title, a.Name)
			require.NotNil(t, a.Open, a.Name)
		}
	}
}

func TestAnApplicationIsFoundInAnyCase(t *testing.T) {
	t.Parallel()
	for written, name := range map[string]string{"vmdr": "VMDR", " Was ": "WAS", "ETM": "ETM"} {
		a, err := kinds.FindApplication("qualys", written)
		require.NoError(t, err)
		require.Equal(t, name, a.Name)
	}
	_, err := kinds.FindApplication("qualys", "VMDRR")
	require.ErrorContains(t, err, "did you mean VMDR?")
	_, err = kinds.FindApplication("azure", "VMDR")
	require.ErrorContains(t, err, "known: API Management")
	_, err = kinds.FindApplication("quallys", "VMDR")
	require.ErrorContains(t, err, "did you mean qualys?")
}

// TestAnApplicationOfAKindIsTestedByIt without a typed nil where it cannot be
// opened.
func TestAnApplicationOfAKindIsTestedByIt(t *testing.T) {
	t.Parallel()
	for _, p := range kinds.Providers() {
		for _, a := range kinds.Applications(p.Name) {
			if _, err := a.Open(source.Connection{Connector: "empty"}); p.Name != nothing {
				require.Error(t, err, a.Name)
			}
		}
		for _, a := range kinds.Applications(p.Name) {
			prober, err := a.Open(connection(p.Name))
			require.NoError(t, err, a.Name)
			require.NotNil(t, prober, a.Name)
		}
	}
}

// nothing is the provider that nothing is connected to.
const nothing = "file"

// connection is one that its provider takes.
func connection(provider string) source.Connection {
	switch provider {
	case "qualys":
		return source.Connection{
			Connector: "test",
			Settings:  map[string]string{"platform": "US1", "clientId": "0a1b2c3d", "username": "acme_ab", "authentication": "oidc"},
			Secrets:   map[string]string{"clientSecret": "s3cret-value", "password": "Pa55-word"},
		}
	case "azure":
		return source.Connection{
			Connector: "test",
			Settings:  map[string]string{"tenantId": "contoso.onmicrosoft.com", "clientId": "c0ffee00-1234-4abc-8def-000000000001"},
			Secrets:   map[string]string{"clientSecret": "s3cret~value"},
		}
	}
	if provider == nothing {
		return source.Connection{Connector: "test", Settings: map[string]string{}}
	}
	panic("a new provider needs a connection here")
}

func with(c source.Connection, field, value string) source.Connection {
	c.Settings[field] = value
	return c
}

// TestEveryProviderChecksWhatAllConnectorsHave, and its own before.
func TestEveryProviderChecksWhatAllConnectorsHave(t *testing.T) {
	t.Parallel()
	for _, p := range kinds.Providers() {
		require.NoError(t, p.Check(connection(p.Name)), p.Name)
		for _, right := range []struct{ field, value string }{
			{source.FieldReserve, "0"}, {source.FieldReserve, "90"}, {source.FieldPool, "emea"}, {source.FieldPool, strings.Repeat("a", 40)},
		} {
			require.NoError(t, p.Check(with(connection(p.Name), right.field, right.value)), "%s %s", right.field, right.value)
		}
		both := with(connection(p.Name), source.FieldPool, "emea-1")
		require.NoError(t, p.Check(with(both, source.FieldProxyURL, "http://proxy.example.com:3128")), "the pool's workers may need a proxy")
		for _, wrong := range []struct{ field, value, says string }{
			{source.FieldReserve, "91", "0 to 90"},
			{source.FieldReserve, "-1", "0 to 90"},
			{source.FieldReserve, "ten", `"ten"`},
			{source.FieldReserve, "10%", "0 to 90"},
			{source.FieldPool, "EMEA", "letters from a to z"},
			{source.FieldPool, "-x", "letters from a to z"},
			{source.FieldPool, "a/b", "letters from a to z"},
			{source.FieldPool, strings.Repeat("a", 41), "up to 40"},
			{source.FieldProxyURL, "ftp://proxy.example.com", source.FieldProxyURL},
		} {
			err := p.Check(with(connection(p.Name), wrong.field, wrong.value))
			require.ErrorContains(t, err, wrong.says, "%s %s", wrong.field, wrong.value)
			require.Equal(t, "connector-"+wrong.field, fault.As(err).Code)
		}
		if p.Name != nothing {
			require.Error(t, p.Check(source.Connection{}), "its own check is made too")
		}
	}
}

func TestUncheckedCertificatesAreSaidAloud(t *testing.T) {
	t.Parallel()
	for _, p := range kinds.Providers() {
		require.Empty(t, p.Note(connection(p.Name)))
		require.Empty(t, p.Note(with(connection(p.Name), source.FieldIPRestricted, "false")))
		require.Contains(t, p.Note(with(connection(p.Name), source.FieldIPRestricted, "true")), "WARNING: ipRestricted is on")
	}
	azure, err := kinds.FindProvider("azure")
	require.NoError(t, err)
	c := with(connection("azure"), source.FieldIPRestricted, "true")
	c.Secrets["clientSecret"] = "0b7dd0b6-3c0e-4f8e-8d6b-0f2d1a3c5e77"
	require.Regexp(t, "its value.*; WARNING", azure.Note(c), "both are said")
}

func TestConnectorsOfOneSubscriptionShareItsLimits(t *testing.T) {
	t.Parallel()
	met := map[string]string{}
	for _, p := range kinds.Providers() {
		one := p.Subscription(connection(p.Name))
		require.NotEmpty(t, one)
		other := connection(p.Name)
		other.Connector = "another"
		other.Secrets = map[string]string{}
		other.Settings[source.FieldReserve] = "20"
		require.Equal(t, one, p.Subscription(other), "secrets and names do not matter")
		require.Empty(t, met[one], "providers share nothing")
		met[one] = p.Name
	}
}

// TestWhatAKindBringsIsSaidByItOrByTheMap: a kind of files leaves both to the
// profile, and so takes any source model that fits.
func TestWhatAKindBringsIsSaidByItOrByTheMap(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.All() {
		for _, a := range k.AssetTypes() {
			require.Equal(t, source.ReadsUploads(k), a.Model == "", "%s %s", k.Name(), a.Name)
			require.Equal(t, source.ReadsUploads(k), a.Map == "", "%s %s", k.Name(), a.Name)
		}
	}
	assets, findings := &transform.Model{Name: "file.a"}, &transform.Model{Name: "file.f", Records: transform.RecordsAreFindings}
	files, err := kinds.Find("file")
	require.NoError(t, err)
	ofAssets, err := kinds.AssetType(files, "HOST")
	require.NoError(t, err)
	ofFindings, err := kinds.AssetType(files, "HOST_FINDING")
	require.NoError(t, err)
	require.NoError(t, kinds.CheckModel(ofAssets, assets))
	require.NoError(t, kinds.CheckModel(ofFindings, findings))
	require.ErrorContains(t, kinds.CheckModel(ofAssets, findings), "HOST_FINDING takes findings")
	require.ErrorContains(t, kinds.CheckModel(ofFindings, assets), "HOST takes assets")
	require.ErrorContains(t, kinds.CheckModel(source.AssetType{Name: "API", Model: "azure-apim.api"}, assets), "API brings records of azure-apim.api, not of file.a")
}
