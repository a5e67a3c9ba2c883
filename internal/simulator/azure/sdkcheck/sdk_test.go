// Package sdkcheck holds the simulated service against Microsoft's own client:
// the Azure SDK for Go, over HTTP. It is a module of its own, so that the SDK is
// no dependency of the project.
package sdkcheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/apimanagement/armapimanagement/v3"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

// entra is a credential for the SDK. The SDK's own refuse a token endpoint
// without TLS.
type entra struct{ baseURL string }

func (e entra) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {azure.DefaultClientID}, "client_secret": {azure.DefaultSecret},
		"scope": {strings.Join(options.Scopes, " ")},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.baseURL+"/"+azure.DefaultTenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return azcore.AccessToken{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var token struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	if response.StatusCode != http.StatusOK {
		return azcore.AccessToken{}, errors.New(response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{Token: token.Token, ExpiresOn: time.Now().Add(time.Duration(token.Expires) * time.Second)}, nil
}

// start serves a simulator and returns what the SDK's clients are made with.
func start(t *testing.T, cfg azure.Config) (*azure.Simulator, azcore.TokenCredential, *arm.ClientOptions) {
	t.Helper()
	cfg.Settings.ReadBucket = -1
	sim, err := azure.New(cfg)
	require.NoError(t, err)
	manager, blob := httptest.NewServer(sim.Handler()), httptest.NewServer(sim.BlobHandler())
	t.Cleanup(manager.Close)
	t.Cleanup(blob.Close)
	sim.SetBlobURL(blob.URL)
	return sim, entra{manager.URL}, &arm.ClientOptions{ClientOptions: policy.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: manager.URL + "/",
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				cloud.ResourceManager: {Endpoint: manager.URL, Audience: "https://management.azure.com/"},
			},
		},
		InsecureAllowCredentialWithHTTP: true,
		Retry:                           policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond},
	}}
}

// all follows a pager to its end.
func all[Page, Row any](t *testing.T, pager *runtime.Pager[Page], rows func(Page) []*Row) []*Row {
	t.Helper()
	var out []*Row
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		require.NoError(t, err)
		out = append(out, rows(page)...)
	}
	return out
}

func TestTheSDKSeesTheWholeEstate(t *testing.T) {
	t.Parallel()
	sim, credential, options := start(t, azure.Config{Subscriptions: 3, Services: 7, APIs: 400, Settings: azure.Settings{PageSize: 30}})
	subscriptions, err := armsubscriptions.NewClient(credential, options)
	require.NoError(t, err)
	want := map[string]azure.API{}
	for api := range sim.Revisions() {
		if api.Type != armType("mcp") { // the SDK's api-version does not list them
			want[api.ID] = api
		}
	}
	services := 0
	for _, subscription := range all(t, subscriptions.NewListPager(nil), func(p armsubscriptions.ClientListResponse) []*armsubscriptions.Subscription { return p.Value }) {
		clients, err := armapimanagement.NewClientFactory(*subscription.SubscriptionID, credential, options)
		require.NoError(t, err)
		for _, service := range all(t, clients.NewServiceClient().NewListPager(nil), func(p armapimanagement.ServiceClientListResponse) []*armapimanagement.ServiceResource { return p.Value }) {
			services++
			require.NotEmpty(t, *service.Properties.GatewayURL)
			id, err := arm.ParseResourceID(*service.ID)
			require.NoError(t, err)
			pager := clients.NewAPIClient().NewListByServicePager(id.ResourceGroupName, id.Name, &armapimanagement.APIClientListByServiceOptions{ExpandAPIVersionSet: to.Ptr(true)})
			rows := all(t, pager, func(p armapimanagement.APIClientListByServiceResponse) []*armapimanagement.APIContract {
				return p.Value
			})
			workspaces := clients.NewWorkspaceClient().NewListByServicePager(id.ResourceGroupName, id.Name, nil)
			if tier := azure.Tier(*service.SKU.Name); tier.HasWorkspaces() {
				for _, w := range all(t, workspaces, func(p armapimanagement.WorkspaceClientListByServiceResponse) []*armapimanagement.WorkspaceContract {
					return p.Value
				}) {
					rows = append(rows, all(t, clients.NewWorkspaceAPIClient().NewListByServicePager(id.ResourceGroupName, id.Name, *w.Name, nil),
						func(p armapimanagement.WorkspaceAPIClientListByServiceResponse) []*armapimanagement.APIContract {
							return p.Value
						})...)
				}
			} else {
				_, err := workspaces.NextPage(t.Context())
				var failed *azcore.ResponseError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, "MethodNotAllowedInPricingTier", failed.ErrorCode)
			}
			for _, row := range rows {
				truth, known := want[*row.ID]
				require.True(t, known, *row.ID)
				delete(want, *row.ID)
				compare(t, truth, row)
			}
		}
	}
	require.Equal(t, 7, services)
	require.Empty(t, want)
}

func armType(name string) azure.Type { return azure.Type(name) }

func compare(t *testing.T, truth azure.API, row *armapimanagement.APIContract) {
	t.Helper()
	require.Equal(t, truth.Name, *row.Name)
	require.Equal(t, truth.DisplayName, *row.Properties.DisplayName)
	require.Equal(t, truth.Path, *row.Properties.Path)
	require.Equal(t, truth.KeyRequired, *row.Properties.SubscriptionRequired)
	require.Equal(t, truth.Current, row.Properties.IsCurrent != nil && *row.Properties.IsCurrent)
	if truth.Type == armType("http") {
		require.Nil(t, row.Properties.APIType)
	} else {
		require.Equal(t, string(truth.Type), string(*row.Properties.APIType))
	}
}

