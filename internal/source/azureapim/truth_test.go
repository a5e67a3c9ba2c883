package azureapim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	vendor "sluice/internal/simulator/azure"
	"sluice/internal/source"
)

// requireTruth holds a stream against what the simulator says there is.
func requireTruth(t *testing.T, got stream, want map[string]vendor.API) {
	t.Helper()
	require.NoError(t, got.err)
	require.Empty(t, got.unread)
	require.Empty(t, got.setAside)
	require.Empty(t, got.last.Doubt)
	require.Len(t, got.apis, len(want))
	met := map[string]bool{}
	for _, a := range got.apis {
		w, known := want[a.ID]
		require.True(t, known, a.ID)
		require.False(t, met[a.ID], "twice: %s", a.ID)
		met[a.ID] = true
		requireAPI(t, a, w)
		requireSpecification(t, a, w.Specification, got.documents)
	}
}

func requireAPI(t *testing.T, a api, w vendor.API) {
	t.Helper()
	require.Equal(t, []any{w.SubscriptionID, w.ResourceGroup, w.Service, w.Workspace, w.Name}, []any{a.SubscriptionID, a.ResourceGroups, a.Service, a.Workspace.Name, a.Name}, a.ID)
	require.Equal(t, []any{w.DisplayName, w.Description, w.Path, w.Backend}, []any{a.Properties.DisplayName, a.Properties.Description, a.Properties.Path, a.Properties.ServiceURL}, a.ID)
	require.Equal(t, []any{string(w.Type), w.Protocols, w.VersionSet, w.Scheme, w.Current, w.ETag}, []any{a.Type, a.Properties.Protocols, a.VersionSet.Name, a.VersionSet.VersioningScheme, a.IsCurrent, a.ETag}, a.ID)
	require.Equal(t, []any{w.Created, w.Updated, w.GatewayURL}, []any{a.Revision.CreatedDateTime, a.Revision.UpdatedDateTime, a.ServiceProperties.GatewayURL}, a.ID)
	require.Equal(t, afterScheme(w.PublicURL), afterScheme(a.PublicURL), a.ID)
	if w.Workspace == "" {
		require.ElementsMatch(t, w.Tags, a.Tags, a.ID)
	}
	for flag, is := range map[string]bool{"offline": !w.Online, "not-current": !w.Current, "no-subscription-required": !w.KeyRequired} {
		require.Equal(t, is, contains(a.Specification.Flags, flag), "%s of %s", flag, a.ID)
	}
}

func requireSpecification(t *testing.T, a api, w vendor.Specification, documents map[string]source.Document) {
	t.Helper()
	is := a.Specification
	if w.Format == "" {
		require.Empty(t, is.Hash, a.ID)
		require.Empty(t, a.MasifLocation)
		require.NotEmpty(t, is.Reason, a.ID)
		require.False(t, a.Readiness.Ready)
		return
	}
	require.NotEmpty(t, is.Hash, "%s: %s", a.ID, is.Reason)
	require.Equal(t, "sluice:document/"+is.Hash, a.MasifLocation)
	document := documents[is.Hash]
	if w.Data != nil && len(w.Data) == 0 { // what is empty is no document
		require.Equal(t, "operations+json", is.Format)
		require.Contains(t, is.Reason, "is empty")
		require.False(t, a.Readiness.Ready)
		return
	}
	require.Len(t, document.Data, is.Bytes, a.ID)
	if w.Data != nil {
		require.Equal(t, string(w.Data), string(document.Data), a.ID)
		sum := sha256.Sum256(w.Data)
		require.Equal(t, hex.EncodeToString(sum[:]), is.Hash)
	}
	if !w.Readable {
		require.NotEmpty(t, is.Reason, "%s (%s)", a.ID, w.Defect)
		require.False(t, a.Readiness.Ready)
		return
	}
	require.Equal(t, string(w.Format), is.Format, a.ID)
	require.Len(t, document.Endpoints, is.Endpoints)
	require.Equal(t, len(w.Endpoints), is.Endpoints, "%s (%s)", a.ID, w.Defect)
	if !strings.Contains(is.Format, "json") || w.Defect != "" {
		return // of these the number was held against the truth
	}
	want, have := make([]string, is.Endpoints), make([]string, is.Endpoints)
	for i, e := range document.Endpoints {
		want[i], have[i] = w.Endpoints[i].Method+" "+w.Endpoints[i].Path, e.Method+" "+e.Path
	}
	if is.Format == "operations+json" { // in an order of its own
		require.ElementsMatch(t, want, have, a.ID)
		return
	}
	require.Equal(t, want, have, a.ID)
}

func afterScheme(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return rest
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// truth is what the simulator has, by external id.
func (s simulated) truth(revisions bool) map[string]vendor.API {
	out := map[string]vendor.API{}
	list := s.APIs()
	if revisions {
		list = s.Revisions()
	}
	for a := range list {
		out[strings.ToLower(a.ID)] = a
	}
	return out
}

func TestAFullRunReadsEverythingThatThereIs(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	requireTruth(t, read(t, s, all()), s.truth(false))
	require.Zero(t, s.Counts().WrongBlobs)
}

func TestAllRevisionsAreRead(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	requireTruth(t, read(t, s, filtered(all(), "revisions", "all")), s.truth(true))
}
