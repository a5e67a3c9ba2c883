// Package azure holds what kinds of Azure share: the clouds, the fields of a
// connector, tokens of Microsoft Entra ID, calls of Azure Resource Manager
// (ARM), and the download of documents that it links to.
package azure

import (
	"regexp"
	"strings"

	"sluice/internal/source"
)

// Provider describes a connector to Azure.
func Provider() source.Provider {
	return source.Provider{
		Name:  "azure",
		Title: "Microsoft Azure",
		Fields: []source.Field{
			{Name: FieldTenantID, Help: "directory (tenant) id, or a domain of the tenant such as contoso.onmicrosoft.com"},
			{Name: FieldClientID, Help: "application (client) id of an app registration; " + roleAdvice},
			{Name: FieldClientSecret, Secret: true, Help: "value of a client secret of the app registration (not the secret's id); shown once when it is made"},
			{Name: FieldClientCertificate, Secret: true, File: true, Help: "instead of a client secret: certificate and RSA private key, both PEM, one after the other"},
			{Name: FieldGrantType, Help: "how tokens are asked for: " + grantClientCredentials + " (default, and the only one)"},
			{Name: FieldCloud, Help: "cloud of the tenant: " + strings.Join(cloudNames(), ", ") + " (default " + Clouds[0].Name + ")"},
			{Name: FieldTokenVersion, Help: "version of the token endpoint: " + TokenV1 + " (default, /oauth2/token) or " + TokenV2 + " (/oauth2/v2.0/token)"},
			{Name: FieldRecheckDays, Help: "an API's specification is exported when the API's ETag has moved, and anyway after so many days: 0 to 365 (default 7; 0 is in every run)"},
			{Name: FieldAuthorityURL, Help: "where tokens are given, for private clouds: https://login.example.com"},
			{Name: FieldARMURL, Help: "Azure Resource Manager of private clouds: https://management.example.com"},
			{Name: FieldBlobHost, Help: "how host names of blob storage end in private clouds: blob.example.com"},
		},
		Check: func(c source.Connection) error {
			_, err := ReadSettings(c)
			return err
		},
		Note: func(c source.Connection) string {
			if guid.MatchString(c.Secrets[FieldClientSecret]) {
				return FieldClientSecret + " looks like the secret's id; what is needed is its value, from the column beside it"
			}
			return ""
		},
		Subscription: subscription,
	}
}

// subscription says whose limits a connector's calls count against: ARM keeps
// them for each principal, which is an application in a tenant.
func subscription(c source.Connection) string {
	var s Settings
	if s.readCloud(c) != nil {
		s.Cloud = Clouds[0] // not checked: it makes no call
	}
	_, host, _ := strings.Cut(s.Cloud.ARM, "://")
	return strings.ToLower(host + "/" + strings.TrimSpace(c.Settings[FieldTenantID]) + "/" + strings.TrimSpace(c.Settings[FieldClientID]))
}

// guid is how Azure writes ids of tenants, applications and subscriptions.
var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// ReaderRole is the role with the permissions that reading API Management
// takes, no more (Azure documentation: "Azure built-in roles").
const ReaderRole = "API Management Service Reader Role"

// roleAdvice says what the application needs. The permission User.Read, which
// other guides name, is one of Microsoft Graph and opens nothing here.
const roleAdvice = "it needs the role " + ReaderRole + " (or Reader) on the subscriptions, under Access control (IAM); no Graph permission"
