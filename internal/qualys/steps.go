package qualys

// Steps that people take in Qualys's user interface, by its own names (Qualys
// documentation: "Auth ID Client Management", users and their first login).
const (
	StepAcceptTerms = "log in once as this user and complete the First Login form, which accepts the terms (EULA): until then, every call is refused"
	StepCopySecret  = "copy the Client ID and the Client Secret: the secret is shown this once"
	StepStayActive  = "keep the user active: the tokens of its client end with it"
)

// StepUserClient creates a client whose tokens may be used for a module.
func StepUserClient(module string) string {
	return "logged in as this user, " + createClientAt + " > New Client: give it a name, and choose " + module + ", or Select All Module, as its permissions"
}
