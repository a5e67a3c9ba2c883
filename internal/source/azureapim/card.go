package azureapim

import (
	"sluice/internal/azure"
	"sluice/internal/source"
)

// Card implements source.Kind. The steps are as the Azure portal names them
// (Azure documentation: "Register an application in Microsoft Entra ID",
// "Assign Azure roles using the Azure portal").
func (kind) Card() source.Card {
	return source.Card{
		Vendor:          "Microsoft",
		Product:         "Azure API Management",
		Category:        "API discovery",
		Application:     "API Management",
		Assets:          "APIs, with their specifications and endpoints",
		Version:         azure.VersionAPIManagement + ", and " + azure.VersionAPIManagementPreview + " for types of APIs that are newer, such as mcp",
		IntegrationType: "API",
		Direction:       "Azure API Management to inventory",
		Delta:           "ETags: all APIs are listed, and those whose ETag, tags, version set or service have changed are read; any specification is exported again after " + azure.FieldRecheckDays,
		Authentication: []string{
			"client credentials with a client secret (" + azure.FieldClientSecret + ")",
			"client credentials with a certificate (" + azure.FieldClientCertificate + ")",
		},
		Permissions: []string{
			"Microsoft Entra ID > App registrations > New registration: any name, this organizational directory only, no redirect URI > Register",
			"Overview: copy Application (client) ID to " + azure.FieldClientID + ", and Directory (tenant) ID to " + azure.FieldTenantID,
			"Certificates & secrets > Client secrets > New client secret: copy its Value, not its Secret ID, to " + azure.FieldClientSecret + " (it is shown once); or Certificates > Upload certificate, and give " + azure.FieldClientCertificate,
			"Subscriptions > the subscription > Access control (IAM) > Add > Add role assignment > Role: " + azure.ReaderRole + " (or Reader) > Members: User, group, or service principal > Select members: the app registration > Review + assign; likewise for each subscription to read, or once for their management group; it takes some minutes to hold",
			"API permissions: none is needed. User.Read, which new registrations have, is one of Microsoft Graph and is not enough: it opens no subscription",
		},
	}
}
