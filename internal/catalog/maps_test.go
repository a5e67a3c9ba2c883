package catalog_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"sluice/internal/catalog"
	"sluice/internal/transform"
	"sluice/schema"
)

const nameRow = "  - from: name\n    to: asset.assetDetail.name\n"

// saved is a map that was stored as its name's next version.
func saved(t *testing.T, store *catalog.Store, base int32, body string) catalog.MapVersion {
	t.Helper()
	m, isNew, err := store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(body), File: "ours.yaml", Base: base})
	require.NoError(t, err)
	require.True(t, isNew)
	return m
}

// user makes a profile that uses a map.
func user(t *testing.T, store *catalog.Store, c catalog.Connector, name, uses string) error {
	t.Helper()
	return store.CreateProfile(t.Context(), catalog.Profile{Name: name, ConnectorID: c.ID, Kind: "qualys-tas",
		AssetTypes: []string{"APPLICATION"}, Maps: map[string]string{"APPLICATION": uses}, Policy: catalog.DefaultPolicy})
}

func TestAMapIsSavedOverTheVersionThatItWasMadeFrom(t *testing.T) {
	store := open(t)
	first := saved(t, store, 0, ownMap)
	require.Equal(t, "ours@1", first.Ref())
	second := saved(t, store, 1, ownMap+nameRow)
	require.Equal(t, "ours@2", second.Ref())

	same, isNew, err := store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap + nameRow), Base: 2})
	require.NoError(t, err)
	require.False(t, isNew, "the very same map is no new version")
	require.Equal(t, second, same)

	_, _, err = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap + "# mine\n"), Base: 1})
	require.EqualError(t, err, "map ours was changed by somebody else meanwhile: its latest version is 2, and yours was made from 1; nothing was saved")
	_, _, err = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap)})
	require.EqualError(t, err, `there is a map "ours" already: choose another name, or change that one by 'sluice maps edit ours'`)
	latest, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, second, latest)
}

func TestOfTwoWhoEditAMapAtOnceTheSecondIsTold(t *testing.T) {
	store := open(t)
	saved(t, store, 0, ownMap)
	var group errgroup.Group
	for _, comment := range []string{"# one\n", "# other\n"} {
		group.Go(func() error {
			_, _, err := store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap + comment), Base: 1})
			return err
		})
	}
	require.ErrorContains(t, group.Wait(), "was changed by somebody else meanwhile")
	latest, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, int32(2), latest.Version)
}

func TestWhatIsWrongWithAMapIsSaidWithItsPlace(t *testing.T) {
	store := open(t)
	_, _, err := store.SaveMap(t.Context(), catalog.MapEdit{File: "ours.yaml", Body: []byte(strings.Replace(ownMap, "from: id", "from: idd", 1))})
	var problems transform.Problems
	require.ErrorAs(t, err, &problems)
	require.ErrorContains(t, err, "ours.yaml:6:11: row 1: ")
	require.ErrorContains(t, err, `did you mean "id"?`)
	_, err = store.LatestMap(t.Context(), "ours")
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

func TestSluicesOwnMapsAreNeitherChangedNorDeletedButCloned(t *testing.T) {
	store := open(t)
	builtin, err := store.LatestMap(t.Context(), "qualys-tas-application")
	require.NoError(t, err)
	_, _, err = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(builtin.Body + "# mine\n"), Base: 1})
	require.EqualError(t, err, "map qualys-tas-application is one of Sluice's own, which cannot be changed: clone it first ('sluice maps clone qualys-tas-application NAME')")
	_, _, err = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(builtin.Body)})
	require.ErrorContains(t, err, "clone it first")
	_, err = store.DeleteMap(t.Context(), builtin.Name)
	require.EqualError(t, err, "map qualys-tas-application is one of Sluice's own, which cannot be deleted")

	clone, err := store.CloneMap(t.Context(), builtin, "ours")
	require.NoError(t, err)
	require.Equal(t, "copy of qualys-tas-application@1", clone.Origin)
	require.Equal(t, builtin.Digest, clone.Digest, "it does the same")
	require.False(t, clone.Builtin)
	for name, says := range map[string]string{"ours": `there is a map "ours" already`, "Ours": `map name "Ours" cannot be used`, "qualys-vm-host": "clone it first"} {
		_, err = store.CloneMap(t.Context(), builtin, name)
		require.ErrorContains(t, err, says)
	}
}

