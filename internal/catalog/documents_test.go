package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

func document(text string, endpoints ...source.Endpoint) source.Document {
	sum := sha256.Sum256([]byte(text))
	return source.Document{Hash: hex.EncodeToString(sum[:]), Format: "openapi+json", Data: []byte(text), Endpoints: endpoints}
}

func TestADocumentIsKeptOnceWithItsEndpoints(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	first := document(strings.Repeat("openapi ", 1000),
		source.Endpoint{Method: "GET", Path: "/orders", OperationID: "list", Parameters: 2, Security: "required"},
		source.Endpoint{Method: "POST", Path: "/orders", Deprecated: true, Security: "none"})
	second := document("wsdl")
	for range 2 { // another record has the same one
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Documents: []source.Document{first, second}}, nil, point))
	}
	for _, want := range []source.Document{first, second} {
		kept, err := store.Document(t.Context(), want.Hash)
		require.NoError(t, err)
		require.Equal(t, want.Data, kept.Data)
		require.Equal(t, want.Format, kept.Format)
		require.ElementsMatch(t, want.Endpoints, kept.Endpoints)
	}
	var packed int
	require.NoError(t, store.Pool().QueryRow(t.Context(), "SELECT length(data) FROM documents WHERE hash = $1", first.Hash).Scan(&packed))
	require.Less(t, packed, len(first.Data)/10)
	_, err = store.Document(t.Context(), "0")
	require.ErrorIs(t, err, catalog.ErrNotFound)
}

// TestADocumentMayHaveAnyText: PostgreSQL takes neither NUL nor broken UTF-8.
func TestADocumentMayHaveAnyText(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	odd := document("odd\x00\xff", source.Endpoint{Method: "GE\x00T", Path: "/a\x00\xffb", OperationID: "\x00", Security: "none"})
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Documents: []source.Document{odd}}, nil, point))
	kept, err := store.Document(t.Context(), odd.Hash)
	require.NoError(t, err)
	require.Equal(t, odd.Data, kept.Data, "the document itself is as it was")
	require.Equal(t, []source.Endpoint{{Method: "GE\uFFFDT", Path: "/a\uFFFD\uFFFDb", OperationID: "\uFFFD", Security: "none"}}, kept.Endpoints)
}

func TestWhatARunRemembersIsKnownOnceItsStreamIsComplete(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	recall := func() map[string]string {
		values, err := store.Recall(t.Context(), plan.ProfileID, "APPLICATION", []string{"a", "b", "c"})
		require.NoError(t, err)
		return values
	}
	save := func(values map[string]string) {
		point, err := store.ClaimFetch(t.Context(), ref)
		require.NoError(t, err)
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Remember: values}, nil, point))
	}
	begin := func(execution string) {
		runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "w", FirstRunID: execution}, plan)
		require.NoError(t, err)
		ref.RunID = runID
	}
	save(map[string]string{"a": "1", "b": "1"})
	require.Empty(t, recall(), "what was fetched need not have been written")
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Partial}))
	require.Empty(t, recall(), "the stream was not complete")

	begin("second")
	save(map[string]string{"a": "1", "b": "1"})
	save(map[string]string{"b": "2"})
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded, Complete: []string{"APPLICATION"}}))
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, recall())

	plan.Streams[0].Since = time.Now() // a delta run brings what changed
	begin("third")
	save(map[string]string{"c": "3"})
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded, Complete: []string{"APPLICATION"}}))
	require.Equal(t, map[string]string{"a": "1", "b": "2", "c": "3"}, recall())

	plan.Streams[0].Since = time.Time{} // a full one all that there is
	begin("fourth")
	save(map[string]string{"a": "1"})
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded, Complete: []string{"APPLICATION"}}))
	require.Equal(t, map[string]string{"a": "1"}, recall(), "what comes back has to be delivered anew")
	var left int
	require.NoError(t, store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM remembered").Scan(&left))
	require.Zero(t, left)
}

func TestAKeyIsHeldByOneAtATime(t *testing.T) {
	store := open(t)
	release, err := store.Exclusive(t.Context(), "export of orders")
	require.NoError(t, err)
	other, err := store.Exclusive(t.Context(), "export of shop")
	require.NoError(t, err, "another key is free")
	other()

	got := make(chan func(), 1)
	go func() {
		release, err := store.Exclusive(t.Context(), "export of orders")
		if err == nil {
			got <- release
		}
	}()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = store.Exclusive(short, "export of orders")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, got)
	release()
	(<-got)()
}
