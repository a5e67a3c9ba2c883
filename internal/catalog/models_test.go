package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

func TestAModelMayAskForLess(t *testing.T) {
	store := open(t)
	field := "  - {path: os, type: string, %s description: System., evidence: inferred}\n"
	strict, free := hostsModel+fmt.Sprintf(field, "required: true,"), hostsModel+fmt.Sprintf(field, "")
	maps := hostsMap + "  - {from: os, to: asset.assetDetail.hostAssetClass.operatingSystem}\n"
	_, err := store.SaveModel(t.Context(), model(t, strict))
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap)))
	require.NoError(t, store.AddMap(t.Context(), []byte(maps)))
	require.NoError(t, store.AddMap(t.Context(), []byte(strings.Replace(hostsMap, "lab-hosts", "ids", 1))))
	before, err := store.LatestMap(t.Context(), "lab-hosts")
	require.NoError(t, err)

	_, err = store.SaveModel(t.Context(), model(t, free))
	require.NoError(t, err)
	after, err := store.LatestMap(t.Context(), "lab-hosts")
	require.NoError(t, err)
	require.Equal(t, "lab-hosts@3", after.Ref(), "it takes records that it rejected: the next run has to read all of them")
	require.Equal(t, before.Body, after.Body)
	require.NotEqual(t, before.Digest, after.Digest)
	require.Equal(t, "as data model file.hosts asks for less", after.Origin)
	other, err := store.LatestMap(t.Context(), "ids")
	require.NoError(t, err)
	require.Equal(t, "ids@1", other.Ref(), "what does not read the field does what it did")

	_, err = store.SaveModel(t.Context(), model(t, strict))
	require.ErrorContains(t, err, "its field os would have another type, or be required, which it was not")
}

func TestAModelMayGetMoreValuesThatTablesHave(t *testing.T) {
	store := open(t)
	withValues := func(values string) *transform.Model {
		return model(t, hostsModel+"  - {path: state, type: string, "+values+"description: d, evidence: inferred}\n")
	}
	_, err := store.SaveModel(t.Context(), withValues(""))
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap+"  - {from: state, to: asset.assetDetail.attributes.state, values: {up: 1, down: 0}}\n")))
	_, err = store.SaveModel(t.Context(), withValues("values: [up, down], "))
	require.NoError(t, err)
	_, err = store.SaveModel(t.Context(), withValues("values: [up, down, gone], "))
	require.ErrorContains(t, err, `lab-hosts@1 could not be used any more; save it by another name, or mend the map first`)
	require.ErrorContains(t, err, `the table has no row for "gone"`)
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap+"  - {from: state, to: asset.assetDetail.attributes.state, values: {up: 1, down: 0, gone: 2}}\n")))
}

// A model may lose a field that nothing reads, while somebody saves a map of it.
func TestAMapIsSavedByTheModelThatThereIs(t *testing.T) {
	store := open(t)
	ips := hostsMap + "  - {from: ip, to: asset.assetDetail.hostAssetClass.ipAddress}\n"
	fewer := strings.Replace(hostsModel, "  - {path: ip, type: string, description: Address., evidence: inferred}\n", "", 1)
	for range 20 {
		_, err := store.SaveModel(t.Context(), model(t, hostsModel))
		require.NoError(t, err)
		var both errgroup.Group
		var notSaved, notChanged error
		both.Go(func() error {
			_, _, notSaved = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ips)})
			return nil
		})
		both.Go(func() error { _, notChanged = store.SaveModel(t.Context(), model(t, fewer)); return nil })
		require.NoError(t, both.Wait())
		require.NotEqual(t, notSaved == nil, notChanged == nil, "saved: %v, changed: %v", notSaved, notChanged)
		_, err = store.Pool().Exec(t.Context(), "DELETE FROM transform_maps WHERE name = 'lab-hosts'")
		require.NoError(t, err)
	}
}
