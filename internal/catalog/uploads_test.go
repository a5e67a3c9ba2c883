package catalog_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/transform"
)

// upload sends a text of a profile.
func upload(t *testing.T, store *catalog.Store, profileID int64, text []byte) catalog.Upload {
	t.Helper()
	w, err := store.BeginUpload(t.Context(), catalog.Upload{ProfileID: profileID, Name: "scans\x00.csv", Reading: map[string]string{"format": "csv"}})
	require.NoError(t, err)
	_, err = io.Copy(w, bytes.NewReader(text))
	require.NoError(t, err)
	u, err := w.End(7)
	require.NoError(t, err)
	return u
}

func TestAnUploadIsReadAsItWasSent(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "lab"), "scans")
	text := make([]byte, 9<<20) // of several parts
	for i := range text {
		text[i] = byte(rand.Uint32())
	}
	sent := upload(t, store, p.ID, text)
	u, err := store.Upload(t.Context(), sent.ID)
	require.NoError(t, err)
	require.Equal(t, sent, u)
	require.Equal(t, "scans\uFFFD.csv", u.Name)
	require.Equal(t, []int64{int64(len(text)), 7}, []int64{u.Bytes, u.Records})
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(text)), u.SHA256)
	require.Equal(t, map[string]string{"format": "csv"}, u.Reading)
	for _, from := range []int{0, 1, 4<<20 - 1, 4 << 20, 8<<20 + 5, len(text)} {
		r := store.OpenUpload(t.Context(), u, int64(from))
		read, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(text[from:], read), "from %d", from)
		require.NoError(t, r.Close())
	}
	empty := upload(t, store, p.ID, nil)
	read, err := io.ReadAll(store.OpenUpload(t.Context(), empty, 0))
	require.NoError(t, err)
	require.Empty(t, read)
}

func TestAnUploadThatWasNotSentToItsEndIsNone(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "lab"), "scans")
	w, err := store.BeginUpload(t.Context(), catalog.Upload{ProfileID: p.ID, Name: "a", Reading: map[string]string{}})
	require.NoError(t, err)
	_, err = store.Upload(t.Context(), 1)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	require.NoError(t, w.Abandon())
	var left int
	require.NoError(t, store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM uploads").Scan(&left))
	require.Zero(t, left)
}

func TestUploadsAreDeletedLikeWhatVendorsSent(t *testing.T) {
	store := open(t)
	plan, _ := begun(t, store)
	read, other := upload(t, store, plan.ProfileID, []byte("id\n")), upload(t, store, plan.ProfileID, []byte("id\n"))
	_, err := store.Pool().Exec(t.Context(), "UPDATE runs SET plan = plan || jsonb_build_object('upload', $1::bigint)", read.ID)
	require.NoError(t, err)
	cleanUp := func(at time.Time) int64 {
		done, err := store.CleanUp(t.Context(), catalog.Retention{Raw: time.Hour, Log: time.Hour}, at)
		require.NoError(t, err)
		return done.Uploads
	}
	require.Zero(t, cleanUp(time.Now()))
	require.EqualValues(t, 1, cleanUp(time.Now().Add(2*time.Hour)), "a run is under way with the other one")
	_, err = store.Upload(t.Context(), other.ID)
	require.ErrorContains(t, err, "it was deleted after its time, or never sent to its end; import the file again")
	require.NoError(t, store.FinishRun(t.Context(), 1, catalog.Ending{Outcome: lifecycle.Failed}))
	require.EqualValues(t, 1, cleanUp(time.Now().Add(2*time.Hour)))
	_, err = io.ReadAll(store.OpenUpload(t.Context(), read, 0))
	require.ErrorContains(t, err, "it was deleted meanwhile")
}

const hostsModel = `
name: file.hosts
title: Hosts
role: source
description: Hosts of the lab.
fields:
  - {path: id, type: string, required: true, description: Id., evidence: inferred}
  - {path: ip, type: string, description: Address., evidence: inferred}
`

const hostsMap = `
name: lab-hosts
source: file.hosts
target: inventory
assetClass: host
rows:
  - {from: id, to: asset.assetHeader.externalAssetId}
`

func model(t *testing.T, text string) *transform.Model {
	t.Helper()
	m, err := transform.ParseModel("model", []byte(text))
	require.NoError(t, err)
	return m
}

func TestAModelOfTheUsersOwnIsOneLikeTheOthers(t *testing.T) {
	store := open(t)
	require.ErrorContains(t, store.AddMap(t.Context(), []byte(hostsMap)), `file.hosts`)
	saved, err := store.SaveModel(t.Context(), model(t, hostsModel))
	require.NoError(t, err)
	require.True(t, saved)
	saved, err = store.SaveModel(t.Context(), model(t, hostsModel))
	require.NoError(t, err)
	require.False(t, saved, "it is the same")
	models, err := store.Models(t.Context())
	require.NoError(t, err)
	require.NotNil(t, models.Get("file.hosts"))
	require.NotNil(t, models.Get("qualys-tas.application"))
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap)))
}

func TestWhatMapsRelyOnInAModelStays(t *testing.T) {
	store := open(t)
	save := func(text string) error {
		_, err := store.SaveModel(t.Context(), model(t, text))
		return err
	}
	more := hostsModel + "  - {path: os, type: string, description: System., evidence: inferred}\n"
	fewer := hostsModel[:len(hostsModel)-len("  - {path: ip, type: string, description: Address., evidence: inferred}\n")]
	require.NoError(t, save(hostsModel))
	require.NoError(t, save(fewer), "nothing relies on it yet")
	require.NoError(t, save(hostsModel))
	require.NoError(t, store.AddMap(t.Context(), []byte(hostsMap)))
	require.NoError(t, save(more))
	require.ErrorContains(t, save(hostsModel), "it would have no field os any more; map lab-hosts reads it")
	require.ErrorContains(t, save(more[:len(more)-1]+"\nrecords: findings\n"), "an asset or a finding")
	_, err := store.DeleteMap(t.Context(), "lab-hosts")
	require.NoError(t, err)
	require.ErrorContains(t, save(fewer), "map lab-hosts reads it", "runs went by its versions")
}
