package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/schedule"
)

func TestAProfileIsUpdated(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "tas"), "nightly")
	require.Nil(t, p.Schedule)

	when, err := schedule.ParseWhen("mon-fri at 06:00")
	require.NoError(t, err)
	spec := schedule.Spec{When: when, TimeZone: "Europe/Berlin"}
	updated, err := store.UpdateProfile(t.Context(), "nightly", func(p *catalog.Profile) error {
		p.Description, p.Schedule, p.ShrinkPercent = "at night", &spec, 30
		return nil
	})
	require.NoError(t, err)
	stored, err := store.Profile(t.Context(), "nightly")
	require.NoError(t, err)
	require.Equal(t, stored, updated)
	require.Equal(t, "at night", stored.Description)
	require.True(t, schedule.Equal(&spec, stored.Schedule))
	require.True(t, stored.UpdatedAt.After(p.UpdatedAt))

	refused := errors.New("no")
	_, err = store.UpdateProfile(t.Context(), "nightly", func(p *catalog.Profile) error {
		p.Description = "half"
		return refused
	})
	require.ErrorIs(t, err, refused)
	stored, err = store.UpdateProfile(t.Context(), "nightly", func(p *catalog.Profile) error {
		p.Schedule = nil
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "at night", stored.Description, "what was refused changed nothing")
	require.Nil(t, stored.Schedule)
	_, err = store.SetProfileActive(t.Context(), "nightli", true)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.ErrorContains(t, err, "did you mean nightly?")
}

func TestAProfileIsNotActivatedBesideARival(t *testing.T) {
	store := open(t)
	c := connector(t, store, "tas")
	profile(t, store, c, "nightly")
	require.NoError(t, store.AddMap(t.Context(), []byte(ownMap)))
	require.NoError(t, store.CreateProfile(t.Context(), catalog.Profile{Name: "rival", ConnectorID: c.ID, Kind: "qualys-tas",
		AssetTypes: []string{"APPLICATION"}, Maps: map[string]string{"APPLICATION": "ours"}, Policy: catalog.DefaultPolicy}))
	_, err := store.SetProfileActive(t.Context(), "rival", true)
	require.ErrorContains(t, err, "profile nightly is active and writes APPLICATION")

	// Of both activated at once, one is.
	_, err = store.SetProfileActive(t.Context(), "nightly", false)
	require.NoError(t, err)
	var group errgroup.Group
	for _, name := range []string{"nightly", "rival"} {
		group.Go(func() error { _, err := store.SetProfileActive(t.Context(), name, true); return err })
	}
	require.ErrorContains(t, group.Wait(), "is active and writes APPLICATION")
	profiles, err := store.Profiles(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, profiles[0].Active, profiles[1].Active)
}

func TestKindsThatShareAKnowledgeBaseFillItByTheSameMap(t *testing.T) {
	store := open(t)
	c := connector(t, store, "acme")
	require.NoError(t, store.SyncDefaultMaps(t.Context()))
	builtin, err := store.LatestMap(t.Context(), "qualys-knowledgebase")
	require.NoError(t, err)
	require.NoError(t, store.AddMap(t.Context(), []byte(strings.Replace(builtin.Body, "name: qualys-knowledgebase", "name: ours", 1))))
	create := func(name, kind, knowledge, findings string) error {
		return store.CreateProfile(t.Context(), catalog.Profile{Name: name, ConnectorID: c.ID, Kind: kind, Active: true, Policy: catalog.DefaultPolicy,
			AssetTypes: []string{"FINDING", "KNOWLEDGEBASE"}, Maps: map[string]string{"FINDING": findings, "KNOWLEDGEBASE": knowledge}})
	}
	require.NoError(t, create("web", "qualys-was", "qualys-knowledgebase", "qualys-was-finding"))
	require.ErrorContains(t, create("hosts", "qualys-vm", "ours", "qualys-vm-detection"),
		"profile web is active and writes KNOWLEDGEBASE of the same connector by map qualys-knowledgebase, this one by ours")
	require.NoError(t, create("hosts", "qualys-vm", "qualys-knowledgebase", "qualys-vm-detection"),
		"findings of the same name are each kind's own")

	ours := func(p *catalog.Profile) error {
		p.Maps["KNOWLEDGEBASE"] = "ours"
		return nil
	}
	_, err = store.UpdateProfile(t.Context(), "hosts", ours)
	require.ErrorContains(t, err, "profile web is active and writes KNOWLEDGEBASE")
	_, err = store.SetProfileActive(t.Context(), "web", false)
	require.NoError(t, err)
	_, err = store.UpdateProfile(t.Context(), "hosts", ours)
	require.NoError(t, err)
	_, err = store.SetProfileActive(t.Context(), "web", true)
	require.ErrorContains(t, err, "profile hosts is active and writes KNOWLEDGEBASE of the same connector by map ours")
}

func TestADatabaseOfAnOlderVersionSaysToMigrate(t *testing.T) {
	store := open(t)
	require.NoError(t, store.CheckSchema(t.Context()))
	_, err := store.Pool().Exec(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 1")
	require.NoError(t, err)
	require.ErrorContains(t, store.CheckSchema(t.Context()), "older than this version of Sluice")
}
