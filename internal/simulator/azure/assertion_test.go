package azure_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
)

// certificate makes a key and a certificate for it.
func certificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: start.Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return key, parsed
}

func TestAnAppProvesItselfWithACertificate(t *testing.T) {
	t.Parallel()
	key, registered := certificate(t)
	stranger, _ := certificate(t)
	const id = "c0ffee00-1234-4abc-8def-00000000000c"
	c := connect(t, azure.Config{Subscriptions: 1, Apps: append(azure.DefaultApps(), azure.App{TenantID: azure.DefaultTenantID, ClientID: id, Certificate: registered})})
	path := "/" + azure.DefaultTenantID + v2
	sum := sha256.Sum256(registered.Raw)
	encode := base64.RawURLEncoding.EncodeToString
	sign := func(key *rsa.PrivateKey, change func(header, claims tree)) answer {
		header := tree{"alg": "PS256", "typ": "JWT", "x5t#S256": encode(sum[:])}
		claims := tree{"aud": c.arm + path, "iss": id, "sub": id, "jti": "1", "nbf": start.Unix(), "exp": start.Add(10 * time.Minute).Unix()}
		change(header, claims)
		var text string
		for i, part := range []tree{header, claims} {
			data, err := json.Marshal(part)
			require.NoError(t, err)
			if i > 0 {
				text += "."
			}
			text += encode(data)
		}
		digest := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil)
		require.NoError(t, err)
		if header["alg"] == "RS256" {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
			require.NoError(t, err)
		}
		return c.signInForm(path, "grant_type", "client_credentials", "client_id", id, "scope", managerScope,
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", text+"."+encode(signature))
	}
	for _, algorithm := range []string{"PS256", "RS256"} {
		a := sign(key, func(header, _ tree) { header["alg"] = algorithm })
		require.Equal(t, 200, a.status, "%s", a.body)
		c.token = a.tree(t)["access_token"].(string)
		require.Len(t, c.list("/subscriptions?api-version="+managerVersion), 1)
	}
	for name, test := range map[string]struct {
		key    *rsa.PrivateKey
		change func(header, claims tree)
		code   float64
	}{
		"another key":         {stranger, func(_, _ tree) {}, 700027},
		"another certificate": {key, func(header, _ tree) { header["x5t#S256"] = "x" }, 700027},
		"no algorithm":        {key, func(header, _ tree) { header["alg"] = "none" }, 700027},
		"another app":         {key, func(_, claims tree) { claims["sub"] = azure.DefaultClientID }, 700021},
		"another endpoint":    {key, func(_, claims tree) { claims["aud"] = "https://login.example/x" }, 700023},
		"ended":               {key, func(_, claims tree) { claims["exp"] = start.Unix() }, 700024},
	} {
		a := sign(test.key, test.change)
		require.Equal(t, 401, a.status, name)
		require.Equal(t, []any{test.code}, a.tree(t)["error_codes"], name)
	}
	a := c.signInForm(path, "grant_type", "client_credentials", "client_id", id, "client_secret", "guess", "scope", managerScope)
	require.Equal(t, 401, a.status, "it has no secret")
	a = c.signInForm(path, credentials("scope", managerScope, "client_assertion", "x")...)
	require.Equal(t, []any{50027.0}, a.tree(t)["error_codes"])
}
