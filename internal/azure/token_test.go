package azure_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
)

func TestTokensAreAskedForOnceAndUsed(t *testing.T) {
	t.Parallel()
	for version, c := range map[string]struct{ path, name, value string }{
		"":            {"/oauth2/token", "resource", "https://management.azure.com/"},
		azure.TokenV1: {"/oauth2/token", "resource", "https://management.azure.com/"},
		azure.TokenV2: {"/oauth2/v2.0/token", "scope", "https://management.azure.com/.default"},
	} {
		at := serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, "Bearer token-1", r.Header.Get("Authorization"))
			require.Equal(t, "application/json", r.Header.Get("Accept"))
			require.Equal(t, "2022-12-01", r.URL.Query().Get("api-version"))
			_, _ = w.Write([]byte("{}"))
		})
		connector := connection(at.url)
		connector.Settings[azure.FieldTokenVersion] = version
		reader := client(t, connector, quick)
		for range 3 {
			_, err := reader.Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, at.tokens.Load())
		path, form, _ := strings.Cut(<-at.forms, "?")
		require.Equal(t, "/5d1a2f0e-6b7c-4d3e-8f90-a1b2c3d4e5f6"+c.path, path)
		values, err := url.ParseQuery(form)
		require.NoError(t, err)
		require.Equal(t, url.Values{
			"grant_type": {"client_credentials"}, "client_id": {connector.Settings[azure.FieldClientID]},
			"client_secret": {secret}, c.name: {c.value},
		}, values)
	}
}

func TestAnEndedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	at := serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			answer(401, `{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time is earlier"}}`)(w, r)
			return
		}
		_, _ = w.Write([]byte("{}"))
	})
	_, err := client(t, connection(at.url), quick).Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, at.tokens.Load())
}

// TestARefusalIsExplainedAndRemembered: bodies are as Entra writes them, in
// older and newer wordings.
func TestARefusalIsExplainedAndRemembered(t *testing.T) {
	t.Parallel()
	const tail = " Trace ID: bb15b8d5-0000 Correlation ID: 207b7466-0000 Timestamp: 2026-09-04 01:51:03Z"
	for _, c := range []struct {
		status              int
		code, text, advises string
	}{
		{401, "invalid_client", "AADSTS7000215: Invalid client secret provided." + tail, "the secret's value, not its id"},
		{401, "invalid_client", `AADSTS7000215: Invalid client secret is provided.\r\nTrace ID: 35878c00\r\nTimestamp: 2020-08-19 04:22:28Z`, "the secret's value"},
		{401, "invalid_client", "AADSTS7000222: The provided client secret keys are expired." + tail, "make a new one"},
		{400, "unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found." + tail, azure.FieldClientID},
		{400, "invalid_request", "AADSTS90002: Tenant 'x' not found." + tail, azure.FieldTenantID},
		{400, "invalid_request", "AADSTS99999999: Something new." + tail, azure.FieldTenantID},
	} {
		at := serveTenant(t, answer(c.status, fmt.Sprintf(`{"error":%q,"error_description":"%s","error_codes":[1]}`, c.code, c.text)), nil)
		reader := client(t, connection(at.url), quick)
		for range 3 {
			_, err := reader.Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
			f := fault.As(err)
			require.NotNil(t, f)
			require.Equal(t, fault.Auth, f.Class, c.text)
			require.Contains(t, f.Message, "AADSTS")
			require.Contains(t, f.Advice, c.advises)
			require.NotContains(t, f.Error(), "Trace ID")
		}
		require.EqualValues(t, 1, at.tokens.Load(), "a refused secret is not offered again")
	}
}

func TestTheSecretIsInNoMessage(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]http.HandlerFunc{
		"an error that repeats the request": func(w http.ResponseWriter, r *http.Request) {
			answer(401, fmt.Sprintf(`{"error":"invalid_client","error_description":"AADSTS1: no %s"}`, r.PostForm.Get("client_secret")))(w, r)
		},
		"a page that repeats the request": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("<html>" + r.PostForm.Encode()))
		},
		"an error page": func(w http.ResponseWriter, r *http.Request) {
			answer(502, "client_secret="+url.QueryEscape(r.PostForm.Get("client_secret")))(w, r)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.com/?"+r.PostForm.Encode(), http.StatusTemporaryRedirect)
		},
		"something else":   answer(200, `{"access_token":"","client_secret":"`+secret+`"}`),
		"no token at all":  answer(200, `"`+secret+`"`),
		"a token of blank": answer(200, `{"token_type":"Bearer","access_token":"a b `+secret+`"}`),
		"another type":     answer(200, `{"token_type":"mac","access_token":"`+secret+`"}`),
	} {
		at := serveTenant(t, token, nil)
		err := client(t, connection(at.url), quick).RenewToken(t.Context())
		f := fault.As(err)
		require.NotNil(t, f, name)
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			require.NotContains(t, fmt.Sprint(err, f.Detail), form, name)
		}
	}
}

func TestACertificateSignsInsteadOfASecret(t *testing.T) {
	t.Parallel()
	key, text := certificate(t)
	at := serveTenant(t, nil, answer(200, "{}"))
	connector := connection(at.url)
	connector.Secrets = map[string]string{azure.FieldClientCertificate: text}
	require.NoError(t, client(t, connector, quick).RenewToken(t.Context()))
	path, form, _ := strings.Cut(<-at.forms, "?")
	values, err := url.ParseQuery(form)
	require.NoError(t, err)
	require.False(t, values.Has("client_secret"))
	require.Equal(t, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", values.Get("client_assertion_type"))
	parts := strings.Split(values.Get("client_assertion"), ".")
	require.Len(t, parts, 3)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	require.NoError(t, rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], signature, nil))
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, []any{at.url + path, connector.Settings[azure.FieldClientID], connector.Settings[azure.FieldClientID]},
		[]any{claims["aud"], claims["iss"], claims["sub"]})

	_, other := certificate(t)
	for name, bad := range map[string]string{
		"no key": text[:strings.Index(text, "-----BEGIN PRIVATE KEY")], "no certificate": text[strings.Index(text, "-----BEGIN PRIVATE KEY"):],
		"another's key": text[:strings.Index(text, "-----BEGIN PRIVATE KEY")] + other[strings.Index(other, "-----BEGIN PRIVATE KEY"):],
		"no PEM":        "hello",
	} {
		_, err := azure.ParseCertificate(bad)
		require.Error(t, err, name)
	}
}

// certificate makes a certificate that signs itself, and its key.
func certificate(t *testing.T) (*rsa.PrivateKey, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	is := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sluice"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &is, &is, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}