func TestARollbackIsAVersionOfItsOwn(t *testing.T) {
	store := open(t)
	first := saved(t, store, 0, ownMap)
	saved(t, store, 1, ownMap+nameRow)
	back, isNew, err := store.RollBackMap(t.Context(), "ours", 1)
	require.NoError(t, err)
	require.True(t, isNew)
	require.Equal(t, "ours@3", back.Ref())
	require.Equal(t, first.Body, back.Body)
	require.Equal(t, "version 1 again", back.Origin)
	_, isNew, err = store.RollBackMap(t.Context(), "ours", 1)
	require.NoError(t, err)
	require.False(t, isNew, "it is that already")

	_, _, err = store.RollBackMap(t.Context(), "ours", 9)
	require.EqualError(t, err, "map ours has no version 9: it has 1 to 3")
	_, _, err = store.RollBackMap(t.Context(), "hours", 1)
	require.ErrorContains(t, err, `unknown transform map "hours"; did you mean ours?`)
	_, _, err = store.RollBackMap(t.Context(), "qualys-vm-host", 1)
	require.ErrorContains(t, err, "cannot be changed")
}

func TestADeletedMapIsGoneButItsVersionsStay(t *testing.T) {
	store := open(t)
	c := connector(t, store, "tas")
	saved(t, store, 0, ownMap)
	second := saved(t, store, 1, ownMap+nameRow)
	require.NoError(t, user(t, store, c, "nightly", "ours"))
	require.NoError(t, user(t, store, c, "weekly", "ours"))
	_, err := store.DeleteMap(t.Context(), "ours")
	require.EqualError(t, err, "map ours is used by profiles nightly, weekly: give them another map first ('sluice profiles update nightly --map TYPE=NAME')")
	for _, name := range []string{"nightly", "weekly"} {
		require.NoError(t, store.DeleteProfile(t.Context(), name))
	}
	deleted, err := store.DeleteMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, second, deleted)

	_, err = store.LatestMap(t.Context(), "ours")
	require.EqualError(t, err, "transform map ours was deleted: 'sluice maps rollback ours --to 2' brings it back")
	_, err = store.DeleteMap(t.Context(), "ours")
	require.ErrorContains(t, err, "was deleted")
	require.ErrorContains(t, user(t, store, c, "nightly", "ours"), `there is no transform map "ours"`)
	_, _, err = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap), Base: 2})
	require.EqualError(t, err, "map ours was deleted by somebody else meanwhile: nothing was saved")
	byID, err := store.MapByID(t.Context(), second.ID)
	require.NoError(t, err)
	require.NotNil(t, byID.DeletedAt)
	require.Equal(t, second.Body, byID.Body)
	at, err := store.MapAt(t.Context(), "ours", 2)
	require.NoError(t, err)
	require.Equal(t, byID, at)
	listed, err := store.MapListings(t.Context())
	require.NoError(t, err)
	for _, m := range listed {
		require.NotEqual(t, "ours", m.Name)
	}

	back, isNew, err := store.RollBackMap(t.Context(), "ours", 2)
	require.NoError(t, err)
	require.True(t, isNew)
	require.Equal(t, "ours@3", back.Ref(), "a number is never given twice")
	_, err = store.DeleteMap(t.Context(), "ours")
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(back.Body)))
	latest, err := store.LatestMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, "ours@4", latest.Ref())
	_, err = store.DeleteMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, "ours@5", saved(t, store, 0, ownMap+nameRow).Ref())
}

