// Package qualys holds what all Qualys kinds share: the platforms, the fields
// of a connector, credentials and tokens, and error bodies.
package qualys

import (
	"strings"

	"sluice/internal/source"
)

// Provider describes a connector to Qualys.
func Provider() source.Provider {
	return source.Provider{
		Name:  "qualys",
		Title: "Qualys",
		Fields: []source.Field{
			{Name: FieldBaseURL, Help: "gateway URL of the subscription's platform, such as https://gateway.qg1.apps.qualys.com (or give platform)"},
			{Name: FieldPlatform, Help: "platform of the subscription (or give baseURL): " + strings.Join(platformNames(), ", ")},
			{Name: FieldAPIServer, Help: "API server of WAS and VM, for private clouds whose address does not follow from baseURL: https://qualysapi.example.com"},
			{Name: FieldAuthentication, Help: "what the API server gets: " + AuthenticationOIDC + " (client id and secret; the default where there is a client id), " + AuthenticationBasic + " (user name and password) or " + AuthenticationJWT + " (a token for user name and password)"},
			{Name: FieldClientLevel, Help: "level of the client: " + ClientLevelUser + " (default) or " + ClientLevelSubscription + ", which TotalAppSec and WAS do not take"},
			{Name: FieldClientID, Help: "client id, from " + createClientAt + "; TotalAppSec needs one"},
			{Name: FieldClientSecret, Secret: true, Help: "client secret, shown once when the client is created"},
			{Name: FieldUsername, Help: "user name of an account with API access, instead of a client id for all but TotalAppSec"},
			{Name: FieldPassword, Secret: true, Help: "password of the user name"},
			{Name: FieldDialect, Help: "how TotalAppSec searches are phrased: " + DialectQPS + " (default) or " + DialectGateway},
			{Name: FieldPageSize, Help: "records asked for at a time, 1 to 1000 (default 1000); smaller pages where answers time out"},
			{Name: FieldWASFormat, Help: "how WAS is spoken to: " + WASFormatJSON + " (default) or " + WASFormatXML + ", should the former not work"},
			{Name: FieldConcurrency, Help: "calls of one list of VM, or search of WAS, at the same time: 1 to 10 (default 2, the limit of most subscriptions)"},
			{Name: FieldSubscription, Help: "name of the subscription, the same at all connectors whose calls count against its limits (default: the API server's host, which is right unless connectors of several subscriptions call the same one)"},
		},
		Check: func(c source.Connection) error {
			for _, check := range []func(source.Connection) error{
				checked(ResolveEndpoint), checked(readCredentials), checkDialect, checked(PageSize), checked(Concurrency), checked(WASFormat), checkSubscription,
			} {
				if err := check(c); err != nil {
					return err
				}
			}
			return nil
		},
		Note: func(c source.Connection) string {
			at, err := ResolveEndpoint(c)
			if err != nil {
				return ""
			}
			return at.Note
		},
		Normalise:    normalise,
		Subscription: Subscription,
	}
}

// checked is a reading of settings of which only the error matters.
func checked[T any](read func(source.Connection) (T, error)) func(source.Connection) error {
	return func(c source.Connection) error {
		_, err := read(c)
		return err
	}
}
