package azure

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzFilters(f *testing.F) {
	for _, text := range []string{"isCurrent eq true", "contains(name,'it''s') and path ne 'a and b'", "substringof('x', name)", "name eq '", "(", " and "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			return
		}
		fits, err := parsed.fits(map[string]any{"name": "it's", "path": "a", "iscurrent": true})
		require.False(t, fits && err != nil)
	})
}

func TestAQuoteInAFilterIsDoubled(t *testing.T) {
	t.Parallel()
	parsed, err := parseFilter("name eq 'it''s, and so on' AND isCurrent eq TRUE")
	require.NoError(t, err)
	require.Equal(t, filter{{"name", "eq", "it's, and so on"}, {"iscurrent", "eq", true}}, parsed)
}

func FuzzRoutes(f *testing.F) {
	f.Add("/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/x/workspaces/w/apis/a%3Brev%3D2/operations/o?export=true")
	f.Add("/subscriptions//")
	f.Add("/subscriptions//resourceGroups/g/providers/Microsoft.ApiManagement/service//apis/a")
	f.Add("/%zz")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		r := parseRoute(u)
		require.Contains(t, Calls(), r.call)
		require.Equal(t, r.serve == nil, r.call == Unknown)
		if r.api != "" {
			require.True(t, r.service != "" && r.group != "" && r.subscription != "")
		}
	})
}

func TestNamesInAPathKeepTheirCharacters(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("/Subscriptions/s/RESOURCEGROUPS/g/providers/microsoft.apimanagement/Service/x/workspaces/w/APIS/" + url.PathEscape("a%20b/c ö") + "%3Brev%3D2")
	require.NoError(t, err)
	r := parseRoute(u)
	require.Equal(t, OneAPI, r.call)
	require.Equal(t, "w", r.workspace)
	require.Equal(t, "a%20b/c ö;rev=2", r.api)
	require.False(t, strings.Contains(r.action, "workspaces"))
}