func TestWhatIsDeletedIsTheMapAsItIsThen(t *testing.T) {
	store := open(t)
	for i := range 10 {
		first := saved(t, store, 0, ownMap)
		var both errgroup.Group
		var notSaved error
		var deleted catalog.MapVersion
		both.Go(func() error {
			_, _, notSaved = store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(ownMap + nameRow), Base: first.Version})
			return nil
		})
		both.Go(func() (err error) { deleted, err = store.DeleteMap(t.Context(), "ours"); return err })
		require.NoError(t, both.Wait())
		want := first.Version
		if notSaved == nil {
			want++
		}
		require.Equal(t, want, deleted.Version, "round %d: %v", i, notSaved)
		_, err := store.LatestMap(t.Context(), "ours")
		require.ErrorIs(t, err, catalog.ErrNotFound)
	}
}

func TestAMapIsNotDeletedWhileAProfileBeginsToUseIt(t *testing.T) {
	store := open(t)
	c := connector(t, store, "tas")
	saved(t, store, 0, ownMap)
	var group errgroup.Group
	group.Go(func() error { return user(t, store, c, "nightly", "ours") })
	group.Go(func() error { _, err := store.DeleteMap(t.Context(), "ours"); return err })
	require.Error(t, group.Wait(), "one of them is refused")
	profiles, err := store.Profiles(t.Context())
	require.NoError(t, err)
	_, err = store.LatestMap(t.Context(), "ours")
	require.Equal(t, len(profiles) == 0, err != nil, "a profile that is there has its map")
}

func TestAMapThatProfilesUseGoesOnFromAndToTheSame(t *testing.T) {
	store := open(t)
	c := connector(t, store, "tas")
	saved(t, store, 0, ownMap)
	other := strings.NewReplacer("application", "apiCollection", "assetClass: application", "assetClass: apiCollection").Replace(ownMap)
	require.NoError(t, user(t, store, c, "nightly", "ours"))
	_, _, err := store.SaveMap(t.Context(), catalog.MapEdit{Body: []byte(other), Base: 1})
	require.EqualError(t, err, "map ours goes from qualys-tas.application to inventory of class application, as profile nightly needs it: "+
		"this one goes from qualys-tas.apiCollection to inventory of class apiCollection; give it another name")
	require.NoError(t, store.DeleteProfile(t.Context(), "nightly"))
	saved(t, store, 1, other)
}

func TestHistoryAndListKnowTheRunsAndProfilesOfAMap(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	listed, err := store.MapListings(t.Context())
	require.NoError(t, err)
	used := make(map[string]catalog.MapListing)
	for _, m := range listed {
		used[m.Name] = m
	}
	m := used["qualys-tas-application"]
	require.Equal(t, []string{plan.Profile}, m.Profiles)
	require.Equal(t, int64(1), m.Runs)
	require.Equal(t, &ref.RunID, m.LastRun)
	require.NotNil(t, m.LastAt)
	require.Empty(t, used["qualys-vm-host"].Profiles)
	require.Zero(t, used["qualys-vm-host"].Runs)

	saved(t, store, 0, ownMap)
	saved(t, store, 1, ownMap+nameRow)
	history, err := store.HistoryOfMap(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, []string{"ours@2", "ours@1"}, []string{history[0].Ref(), history[1].Ref()})
	history, err = store.HistoryOfMap(t.Context(), "qualys-tas-application")
	require.NoError(t, err)
	require.Equal(t, int64(1), history[0].Runs)
	require.Equal(t, &ref.RunID, history[0].LastRun)
	_, err = store.HistoryOfMap(t.Context(), "hours")
	require.ErrorContains(t, err, "did you mean ours?")
}

func TestADefaultMapDoesNotTakeTheNameOfAPersonsOwn(t *testing.T) {
	store := open(t)
	_, err := store.Pool().Exec(t.Context(), "UPDATE transform_maps SET builtin = false WHERE name = 'qualys-vm-host'")
	require.NoError(t, err)
	err = store.SyncDefaultMaps(t.Context())
	require.ErrorContains(t, err, "store default map qualys-vm-host: there is a map of yours by that name")
	_, err = store.DeleteMap(t.Context(), "qualys-vm-host")
	require.NoError(t, err)
	require.NoError(t, store.SyncDefaultMaps(t.Context()))
	m, err := store.LatestMap(t.Context(), "qualys-vm-host")
	require.NoError(t, err)
	require.True(t, m.Builtin)
	require.Equal(t, int32(2), m.Version)
}

