package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

func TestAModelIsDeletedThatNothingGoesBy(t *testing.T) {
	store := open(t)
	save := func() {
		_, err := store.SaveModel(t.Context(), model(t, hostsModel))
		require.NoError(t, err)
	}
	save()
	require.NoError(t, store.DeleteModel(t.Context(), "file.hosts"))
	require.ErrorContains(t, store.DeleteModel(t.Context(), "file.hosts"), "file.hosts")
	require.EqualError(t, store.DeleteModel(t.Context(), "qualys-tas.application"), "data model qualys-tas.application is one of Sluice's own, which cannot be deleted")

	save()
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap)))
	require.EqualError(t, store.DeleteModel(t.Context(), "file.hosts"), "data model file.hosts is read by map lab-hosts: delete the map first ('sluice maps delete lab-hosts')")
	require.NoError(t, store.AddMap(t.Context(), []byte(strings.Replace(hostsMap, "lab-hosts", "more-hosts", 1))))
	require.EqualError(t, store.DeleteModel(t.Context(), "file.hosts"),
		"data model file.hosts is read by maps lab-hosts, more-hosts: delete the maps first ('sluice maps delete lab-hosts', and so on)")
	for _, name := range []string{"lab-hosts", "more-hosts"} {
		_, err := store.DeleteMap(t.Context(), name)
		require.NoError(t, err)
	}
	deleted, err := store.DeletedMapsReading(t.Context(), "file.hosts")
	require.NoError(t, err)
	require.Equal(t, []string{"lab-hosts", "more-hosts"}, deleted)
	require.NoError(t, store.DeleteModel(t.Context(), "file.hosts"))
	_, _, err = store.RollBackMap(t.Context(), "lab-hosts", 1)
	require.ErrorContains(t, err, `unknown source model "file.hosts"`)
}

func TestAModelThatARunWentByStays(t *testing.T) {
	store := open(t)
	_, err := store.SaveModel(t.Context(), model(t, hostsModel))
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap)))
	hosts, err := store.LatestMap(t.Context(), "lab-hosts")
	require.NoError(t, err)
	plan := planOf(t, store, profile(t, store, connector(t, store, "tas"), "nightly"))
	plan.Streams[0].MapID = hosts.ID
	runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly", FirstRunID: "first"}, plan)
	require.NoError(t, err)
	require.NoError(t, store.FinishRun(t.Context(), runID, catalog.Ending{Outcome: lifecycle.Succeeded}))
	_, err = store.DeleteMap(t.Context(), "lab-hosts")
	require.NoError(t, err)
	require.EqualError(t, store.DeleteModel(t.Context(), "file.hosts"),
		"run 1 went by map lab-hosts@1, which reads data model file.hosts: the model stays, to say what that run's records were")
}

func TestAModelIsNotDeletedWhileAMapOfItIsStored(t *testing.T) {
	store := open(t)
	for range 20 {
		_, err := store.SaveModel(t.Context(), model(t, hostsModel))
		require.NoError(t, err)
		var both errgroup.Group
		var notAdded, notDeleted error
		both.Go(func() error { notAdded = store.AddMap(t.Context(), []byte(hostsMap)); return nil })
		both.Go(func() error { notDeleted = store.DeleteModel(t.Context(), "file.hosts"); return nil })
		require.NoError(t, both.Wait())
		require.NotEqual(t, notAdded == nil, notDeleted == nil, "added: %v, deleted: %v", notAdded, notDeleted)
		if notAdded == nil {
			_, err := store.DeleteMap(t.Context(), "lab-hosts")
			require.NoError(t, err)
		}
	}
}

func TestAModelIsDeletedOnce(t *testing.T) {
	store := open(t)
	for range 20 {
		_, err := store.SaveModel(t.Context(), model(t, hostsModel))
		require.NoError(t, err)
		var both errgroup.Group
		var one, other error
		both.Go(func() error { one = store.DeleteModel(t.Context(), "file.hosts"); return nil })
		both.Go(func() error { other = store.DeleteModel(t.Context(), "file.hosts"); return nil })
		require.NoError(t, both.Wait())
		require.NotEqual(t, one == nil, other == nil, "one: %v, the other: %v", one, other)
		require.ErrorIs(t, errors.Join(one, other), catalog.ErrNotFound)
	}
}

// More fields of a model may change what there was: inside of an object without
// known fields, expressions see any value.
func TestAModelDoesNotChangeWhatMapsOfItDo(t *testing.T) {
	store := open(t)
	withOwner := hostsModel + "  - {path: owner, type: object, description: Owner., evidence: inferred}\n"
	_, err := store.SaveModel(t.Context(), model(t, withOwner))
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap+"  - {expr: record.owner.id, to: asset.assetDetail.attributes.owner}\n")))
	_, err = store.SaveModel(t.Context(), model(t, withOwner+"  - {path: os, type: string, description: System., evidence: inferred}\n"))
	require.NoError(t, err)
	_, err = store.SaveModel(t.Context(), model(t, withOwner+"  - {path: os, type: string, description: System., evidence: inferred}\n"+
		"  - {path: owner.id, type: string, description: Id., evidence: inferred}\n"))
	require.ErrorContains(t, err, "lab-hosts@1 would not do the same any more")
}
