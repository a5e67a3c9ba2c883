package qualys

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/internal/source"
	"sluice/internal/suggest"
)

// The values of FieldAuthentication.
const (
	AuthenticationOIDC  = "oidc"
	AuthenticationBasic = "basic"
)

// credentials are what a connector can say who it is with. At least one of
// the two pairs is complete, none is half.
type credentials struct {
	clientID, clientSecret string
	username, password     string
	// basic says that the API server gets user name and password. The gateway
	// takes tokens only.
	basic bool
}

func (c credentials) hasClient() bool { return c.clientID != "" }
func (c credentials) hasUser() bool   { return c.username != "" }

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
		return got, setting(FieldClientID, "and "+FieldClientSecret+" are missing, and so are "+FieldUsername+" and "+FieldPassword,
			adviceCreateClient+", or "+adviceUser)
	case got.clientID == "" && got.clientSecret != "":
		return got, setting(FieldClientID, "is missing", adviceCreateClient)
	case got.clientID != "" && got.clientSecret == "":
		return got, setting(FieldClientSecret, "is missing", adviceCreateClient)
	case got.username == "" && got.password != "":
		return got, setting(FieldUsername, "is missing", adviceUser)
	case got.username != "" && got.password == "":
		return got, setting(FieldPassword, "is missing", adviceUser)
	}
	if err := got.checkCharacters(); err != nil {
		return got, err
	}
	switch how := c.Settings[FieldAuthentication]; how {
	case "":
		got.basic = !got.hasClient()
	case AuthenticationOIDC:
		if !got.hasClient() {
			return got, setting(FieldAuthentication, "is "+how+", and "+FieldClientID+" and "+FieldClientSecret+" are missing", adviceCreateClient)
		}
	case AuthenticationBasic:
		if !got.hasUser() {
			return got, setting(FieldAuthentication, "is "+how+", and "+FieldUsername+" and "+FieldPassword+" are missing", adviceUser)
		}
		got.basic = true
	default:
		known := []string{AuthenticationOIDC, AuthenticationBasic}
		return got, setting(FieldAuthentication, fmt.Sprintf("%q is not known%s", Short(how), suggest.Ending(how, known)),
			"leave it out to use the client id where there is one")
	}
	return got, nil
}

// checkCharacters makes sure that id and secret can be sent as headers, and
// user name and password by Basic authentication.
func (c credentials) checkCharacters() error {
	const copyAgain = "copy it again, without anything around it"
	for _, f := range []struct{ field, value string }{{FieldClientID, c.clientID}, {FieldClientSecret, c.clientSecret}} {
		bad := strings.IndexFunc(f.value, func(r rune) bool { return r <= ' ' || r >= 0x7f })
		if bad >= 0 || len(f.value) > maxCredential {
			return setting(f.field, "contains a blank, a line break or a character that a client's "+f.field+" never has", copyAgain)
		}
	}
	for _, f := range []struct{ field, value string }{{FieldUsername, c.username}, {FieldPassword, c.password}} {
		if strings.ContainsFunc(f.value, unicode.IsControl) || !utf8.ValidString(f.value) || len(f.value) > maxCredential {
			return setting(f.field, "contains a line break or another character that cannot be typed", copyAgain)
		}
	}
	if strings.Contains(c.username, ":") || strings.TrimSpace(c.username) != c.username {
		return setting(FieldUsername, "contains a colon, or a blank around it, which no user name has", "the password has a field of its own")
	}
	return nil
}

// maxCredential bounds a credential, in bytes.
const maxCredential = 4096
