package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
)

const ownMap = `name: ours
source: qualys-tas.application
target: inventory
assetClass: application
rows:
  - from: id
    to: asset.assetHeader.externalAssetId
`

func TestAConnectorIsUpdatedAndItsVersionGrows(t *testing.T) {
	store := open(t)
	before := connector(t, store, "tas")
	c := before
	c.Description, c.Active, c.Settings, c.Secrets = "ours", false, map[string]string{"platform": "EU2"}, map[string]string{"clientSecret": "env:SECRET"}
	require.NoError(t, store.UpdateConnector(t.Context(), c))
	after, err := store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	require.Equal(t, before.Version+1, after.Version)
	require.True(t, after.UpdatedAt.After(before.UpdatedAt))
	require.True(t, after.ChangedAt.After(before.ChangedAt))
	after.Version, after.UpdatedAt, after.ChangedAt = c.Version, c.UpdatedAt, c.ChangedAt
	require.Equal(t, c, after)

	err = store.UpdateConnector(t.Context(), c)
	require.EqualError(t, err, "connector tas: it was created, changed or deleted by somebody else meanwhile: nothing was changed; try again")
}

func TestAMapGetsVersionsThatStay(t *testing.T) {
	store := open(t)
	before, err := store.LatestMaps(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(ownMap)))
	first, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, int32(1), first.Version)
	require.Equal(t, "qualys-tas.application", first.SourceModel)
	require.False(t, first.Builtin)

	require.NoError(t, store.AddMap(t.Context(), []byte(ownMap)))
	same, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, first, same, "the very same map is no new version")

	var group errgroup.Group
	for _, name := range []string{"name", "url", "updatedDate"} {
		group.Go(func() error {
			to := map[string]string{"name": "name", "url": "applicationAssetClass.baseUrl", "updatedDate": "sourceUpdatedAt"}[name]
			return store.AddMap(t.Context(), []byte(ownMap+"  - from: "+name+"\n    to: asset.assetDetail."+to+"\n"))
		})
	}
	require.NoError(t, group.Wait())
	latest, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, int32(4), latest.Version)
	stays, err := store.MapByID(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, first, stays)
	all, err := store.LatestMaps(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(before)+1, "each name once")
	require.Contains(t, all, latest)
}

func TestAMapThatDoesNotCompileOrIsSluicesOwnIsRefused(t *testing.T) {
	store := open(t)
	require.ErrorContains(t, store.AddMap(t.Context(), []byte(strings.Replace(ownMap, "from: id", "from: idd", 1))), `"idd"`)
	require.ErrorContains(t, store.AddMap(t.Context(), []byte(strings.Replace(ownMap, "ours", "Ours", 1))), `map name "Ours" cannot be used`)
	require.EqualError(t, store.AddMap(t.Context(), []byte(strings.Replace(ownMap, "ours", "qualys-tas-application", 1))),
		"map qualys-tas-application: it is one of Sluice's own, which cannot be changed: give yours another name")
	_, err := store.LatestMap(t.Context(), "ours")
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func TestChangesAreAppliedTogetherOrNotAtAll(t *testing.T) {
	store := open(t)
	profiles := []catalog.Profile{{Name: "a", Connector: "tas"}, {Name: "b", Connector: "tas"}}
	for i := range profiles {
		p := &profiles[i]
		p.Kind, p.AssetTypes, p.Maps, p.Active, p.Policy = "qualys-tas", []string{"APPLICATION"}, map[string]string{"APPLICATION": "qualys-tas-application"}, true, catalog.DefaultPolicy
	}
	require.NoError(t, store.Apply(t.Context(), catalog.Changes{
		Connectors: []catalog.Connector{{Name: "tas", Provider: "qualys", Active: true, Settings: map[string]string{}, Secrets: map[string]string{"clientSecret": "env:A"}}},
		Profiles:   profiles,
	}))
	stored, err := store.Profiles(t.Context())
	require.NoError(t, err)
	require.Len(t, stored, 2)

	// One alone would be the other's rival, both together are not.
	for i := range stored {
		stored[i].Maps = map[string]string{"APPLICATION": "ours"}
	}
	c, err := store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	c.Description = "changed"
	half := catalog.Changes{Connectors: []catalog.Connector{c}, Maps: [][]byte{[]byte(ownMap)}, Profiles: stored[:1]}
	require.ErrorContains(t, store.Apply(t.Context(), half), "profile a: profile b is active and writes APPLICATION of the same connector by map qualys-tas-application, this one by ours")
	_, err = store.LatestMap(t.Context(), "ours")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	unchanged, err := store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	require.Empty(t, unchanged.Description)

	half.Profiles = stored
	require.NoError(t, store.Apply(t.Context(), half))
	p, err := store.Profile(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "ours", p.Maps["APPLICATION"])
	require.ErrorContains(t, store.Apply(t.Context(), catalog.Changes{Profiles: stored}), "profile a: it was created, changed or deleted by somebody else meanwhile")
}
