package catalog_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
)

func TestASampleIsTakenOnce(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "acme"), "apps")
	for _, records := range [][]byte{[]byte("{\"id\":1}\n{\"id\":2}\n"), bytes.Repeat([]byte("x"), catalog.MaxSample)} {
		id, err := store.SaveSample(t.Context(), p.ID, records)
		require.NoError(t, err)
		taken, err := store.TakeSample(t.Context(), id)
		require.NoError(t, err)
		require.True(t, bytes.Equal(records, taken))
		_, err = store.TakeSample(t.Context(), id)
		require.ErrorIs(t, err, catalog.ErrNotFound)
	}
	_, err := store.SaveSample(t.Context(), p.ID, make([]byte, catalog.MaxSample+1))
	require.ErrorContains(t, err, "16777216 is the limit")
}

func TestASampleThatNobodyTakesIsDeletedAfterAnHour(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "acme"), "apps")
	_, err := store.SaveSample(t.Context(), p.ID, []byte("{}\n"))
	require.NoError(t, err)
	for deleted, in := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		done, err := store.CleanUp(t.Context(), catalog.Retention{Raw: 24 * time.Hour, Log: 24 * time.Hour}, time.Now().Add(in))
		require.NoError(t, err)
		require.Equal(t, catalog.Cleaned{Samples: int64(deleted)}, done, in)
	}
}

func TestASampleGoesWithItsProfile(t *testing.T) {
	store := open(t)
	p := profile(t, store, connector(t, store, "acme"), "apps")
	id, err := store.SaveSample(t.Context(), p.ID, []byte("{}\n"))
	require.NoError(t, err)
	require.NoError(t, store.DeleteProfile(t.Context(), "apps"))
	_, err = store.TakeSample(t.Context(), id)
	require.ErrorIs(t, err, catalog.ErrNotFound)
}
