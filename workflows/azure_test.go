package workflows_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
	"sluice/workflows"
)

// azureStage is a stage with a simulated Azure.
type azureStage struct {
	*stage
	vendor *azure.Simulator
}

func newAzureStage(t *testing.T, estate azure.Config, with setup) azureStage {
	vendor, err := azure.New(estate)
	require.NoError(t, err)
	arm, blobs := httptest.NewServer(vendor.Handler()), httptest.NewServer(vendor.BlobHandler())
	t.Cleanup(arm.Close)
	t.Cleanup(blobs.Close)
	vendor.SetBlobURL(blobs.URL)
	with.kind = "azure-apim"
	settings := map[string]string{
		"tenantId": azure.DefaultTenantID, "clientId": azure.DefaultClientID, "authorityURL": arm.URL, "armURL": arm.URL, "blobHost": strings.TrimPrefix(blobs.URL, "http://"),
	}
	maps.Copy(settings, with.settings)
	s := stageOf(t, with, catalog.Connector{Name: "vendor", Provider: "azure", Active: true, Settings: settings},
		map[string]string{"clientSecret": azure.DefaultSecret})
	return azureStage{s, vendor}
}

// apiRow is what the inventory should have of an API.
type apiRow struct {
	Name, URL, Type, Service, ResourceGroup, Subscription, Path, Format, Document string
	Endpoints                                                                     int
}

// requireTruth holds the active APIs, the documents that they refer to, and the
// endpoints of these against the vendor's truth.
func (s azureStage) requireTruth() {
	t := s.t
	t.Helper()
	truth := make(map[string]apiRow)
	for a := range s.vendor.APIs() {
		row := apiRow{Name: a.DisplayName, URL: withoutScheme(a.PublicURL), Type: string(a.Type), Service: a.Service, ResourceGroup: a.ResourceGroup,
			Subscription: a.SubscriptionID, Path: a.Path, Format: string(a.Specification.Format), Document: hashOf(a.Specification.Data)}
		if a.Specification.Readable {
			row.Endpoints = len(a.Specification.Endpoints)
		}
		truth[strings.ToLower(a.ID)] = row
	}
	rows, err := s.store.Pool().Query(t.Context(), `
		SELECT external_id, coalesce(name, ''), coalesce(url, ''), type, service, resource_group, subscription_id, coalesce(attributes->>'path', ''),
		       coalesce(format, ''), coalesce(specification_hash, ''), endpoints
		  FROM api_list WHERE status = 'active'`)
	require.NoError(t, err)
	stored := make(map[string]apiRow)
	hashes := make(map[string]string)
	var id, hash string
	var row apiRow
	_, err = pgx.ForEachRow(rows, []any{&id, &row.Name, &row.URL, &row.Type, &row.Service, &row.ResourceGroup, &row.Subscription, &row.Path,
		&row.Format, &hash, &row.Endpoints}, func() error {
		row.URL = withoutScheme(row.URL)
		stored[id], hashes[id] = row, hash
		return nil
	})
	require.NoError(t, err)
	documents := make(map[string]string)
	for id, row := range stored {
		if hash := hashes[id]; hash != "" {
			if _, read := documents[hash]; !read {
				d, err := s.store.Document(t.Context(), hash)
				require.NoError(t, err)
				documents[hash] = hashOf(d.Data)
			}
			row.Document = documents[hash]
		}
		want, known := truth[id]
		if known {
			stored[id] = alike(row, want)
		}
	}
	requireSame(t, truth, stored)
}

// withoutScheme leaves out what the vendor does not say: an API may have
// several protocols.
func withoutScheme(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return rest
}

// hashOf is what a document is kept by; empty for none.
func hashOf(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// alike makes equal what need not be: a list of operations that the kind writes
// itself, and what cannot be counted in a document that is broken.
func alike(row, want apiRow) apiRow {
	if want.Document == "" && (row.Format == "operations+json" || want.Format == "") {
		row.Document, row.Format = "", want.Format
	}
	if want.Endpoints == 0 {
		row.Endpoints = 0
		if row.Format == "unknown" { // what cannot be read at all may be anything
			row.Format = want.Format
		}
	}
	return row
}

// nuisances are faults that a run gets over, each on a share of the calls.
func nuisances(share float64) []azure.Fault {
	var list []azure.Fault
	for _, f := range []faults.Fault{
		{Kind: faults.HTTPError, Status: 503}, {Kind: faults.HTTPError, Status: 500}, {Kind: faults.HangUp}, {Kind: faults.Cut}, {Kind: faults.Throttle, RetryAfter: 1},
	} {
		f.Share = share
		list = append(list, azure.Fault{Fault: f})
	}
	return list
}

func TestAPIsAndTheirSpecificationsEqualTheVendorsTruth(t *testing.T) {
	t.Parallel()
	s := newAzureStage(t, azure.Config{Seed: 21, Subscriptions: 2, Services: 4, APIs: 120, Odd: azure.None, Settings: azure.Settings{ReadBucket: -1}}, setup{})
	require.NoError(t, s.vendor.SetFaults(nuisances(0.01)...))
	s.requireAzureCourse()
}

// requireAzureCourse runs in full, then for what changed, then in full for what
// does not move an ETag, and holds the inventory against the truth each time.
func (s azureStage) requireAzureCourse() {
	t := s.t
	run := func(mode lifecycle.Mode) workflows.Result {
		result, err := s.run(workflows.Input{Profile: s.profile, Mode: mode})
		require.NoError(t, err)
		require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
		return result
	}
	first := run(lifecycle.Auto)
	require.Equal(t, lifecycle.Full, first.Mode)
	s.requireTruth()

	s.vendor.Pass(time.Hour)
	_, err := s.vendor.Advance(azure.Change{Added: 0.03, Edited: 0.05, Described: 0.03})
	require.NoError(t, err)
	delta := run(lifecycle.Auto)
	require.Equal(t, lifecycle.Delta, delta.Mode)
	require.Positive(t, delta.Assets.Created)
	require.Positive(t, delta.Assets.Updated)
	require.Less(t, delta.Assets.Total(), first.Assets.Total()/2, "it brought only what changed")
	s.requireTruth()

	s.vendor.Pass(time.Hour)
	_, err = s.vendor.Advance(azure.Change{Removed: 0.03, Silent: 0.05})
	require.NoError(t, err)
	s.vendor.Pass(8 * 24 * time.Hour) // beyond the interval after which every specification is exported again
	full := run(lifecycle.Full)
	require.Positive(t, full.Stale)
	s.requireTruth()
}

func TestAnUnreadableScopeKeepsItsAPIs(t *testing.T) {
	t.Parallel()
	s := newAzureStage(t, azure.Config{Seed: 22, Subscriptions: 2, Services: 4, APIs: 40, Settings: azure.Settings{ReadBucket: -1}}, setup{})
	first, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, first.Outcome, first.Reason)

	var service azure.Service
	for service = range s.vendor.Services() {
		break
	}
	settings := s.vendor.Settings()
	settings.Unreadable = append(slices.Clone(settings.Unreadable), service.Path)
	require.NoError(t, s.vendor.Configure(settings))
	blind, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, blind.Outcome)
	require.Contains(t, blind.Reason, "could not be read")
	require.Zero(t, blind.Stale)
	s.requireTruth()
}