// one is an API that exports without trouble, with the clients for it.
func one(t *testing.T, sim *azure.Simulator, credential azcore.TokenCredential, options *arm.ClientOptions, fits func(azure.API) bool) (azure.API, *armapimanagement.ClientFactory) {
	t.Helper()
	for api := range sim.Revisions() {
		if api.Type == armType("http") && api.Workspace == "" && fits(api) {
			clients, err := armapimanagement.NewClientFactory(api.SubscriptionID, credential, options)
			require.NoError(t, err)
			return api, clients
		}
	}
	require.Fail(t, "the estate has no such API")
	return azure.API{}, nil
}

func TestTheSDKLosesTheLinkOfALiveExport(t *testing.T) {
	t.Parallel()
	sim, credential, options := start(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 20, Broken: azure.None, Odd: azure.None})
	api, clients := one(t, sim, credential, options, func(a azure.API) bool { return a.Current })
	export := func() armapimanagement.APIExportClientGetResponse {
		out, err := clients.NewAPIExportClient().Get(t.Context(), api.ResourceGroup, api.Service, api.Name,
			armapimanagement.ExportFormat("openapi+json-link"), armapimanagement.ExportAPITrue, nil)
		require.NoError(t, err)
		return out
	}
	require.Nil(t, export().Value, "shape A, which is what live services were recorded with")

	settings := sim.Settings()
	settings.Shape = azure.ShapeB
	require.NoError(t, sim.Configure(settings))
	documented := export()
	require.NotNil(t, documented.Value, "shape B, which is what the specification says")
	require.Contains(t, *documented.Value.Link, "/api-export/")
	require.Equal(t, armapimanagement.ExportResultFormat("openapi+json-link"), *documented.ExportResultFormat)

	settings.Shape = azure.ShapeC
	require.NoError(t, sim.Configure(settings))
	require.Nil(t, export().Value)
}

func TestTheSDKReadsOneAPIWithItsChildren(t *testing.T) {
	t.Parallel()
	sim, credential, options := start(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	api, clients := one(t, sim, credential, options, func(a azure.API) bool { return !a.Current && !a.Specification.Broken() })
	item, err := clients.NewAPIClient().Get(t.Context(), api.ResourceGroup, api.Service, api.Name, nil)
	require.NoError(t, err)
	require.Equal(t, api.ETag, *item.ETag)
	compare(t, api, &item.APIContract)
	head, err := clients.NewAPIClient().GetEntityTag(t.Context(), api.ResourceGroup, api.Service, api.Name, nil)
	require.NoError(t, err)
	require.Equal(t, api.ETag, *head.ETag)

	root, _, _ := strings.Cut(api.Name, ";rev=")
	revisions := all(t, clients.NewAPIRevisionClient().NewListByServicePager(api.ResourceGroup, api.Service, root, nil),
		func(p armapimanagement.APIRevisionClientListByServiceResponse) []*armapimanagement.APIRevisionContract {
			return p.Value
		})
	require.Greater(t, len(revisions), 1)
	require.NotNil(t, revisions[0].CreatedDateTime)
	operations := all(t, clients.NewAPIOperationClient().NewListByAPIPager(api.ResourceGroup, api.Service, api.Name, nil),
		func(p armapimanagement.APIOperationClientListByAPIResponse) []*armapimanagement.OperationContract {
			return p.Value
		})
	require.Len(t, operations, len(api.Specification.Endpoints))
	schemas := all(t, clients.NewAPISchemaClient().NewListByAPIPager(api.ResourceGroup, api.Service, api.Name, nil),
		func(p armapimanagement.APISchemaClientListByAPIResponse) []*armapimanagement.SchemaContract {
			return p.Value
		})
	require.Len(t, schemas, 1)
	sets := all(t, clients.NewAPIVersionSetClient().NewListByServicePager(api.ResourceGroup, api.Service, nil),
		func(p armapimanagement.APIVersionSetClientListByServiceResponse) []*armapimanagement.APIVersionSetContract {
			return p.Value
		})
	require.NotEmpty(t, sets)
	_, err = clients.NewAPIClient().Get(t.Context(), api.ResourceGroup, api.Service, "none", nil)
	var failed *azcore.ResponseError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, http.StatusNotFound, failed.StatusCode)
	require.Equal(t, "ResourceNotFound", failed.ErrorCode)
}

func TestTheSDKRetriesWhatIsThrottled(t *testing.T) {
	t.Parallel()
	sim, credential, options := start(t, azure.Config{Subscriptions: 2})
	require.NoError(t, sim.SetFaults(azure.Fault{Of: azure.Subscriptions, Fault: faults.Fault{Kind: faults.Throttle, Times: 2}}))
	subscriptions, err := armsubscriptions.NewClient(credential, options)
	require.NoError(t, err)
	rows := all(t, subscriptions.NewListPager(nil), func(p armsubscriptions.ClientListResponse) []*armsubscriptions.Subscription { return p.Value })
	require.Len(t, rows, 2)
	require.EqualValues(t, 3, sim.Counts().Calls[azure.Subscriptions])
}
