package qualyswas

import (
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// Card implements source.Kind. The permission is that of Qualys's documentation
// ("WAS API: Qualys user account").
func (kind) Card() source.Card {
	return source.Card{
		Vendor:          "Qualys",
		Product:         "Web Application Scanning",
		Category:        "application security",
		Application:     "WAS",
		Assets:          "web applications",
		Findings:        "vulnerabilities, sensitive content and information gathered",
		Version:         "WAS API 3.0; knowledge base 3.0 or 2.0, whichever the server has",
		IntegrationType: "API",
		Direction:       "Qualys WAS to the inventory",
		Delta:           "web applications updated (updatedDate) and findings tested (lastTestedDate) since the last complete run, and in the four hours before",
		Authentication: []string{
			"client id and secret of a user-level client (OIDC)",
			"user name and password, in each request (Basic)",
			"user name and password, exchanged for a token (JWT)",
		},
		Permissions: []string{
			"Users > Users: choose the user that the connector is to read as; its role needs the WAS module with the access permission API Access, and its scope, by tags, the web applications to read: what is outside of it is left out without a word",
			qualys.StepAcceptTerms,
			"for the knowledge base: the role is Manager, Unit Manager, Scanner or Reader, and Qualys Support has enabled the knowledge base API for the subscription",
			"give this user's name and password; or, for a client, " + qualys.StepUserClient("WAS"),
			"of a client, " + qualys.StepCopySecret,
		},
	}
}
