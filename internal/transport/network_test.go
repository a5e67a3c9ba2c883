package transport_test

import (
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/testenv/middle"
	"sluice/internal/transport"
)

func TestSettingsOfTheNetworkAreChecked(t *testing.T) {
	t.Parallel()
	ca, old := middle.NewCA(t), middle.NewCAUntil(t, "Old CA", time.Date(2025, 6, 7, 8, 9, 10, 0, time.UTC))
	pair, another := ca.Sign(t, middle.Leaf{Client: true}), ca.Sign(t, middle.Leaf{Client: true})
	ended := ca.Sign(t, middle.Leaf{Name: "worker", Client: true, NotAfter: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("hunter2 hunter2 hunter2")}))
	}
	const proxy = "http://proxy.example.com:3128"
	for name, c := range map[string]struct {
		settings settings
		field    string
		says     string
	}{
		"password without a proxy":      {settings{"proxyPassword": "hunter2!"}, source.FieldProxyPassword, "without a proxy it has no effect"},
		"user without a proxy":          {settings{"proxyUsername": "acme"}, source.FieldProxyUsername, "without a proxy it has no effect"},
		"password without a user":       {settings{"proxyURL": proxy, "proxyPassword": "hunter2!"}, source.FieldProxyUsername, "is missing"},
		"user without a password":       {settings{"proxyURL": proxy, "proxyUsername": "acme"}, source.FieldProxyPassword, "is missing"},
		"proxy with a password":         {settings{"proxyURL": "http://acme:hunter2!@proxy.example.com:3128"}, source.FieldProxyURL, "give them as proxyUsername and proxyPassword"},
		"proxy with a strange password": {settings{"proxyURL": "http://acme:hunter2%@proxy:3128"}, source.FieldProxyURL, "cannot be read"},
		"proxy with a path":             {settings{"proxyURL": "http://proxy.example.com/hunter2.pac"}, source.FieldProxyURL, "path"},
		"proxy with a query":            {settings{"proxyURL": proxy + "?hunter2"}, source.FieldProxyURL, "query"},
		"proxy without a scheme":        {settings{"proxyURL": "proxy.example.com:3128"}, source.FieldProxyURL, "does not begin with"},
		"proxy of another sort":         {settings{"proxyURL": "socks4://proxy.example.com"}, source.FieldProxyURL, "does not begin with"},
		"proxy without a host":          {settings{"proxyURL": "http://:3128"}, source.FieldProxyURL, "no host"},
		"proxy with a wrong port":       {settings{"proxyURL": "http://proxy:70000"}, source.FieldProxyURL, "port"},
		"colon in the user":             {settings{"proxyURL": proxy, "proxyUsername": "a:b", "proxyPassword": "hunter2!"}, source.FieldProxyUsername, "colon"},
		"line break in the password":    {settings{"proxyURL": proxy, "proxyUsername": "a", "proxyPassword": "hunter2!\n"}, source.FieldProxyPassword, "line break"},
		"password too long for SOCKS5":  {settings{"proxyURL": "socks5://proxy", "proxyUsername": "a", "proxyPassword": strings.Repeat("hunter2!", 40)}, source.FieldProxyPassword, "at most 255"},

		"bundle that is none":        {settings{"caBundle": "/etc/ssl/hunter2.pem"}, source.FieldCABundle, "no certificate in PEM"},
		"bundle with a key":          {settings{"caBundle": ca.PEM + pair.Key}, source.FieldCABundle, "block 2 of 2 that is a private key"},
		"bundle with a request":      {settings{"caBundle": ca.PEM + block("CERTIFICATE REQUEST") + ca.PEM}, source.FieldCABundle, "block 2 of 3 that is no certificate: CERTIFICATE REQUEST"},
		"bundle with a broken one":   {settings{"caBundle": block("CERTIFICATE") + ca.PEM}, source.FieldCABundle, "block 1 of 2 that is no certificate that can be read"},
		"bundle that is cut":         {settings{"caBundle": ca.PEM + ca.PEM[:len(ca.PEM)/2]}, source.FieldCABundle, "block 2 of 2 that is cut"},
		"bundle of ended ones":       {settings{"caBundle": old.PEM}, source.FieldCABundle, "Old CA (until 2025-06-07)"},
		"bundle that is too long":    {settings{"caBundle": strings.Repeat(" ", 1<<20) + ca.PEM}, source.FieldCABundle, "KiB"},
		"no certificate":             {settings{"tlsCertificate": pair.Key}, source.FieldTLSCertificate, "has no certificate"},
		"no key":                     {settings{"tlsCertificate": pair.Certificate}, source.FieldTLSCertificate, "has no private key"},
		"key of another":             {settings{"tlsCertificate": pair.Certificate + another.Key}, source.FieldTLSCertificate, "belongs to none"},
		"two keys":                   {settings{"tlsCertificate": pair.PEM() + another.Key}, source.FieldTLSCertificate, "two private keys"},
		"encrypted key":              {settings{"tlsCertificate": pair.Certificate + block("ENCRYPTED PRIVATE KEY")}, source.FieldTLSCertificate, "encrypted"},
		"broken key":                 {settings{"tlsCertificate": pair.Certificate + block("PRIVATE KEY")}, source.FieldTLSCertificate, "cannot be read"},
		"cut key":                    {settings{"tlsCertificate": pair.Certificate + pair.Key[:60]}, source.FieldTLSCertificate, "cut"},
		"ended":                      {settings{"tlsCertificate": ended.PEM()}, source.FieldTLSCertificate, "has ended: worker (until 2026-01-02)"},
		"server name with a port":    {settings{"tlsServerName": "api.example.com:443"}, source.FieldTLSServerName, "no host name"},
		"server name with a scheme":  {settings{"tlsServerName": "https://api.example.com"}, source.FieldTLSServerName, "no host name"},
		"restricted perhaps":         {settings{"ipRestricted": "perhaps"}, source.FieldIPRestricted, "neither true nor false"},
		"name that is not looked at": {settings{"ipRestricted": "true", "tlsServerName": "api.example.com"}, source.FieldTLSServerName, "has no effect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := transport.ReadNetwork(c.settings.connection())
			f := fault.As(err)
			require.NotNil(t, f, "%v", err)
			require.Equal(t, fault.Refused, f.Class)
			require.Equal(t, "connector-"+c.field, f.Code)
			require.ErrorContains(t, f, c.field+" ")
			require.ErrorContains(t, f, c.says)
			require.NotContains(t, f.Error(), "hunter2")
		})
	}
}

