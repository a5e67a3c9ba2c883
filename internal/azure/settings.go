package azure

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// The settings of an Azure connector.
const (
	FieldTenantID          = "tenantId"
	FieldClientID          = "clientId"
	FieldClientSecret      = "clientSecret"
	FieldClientCertificate = "clientCertificate"
	FieldGrantType         = "grantType"
	FieldCloud             = "cloud"
	FieldTokenVersion      = "tokenVersion"
	FieldRecheckDays       = "recheckDays"
	FieldAuthorityURL      = "authorityURL"
	FieldARMURL            = "armURL"
	FieldBlobHost          = "blobHost"
)

// The values of FieldTokenVersion.
const (
	TokenV1 = "v1"
	TokenV2 = "v2"
)

const (
	grantClientCredentials = "client_credentials"
	defaultRecheckDays     = 7
	maxRecheckDays         = 365
	maxCredential          = 4096 // bytes
)

// Settings are a connector's, checked, with defaults filled in.
type Settings struct {
	TenantID, ClientID string
	Secret             string       // empty with a certificate
	Certificate        *Certificate // nil with a secret
	Cloud              Cloud        // with the overrides of private clouds
	TokenVersion       string
	// Recheck is how old an exported specification gets before it is exported
	// again although nothing seems to have changed.
	Recheck time.Duration

	network transport.Network
}

// ReadSettings reads and checks a connector's settings. Its errors never quote
// a secret.
func ReadSettings(c source.Connection) (s Settings, err error) {
	s.TenantID = strings.TrimSpace(c.Settings[FieldTenantID])
	s.ClientID = strings.TrimSpace(c.Settings[FieldClientID])
	switch {
	case s.TenantID == "":
		return s, source.WrongSetting(FieldTenantID, "is missing", "it is on the overview page of the app registration in the Azure portal")
	case !tenant.MatchString(s.TenantID):
		return s, source.WrongSetting(FieldTenantID, fmt.Sprintf("%q is neither an id nor a domain of a tenant", short(s.TenantID)), "copy the directory (tenant) id from the overview page of the app registration")
	case s.ClientID == "":
		return s, source.WrongSetting(FieldClientID, "is missing", "it is on the overview page of the app registration in the Azure portal")
	case !visible(s.ClientID):
		return s, source.WrongSetting(FieldClientID, "contains a blank or another character that no client id has", "copy the application (client) id again")
	}
	if err := s.readCredential(c); err != nil {
		return s, err
	}
	if grant := c.Settings[FieldGrantType]; grant != "" && grant != grantClientCredentials {
		return s, source.WrongSetting(FieldGrantType, fmt.Sprintf("%q is not known", short(grant)), "leave it out for "+grantClientCredentials)
	}
	if s.TokenVersion, err = oneOf(c, FieldTokenVersion, TokenV1, TokenV2); err != nil {
		return s, err
	}
	if s.Recheck, err = readRecheck(c); err != nil {
		return s, err
	}
	if err := s.readCloud(c); err != nil {
		return s, err
	}
	return s, s.readNetwork(c)
}

// tenant is a GUID or a domain name.
var tenant = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// visible says whether a text is of ASCII characters that can be seen.
func visible(s string) bool {
	return len(s) <= maxCredential && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func (s *Settings) readCredential(c source.Connection) (err error) {
	s.Secret = c.Secrets[FieldClientSecret]
	certificate := c.Secrets[FieldClientCertificate]
	switch {
	case s.Secret == "" && certificate == "":
		return source.WrongSetting(FieldClientSecret, "is missing", "make one under Certificates & secrets of the app registration and copy its value")
	case s.Secret != "" && certificate != "":
		return source.WrongSetting(FieldClientCertificate, "and "+FieldClientSecret+" are both given", "give only one of the two")
	case certificate == source.Elsewhere:
	case certificate != "":
		if s.Certificate, err = ParseCertificate(certificate); err != nil {
			return source.WrongSetting(FieldClientCertificate, err.Error(), "give the certificate and its unencrypted RSA private key in PEM")
		}
	case !visible(s.Secret):
		return source.WrongSetting(FieldClientSecret, "contains a blank, a line break or a character that no client secret has", "copy the secret's value again, without anything around it")
	}
	return nil
}

func readRecheck(c source.Connection) (time.Duration, error) {
	days := defaultRecheckDays
	if text := c.Settings[FieldRecheckDays]; text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 0 || days > maxRecheckDays {
			return 0, source.WrongSetting(FieldRecheckDays, fmt.Sprintf("%q is not a number from 0 to %d", short(text), maxRecheckDays),
				fmt.Sprintf("leave it out for %d days", defaultRecheckDays))
		}
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func (s *Settings) readCloud(c source.Connection) error {
	name, err := oneOf(c, FieldCloud, cloudNames()...)
	if err != nil {
		return err
	}
	s.Cloud, _ = findCloud(name)
	for field, url := range map[string]*string{FieldAuthorityURL: &s.Cloud.Authority, FieldARMURL: &s.Cloud.ARM} {
		if given := strings.TrimSpace(c.Settings[field]); given != "" {
			if *url, err = transport.CheckBaseURL(given); err != nil {
				return source.WrongSetting(field, "cannot be used: "+err.Error(), "")
			}
		}
	}
	if given := strings.ToLower(strings.TrimSpace(c.Settings[FieldBlobHost])); given != "" {
		u, err := url.Parse("//" + given)
		if err != nil || u.Host != given || u.User != nil || u.Port() != "" && !transport.Loopback(u.Hostname()) || !transport.Loopback(u.Hostname()) && !tenant.MatchString(given) {
			return source.WrongSetting(FieldBlobHost, "is no host name", "give only how the host names end, such as blob.example.com")
		}
		if net.ParseIP(u.Hostname()) == nil && !strings.Contains(given, ".") && !transport.Loopback(u.Hostname()) {
			return source.WrongSetting(FieldBlobHost, "is the end of too many host names", "give all of what they have in common, such as blob.example.com")
		}
		s.Cloud.BlobSuffix = given
	}
	return nil
}

// readNetwork refuses what cannot hold for Azure, whose servers have names, and
// each its own certificate.
func (s *Settings) readNetwork(c source.Connection) (err error) {
	if s.network, err = transport.ReadNetwork(c); err != nil {
		return err
	}
	if c.Settings[source.FieldTLSServerName] != "" && (c.Settings[FieldAuthorityURL] == "" || c.Settings[FieldARMURL] == "") {
		return source.WrongSetting(source.FieldTLSServerName, "cannot be right for all of Azure's servers: each has a name of its own",
			"leave it out, or give "+FieldAuthorityURL+" and "+FieldARMURL+" of a private cloud")
	}
	return s.network.Effective(s.Cloud.Authority, s.Cloud.ARM, "https://"+s.Cloud.BlobSuffix)
}

// oneOf reads a setting of few values; the first is the default.
func oneOf(c source.Connection, field string, known ...string) (string, error) {
	given := c.Settings[field]
	if given == "" {
		return known[0], nil
	}
	for _, k := range known {
		if given == k {
			return k, nil
		}
	}
	return "", source.WrongSetting(field, fmt.Sprintf("%q is not known%s", short(given), suggest.Ending(given, known)),
		"there are "+strings.Join(known, ", ")+"; leave it out for "+known[0])
}

// short bounds what a message quotes.
func short(s string) string {
	s = fault.Head([]byte(strings.TrimSpace(s)))
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
