package qualystas

import (
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// Card implements source.Kind.
func (kind) Card() source.Card {
	return source.Card{
		Vendor:          "Qualys",
		Product:         "TotalAppSec",
		Category:        "application security",
		Application:     "TAS",
		Assets:          "web applications and API collections",
		Findings:        "vulnerabilities, with their assets",
		Version:         "TotalAppSec search: web applications 4.0, API collections 1.0",
		IntegrationType: "API",
		Direction:       "Qualys TotalAppSec to the inventory",
		Delta:           "what has been updated (" + fieldUpdated + ") since the last complete run, and in the two hours before",
		Authentication:  []string{"client id and secret of a user-level client (OIDC); nothing else is taken"},
		Permissions: []string{
			"Users > Users: choose the user that the connector is to read as; its role needs access to TotalAppSec, and its scope, by tags, the applications to read: what is outside of it is left out without a word",
			qualys.StepAcceptTerms,
			qualys.StepUserClient("TotalAppSec"),
			qualys.StepCopySecret,
			qualys.StepStayActive,
		},
	}
}