func TestSettingsOfTheNetworkAsPeopleEnterThem(t *testing.T) {
	t.Parallel()
	ca, old := middle.NewCA(t), middle.NewCAUntil(t, "Old CA", time.Date(2025, 6, 7, 8, 9, 10, 0, time.UTC))
	pair := ca.Sign(t, middle.Leaf{Client: true})
	for name, c := range map[string]struct {
		settings settings
		says     string
		note     string
	}{
		"nothing":               {nil, "directly", ""},
		"an HTTP proxy":         {settings{"proxyURL": " HTTP://Proxy.Example.com:3128/ "}, "by the proxy http://proxy.example.com:3128", ""},
		"a SOCKS proxy":         {settings{"proxyURL": "socks5h://[::1]:1080", "proxyUsername": "a:b", "proxyPassword": "hunter2!"}, "by the proxy socks5h://[::1]:1080", ""},
		"a bundle":              {settings{"caBundle": "# ours\r\n" + strings.ReplaceAll(ca.PEM, "\n", "\r\n") + "\n" + ca.PEM}, "directly", ""},
		"a bundle of old times": {settings{"caBundle": old.PEM + ca.PEM}, "directly", "of no use: Old CA (until 2025-06-07)"},
		"a key first":           {settings{"tlsCertificate": pair.Key + ca.PEM + pair.Certificate}, "directly", ""},
		"a server name":         {settings{"tlsServerName": " api.example.com "}, "directly", ""},
		"restricted":            {settings{"ipRestricted": "TRUE"}, "directly", "WARNING: ipRestricted is on"},
		"not restricted":        {settings{"ipRestricted": "false"}, "directly", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := network(t, c.settings)
			require.Equal(t, c.says, n.String())
			require.Contains(t, n.Note(), c.note)
			require.Equal(t, c.note == "", n.Note() == "")
		})
	}
}

func TestIPRestrictedHasToHaveAnEffect(t *testing.T) {
	t.Parallel()
	on := network(t, settings{"ipRestricted": "true"})
	require.NoError(t, on.Effective("https://api.example.com", "https://[2001:db8::1]:8443/x"))
	require.NoError(t, on.Effective("https://192.0.2.7"))
	err := on.Effective("https://api.example.com", "http://127.0.0.1:8080")
	require.Equal(t, "connector-ipRestricted", fault.As(err).Code)
	require.ErrorContains(t, err, "caBundle")
	require.NoError(t, transport.Network{}.Effective("https://api.example.com"))
}

func TestANetworkPrintsNoSecret(t *testing.T) {
	t.Parallel()
	ca := middle.NewCA(t)
	rapid.Check(t, func(rt *rapid.T) {
		password := rapid.StringMatching(`[ -~]{8,20}`).Draw(rt, "password")
		n := network(t, settings{"proxyURL": "http://proxy:3128", "proxyUsername": "acme", "proxyPassword": password, "caBundle": ca.PEM})
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			require.NotContains(rt, fmt.Sprintf(format, n), password)
			require.NotContains(rt, fmt.Sprintf(format, transport.Options{Network: n}), password)
		}
	})
}