func TestKeptBatchesAreThoseOfTheLastRunThatHasAny(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	none, err := store.KeptBatches(t.Context(), plan.ProfileID, ref.Stream)
	require.NoError(t, err)
	require.Empty(t, none)
	at, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	at.Chunk, at.Records = 1, 1
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 1, RawBytes: 1, Data: []byte("x")}, nil, at))
	kept, err := store.KeptBatches(t.Context(), plan.ProfileID, ref.Stream)
	require.NoError(t, err)
	require.Equal(t, []catalog.BatchRef{ref}, kept)
}

func TestAMapIsRenamedAndAllElseStaysWhereItIs(t *testing.T) {
	t.Parallel()
	for before, after := range map[string]string{
		"# ours\nname: a # short\nsource:   x\n":    "# ours\nname: b # short\nsource:   x\n",
		"source: x\nname: \"a \\\" c\" # y\n":       "source: x\nname: b # y\n",
		"name: 'it''s'\r\nsource: x\r\n":            "name: b\r\nsource: x\r\n",
		"name: b\nsource: x\n":                      "name: b\nsource: x\n",
		"description: name\nsource: x\n\n":          "description: name\nsource: x\nname: b\n",
		"source: x\nname: >-\n  a\n  c\n# y\n":      "source: x\nname: b\n# y\n",
		`{"name": "a", "source": "x"}`:              "{\"name\": b, \"source\": \"x\"}\n",
		"name: [":                                   "name: [",
		"[1]":                                       "[1]",
		"":                                          "",
		"name: a\nrows:\n  - {name: a, from: id}\n": "name: b\nrows:\n  - {name: a, from: id}\n",
	} {
		given := strings.Clone(before)
		renamed, err := catalog.RenameMap([]byte(given), "b")
		require.NoError(t, err)
		require.Equal(t, after, string(renamed), before)
	}
}

func TestANameThatYAMLTakesForSomethingElseIsInQuotes(t *testing.T) {
	t.Parallel()
	const rest = "source: s\ntarget: t\nrows: [{from: a, to: b}]\n"
	for _, name := range []string{"null", "1.5", "true", "0x1f", "1e5", "ours"} {
		for _, body := range []string{"name: a\n" + rest, rest, "\ufeffname: a # mine\n" + rest, `"n\u0061me": 'a'` + "\n" + rest, "name: null\n" + rest} {
			renamed, err := catalog.RenameMap([]byte(body), name)
			require.NoError(t, err)
			m, err := transform.ParseMap("map", renamed)
			require.NoError(t, err, "%s", renamed)
			require.Equal(t, name, m.Name)
		}
	}
}

func TestARenamedMapIsTheSameButForItsName(t *testing.T) {
	t.Parallel()
	defaults, err := fs.Glob(schema.Maps(), "*.yaml")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		body, err := fs.ReadFile(schema.Maps(), rapid.SampledFrom(defaults).Draw(t, "map"))
		require.NoError(t, err)
		name := rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,62}`).Draw(t, "name")
		renamed, err := catalog.RenameMap(body, name)
		require.NoError(t, err)
		before, err := transform.ParseMap("map", body)
		require.NoError(t, err)
		after, err := transform.ParseMap("map", renamed)
		require.NoError(t, err)
		require.Equal(t, name, after.Name)
		before.Name = name
		require.Equal(t, transform.WriteCSV(before), transform.WriteCSV(after))
	})
}

func FuzzRenameMap(f *testing.F) {
	f.Add([]byte(ownMap), "b")
	f.Add([]byte("{\"name\": \"a\"}"), "b")
	f.Add([]byte("name: &a\n"), "b")
	f.Add([]byte("? name\n: |\n  a\n"), "b")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		given := bytes.Clone(body)
		if _, err := catalog.RenameMap(given, name); err == nil {
			require.Equal(t, body, given, "what is given stays as it is")
		}
	})
}
