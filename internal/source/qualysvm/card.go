package qualysvm

import (
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// Card implements source.Kind. Roles are those of Qualys's documentation of the
// permissions for the host detection and knowledge base APIs.
func (kind) Card() source.Card {
	return source.Card{
		Vendor:          "Qualys",
		Product:         "Vulnerability Management, Detection and Response",
		Category:        "vulnerability management",
		Application:     "VMDR",
		Assets:          "hosts",
		Findings:        "detections",
		Version:         "host list 3.0, detections 5.0, knowledge base 3.0, or what older ones the server has",
		IntegrationType: "API",
		Direction:       "Qualys VM to the inventory",
		Delta:           "hosts and detections that Qualys has processed (vm_processed_after) since the last complete run, and in the two hours before",
		Authentication: []string{
			"user name and password, in each request (Basic)",
			"client id and secret of a user-level or subscription-level client (OIDC), where the subscription takes tokens for VM",
			"user name and password, exchanged for a token (JWT), where the subscription takes tokens for VM",
		},
		Permissions: []string{
			"Users > Users > New > User: as User Role, Reader is enough (Manager, Unit Manager and Scanner will do, Auditor will not); allow access to API",
			"assign the asset groups, or tags, with the hosts to read to this user: what is outside of its scope is left out without a word",
			qualys.StepAcceptTerms,
			"for the knowledge base: Qualys Support has enabled the knowledge base API for the subscription",
			"give this user's name and password; or, for a client, " + qualys.StepUserClient("VMDR"),
			"of a client, " + qualys.StepCopySecret,
		},
	}
}
