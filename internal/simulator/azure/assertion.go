package azure

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// checkAssertion checks a signed statement of an app that it is the one
// (Microsoft documentation: application authentication certificate
// credentials). It returns the code and the text of what is wrong, or 0. Times
// are held against Config.Clock, since the caller does not know the simulated
// time.
func (s *Simulator) checkAssertion(r *http.Request, app *App, form url.Values) (code int, message string) {
	const malformed, unknownKey = 50027, 700027
	var header struct {
		Algorithm string `json:"alg"`
		SHA1      string `json:"x5t"`
		SHA256    string `json:"x5t#S256"`
	}
	var claims struct {
		Audience string `json:"aud"`
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Expires  int64  `json:"exp"`
		Started  int64  `json:"nbf"`
	}
	assertion := form.Get("client_assertion")
	parts := strings.Split(assertion, ".")
	if form.Get("client_assertion_type") != assertionType || len(parts) != 3 {
		return malformed, "JWT token is invalid or malformed."
	}
	var raw [3][]byte
	for i := range parts {
		var err error
		if raw[i], err = encoding.DecodeString(parts[i]); err != nil {
			return malformed, "JWT token is invalid or malformed."
		}
	}
	if json.Unmarshal(raw[0], &header) != nil || json.Unmarshal(raw[1], &claims) != nil {
		return malformed, "JWT token is invalid or malformed."
	}
	if app.Certificate == nil || !names(app, header.SHA1, header.SHA256) {
		return unknownKey, "The certificate with identifier used to sign the client assertion is not registered on application."
	}
	key, isRSA := app.Certificate.PublicKey.(*rsa.PublicKey)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch {
	case isRSA && header.Algorithm == "PS256" && rsa.VerifyPSS(key, crypto.SHA256, digest[:], raw[2], nil) == nil:
	case isRSA && header.Algorithm == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw[2]) == nil:
	default:
		return unknownKey, "Client assertion failed signature validation."
	}
	_, audience, _ := strings.Cut(claims.Audience, "://")
	now := s.clock().Unix()
	switch {
	case claims.Issuer != app.ClientID || claims.Subject != app.ClientID:
		return 700021, "Client assertion application identifier doesn't match 'client_id' parameter."
	case audience != r.Host+r.URL.Path:
		return 700023, "Client assertion audience claim does not match Realm issuer."
	case now >= claims.Expires || now < claims.Started-int64(clockSkew.Seconds()):
		return 700024, "Client assertion is not within its valid time range."
	}
	return 0, ""
}

// names tells whether one of two thumbprints is that of the app's certificate.
func names(app *App, bySHA1, bySHA256 string) bool {
	short, long := sha1.Sum(app.Certificate.Raw), sha256.Sum256(app.Certificate.Raw)
	return bySHA1 == encoding.EncodeToString(short[:]) || bySHA256 == encoding.EncodeToString(long[:])
}
