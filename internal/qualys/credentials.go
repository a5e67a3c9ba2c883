package qualys

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/internal/source"
	"sluice/internal/suggest"
)

// A Login is a way of saying who calls.
type Login string

const (
	// UserClient is a token for the id and secret of a client of one user.
	UserClient Login = "a user-level client"
	// SubscriptionClient is a token for those of a client of the subscription.
	SubscriptionClient Login = "a subscription-level client"
	// Basic is user name and password, in each request.
	Basic Login = "user name and password"
	// JWT is a token for user name and password.
	JWT Login = "a token for user name and password"
)

// The values of FieldAuthentication.
const (
	AuthenticationOIDC  = "oidc"
	AuthenticationBasic = "basic"
	AuthenticationJWT   = "jwt"
)

// The values of FieldClientLevel.
const (
	ClientLevelUser         = "user"
	ClientLevelSubscription = "subscription"
)

// credentials are what a connector can say who it is with. At least one of
// the two pairs is complete, none is half.
type credentials struct {
	clientID, clientSecret string
	username, password     string
	level                  Login // of the client
	api                    Login // what the API server gets
}

func (c credentials) hasClient() bool { return c.clientID != "" }
func (c credentials) hasUser() bool   { return c.username != "" }

// gateway is what the gateway gets, which takes tokens only.
func (c credentials) gateway() Login {
	if c.hasClient() {
		return c.level
	}
	return JWT
}

const (
	adviceCreateClient = "create a client under " + createClientAt + " > New Client"
	adviceUser         = "give the user name and password of an account with API access"
)

// readCredentials checks what a connector gives of credentials. Errors never
// quote a secret.
func readCredentials(c source.Connection) (credentials, error) {
	got := credentials{
		clientID: c.Settings[FieldClientID], clientSecret: c.Secrets[FieldClientSecret],
		username: c.Settings[FieldUsername], password: c.Secrets[FieldPassword],
	}
	switch {
	case got == credentials{}:
		return got, source.WrongSetting(FieldClientID, "and "+FieldClientSecret+" are missing, and so are "+FieldUsername+" and "+FieldPassword,
			adviceCreateClient+", or "+adviceUser)
	case got.clientID == "" && got.clientSecret != "":
		return got, source.WrongSetting(FieldClientID, "is missing", adviceCreateClient)
	case got.clientID != "" && got.clientSecret == "":
		return got, source.WrongSetting(FieldClientSecret, "is missing", adviceCreateClient)
	case got.username == "" && got.password != "":
		return got, source.WrongSetting(FieldUsername, "is missing", adviceUser)
	case got.username != "" && got.password == "":
		return got, source.WrongSetting(FieldPassword, "is missing", adviceUser)
	}
	if err := got.checkCharacters(); err != nil {
		return got, err
	}
	if err := got.readLevel(c.Settings[FieldClientLevel]); err != nil {
		return got, err
	}
	return got, got.readAuthentication(c.Settings[FieldAuthentication])
}

func (c *credentials) readLevel(level string) error {
	switch level {
	case "", ClientLevelUser:
		c.level = UserClient
	case ClientLevelSubscription:
		c.level = SubscriptionClient
	default:
		known := []string{ClientLevelUser, ClientLevelSubscription}
		return source.WrongSetting(FieldClientLevel, fmt.Sprintf("%q is not known%s", Short(level), suggest.Ending(level, known)), "leave it out for "+ClientLevelUser)
	}
	if level != "" && !c.hasClient() {
		return source.WrongSetting(FieldClientLevel, "is "+level+", and "+FieldClientID+" and "+FieldClientSecret+" are missing", "give the client's, or leave "+FieldClientLevel+" out")
	}
	return nil
}

func (c *credentials) readAuthentication(how string) error {
	switch how {
	case "":
		if c.api = Basic; c.hasClient() {
			c.api = c.level
		}
	case AuthenticationOIDC:
		if !c.hasClient() {
			return source.WrongSetting(FieldAuthentication, "is "+how+", and "+FieldClientID+" and "+FieldClientSecret+" are missing", adviceCreateClient)
		}
		c.api = c.level
	case AuthenticationBasic, AuthenticationJWT:
		if !c.hasUser() {
			return source.WrongSetting(FieldAuthentication, "is "+how+", and "+FieldUsername+" and "+FieldPassword+" are missing", adviceUser)
		}
		if c.api = Basic; how == AuthenticationJWT {
			c.api = JWT
		}
	default:
		known := []string{AuthenticationOIDC, AuthenticationBasic, AuthenticationJWT}
		return source.WrongSetting(FieldAuthentication, fmt.Sprintf("%q is not known%s", Short(how), suggest.Ending(how, known)),
			"leave it out to use the client id where there is one")
	}
	return nil
}

// checkCharacters makes sure that id and secret can be sent as headers, and
// user name and password by Basic authentication.
func (c credentials) checkCharacters() error {
	const copyAgain = "copy it again, without anything around it"
	for _, f := range []struct{ field, value string }{{FieldClientID, c.clientID}, {FieldClientSecret, c.clientSecret}} {
		bad := strings.IndexFunc(f.value, func(r rune) bool { return r <= ' ' || r >= 0x7f })
		if bad >= 0 || len(f.value) > maxCredential {
			return source.WrongSetting(f.field, "contains a blank, a line break or a character that a client's "+f.field+" never has", copyAgain)
		}
	}
	for _, f := range []struct{ field, value string }{{FieldUsername, c.username}, {FieldPassword, c.password}} {
		if strings.ContainsFunc(f.value, unicode.IsControl) || !utf8.ValidString(f.value) || len(f.value) > maxCredential {
			return source.WrongSetting(f.field, "contains a line break or another character that cannot be typed", copyAgain)
		}
	}
	if strings.Contains(c.username, ":") || strings.TrimSpace(c.username) != c.username {
		return source.WrongSetting(FieldUsername, "contains a colon, or a blank around it, which no user name has", "the password has a field of its own")
	}
	return nil
}

// maxCredential bounds a credential, in bytes.
const maxCredential = 4096
