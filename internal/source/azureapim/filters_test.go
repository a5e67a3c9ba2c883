package azureapim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	vendor "sluice/internal/simulator/azure"
	"sluice/internal/source"
	"sluice/internal/source/azureapim"
)

func TestFiltersNarrowWhatIsRead(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	var one vendor.API
	for a := range s.APIs() {
		one = a
	}
	var name string
	for sub := range s.Subscriptions() {
		if sub.ID == one.SubscriptionID {
			name = sub.Name
		}
	}
	service := strings.Split(strings.ToLower(one.ID), "/apis/")[0]
	service, _, _ = strings.Cut(service, "/workspaces/")
	for label, c := range map[string]struct {
		filter string
		values []string
		has    func(vendor.API) bool
	}{
		"subscription by id":   {"subscriptions", []string{strings.ToUpper(one.SubscriptionID)}, func(a vendor.API) bool { return a.SubscriptionID == one.SubscriptionID }},
		"subscription by name": {"subscriptions", []string{name}, func(a vendor.API) bool { return a.SubscriptionID == one.SubscriptionID }},
		"resource group":       {"resourceGroups", []string{one.ResourceGroup}, func(a vendor.API) bool { return strings.EqualFold(a.ResourceGroup, one.ResourceGroup) }},
		"service by name":      {"services", []string{one.Service}, func(a vendor.API) bool { return a.Service == one.Service }},
		"service by id":        {"services", []string{service}, func(a vendor.API) bool { return a.Service == one.Service }},
		"types":                {"types", []string{"soap", "mcp"}, func(a vendor.API) bool { return a.Type == "soap" || a.Type == "mcp" }},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			want := s.truth(false)
			for id, a := range want {
				if !c.has(a) {
					delete(want, id)
				}
			}
			require.NotEmpty(t, want)
			requireTruth(t, read(t, s, filtered(all(), c.filter, c.values...)), want)
		})
	}
}

// TestANameThatNothingHasIsDoubtful: it may be that it may not be seen any
// more, and what it has is not gone.
func TestANameThatNothingHasIsDoubtful(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	for _, filter := range []string{"subscriptions", "resourceGroups", "services"} {
		got := read(t, s, filtered(all(), filter, "nothing-like-this"))
		require.NoError(t, got.err)
		require.Empty(t, got.apis)
		require.Contains(t, got.last.Doubt, "nothing-like-this")
	}
}

func TestFiltersAreChecked(t *testing.T) {
	t.Parallel()
	kind := azureapim.New(azureapim.Options{})
	require.NoError(t, source.CheckFilters(kind, map[string][]string{"types": {"http", "soap"}, "revisions": {"all"}, "services": {"apim-prod"}}))
	for filter, values := range map[string][]string{
		"types": {"rest"}, "revisions": {"all", "current"}, "services": {" "}, "subscriptions": slices.Repeat([]string{"a"}, 1001), "resourceGroups": {},
	} {
		require.Error(t, source.CheckFilters(kind, map[string][]string{filter: values}), filter)
	}
	require.Error(t, source.CheckFilters(kind, map[string][]string{"revisions": {"old"}}))
	require.ErrorContains(t, source.CheckFilters(kind, map[string][]string{"service": {"a"}}), "services")
}

func TestThereIsOneAssetType(t *testing.T) {
	t.Parallel()
	s := open(t, connection("http://127.0.0.1:1", "http://127.0.0.1:2"), quick)
	_, err := s.Read(t.Context(), source.Request{AssetType: "APIS"})
	require.ErrorContains(t, err, "did you mean API?")
	_, err = s.Read(t.Context(), source.Request{AssetType: azureapim.API, Cursor: "x"})
	require.ErrorContains(t, err, "cursor")
}
