package qualys

import (
	"slices"
	"strings"

	"sluice/internal/source"
)

// An Access is who may call an application of Qualys, and where it is.
type Access struct {
	Application string // in messages: "TotalAppSec"
	Gateway     bool   // it is behind the gateway; else on the API server
	Logins      []Login
}

// Who may call what is documented where nothing else is said (Qualys
// documentation: API authentication, and the API user guide of each module).
var (
	// TotalAppSec takes no other client than one of a user.
	TotalAppSec = Access{"TotalAppSec", true, []Login{UserClient}}
	// WAS takes no client of the subscription. That it takes JWT is inferred:
	// it takes the tokens of a user's client, and those of /auth are alike.
	WAS = Access{"WAS", false, []Login{UserClient, Basic, JWT}}
	// VM takes tokens where the subscription has been enabled for them; that
	// they may be those of a subscription-level client is inferred.
	VM = Access{"VM", false, []Login{Basic, UserClient, SubscriptionClient, JWT}}
	// The other applications behind the gateway take every token; for those of
	// a subscription-level client that is inferred.
	FIM = Access{"FIM", true, []Login{UserClient, SubscriptionClient, JWT}}
	PM  = Access{"PM", true, FIM.Logins}
	ETM = Access{"ETM", true, FIM.Logins}
)

// Need returns an error when the connector cannot call an application, by what
// it has, with what to do. It makes no call.
func (c *Client) Need(a Access) error {
	login := c.credentials.api
	if a.Gateway {
		login = c.credentials.gateway()
	} else if err := c.needAPIServer(a.Application); err != nil {
		return err
	}
	switch {
	case slices.Contains(a.Logins, login):
		return nil
	case login == SubscriptionClient:
		advice := "create a user-level client under " + createClientAt + " > New Client, give its id and secret, and leave " + FieldClientLevel + " out"
		if slices.Contains(a.Logins, Basic) {
			advice += "; or give " + FieldUsername + " and " + FieldPassword + ", and " + FieldAuthentication + " " + AuthenticationBasic
		}
		return source.WrongSetting(FieldClientLevel, "is "+ClientLevelSubscription+": "+a.Application+" takes no subscription-level clients", advice)
	}
	return source.WrongSetting(FieldClientID, "and "+FieldClientSecret+" are missing: "+a.Application+" takes no user name and password", adviceCreateClient)
}

// needAPIServer returns an error when it is not known where the API server is.
func (c *Client) needAPIServer(who string) error {
	if c.Endpoint.API == "" {
		return source.WrongSetting(FieldAPIServer, "is missing: the API server of "+c.Endpoint.where()+" is not known, and "+who+" needs it",
			"give the API URL of the subscription; Qualys shows it under Help > About")
	}
	return nil
}

// String names the ways to log in, for people: "a user-level client, or user
// name and password".
func (a Access) String() string {
	var names []string
	for _, l := range a.Logins {
		names = append(names, string(l))
	}
	return strings.Join(names, ", or ")
}
