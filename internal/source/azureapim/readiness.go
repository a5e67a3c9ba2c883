package azureapim

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/apispec"
)

// readiness says whether an API can be scanned with what is known of it, and
// why not.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty"`
}

// scannable are the formats that scanners of APIs take.
var scannable = []string{apispec.OpenAPIJSON, apispec.OpenAPIYAML, apispec.SwaggerJSON, apispec.SwaggerYAML}

func readinessOf(r *record, service object) readiness {
	var reasons []string
	because := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	switch s := r.Specification; {
	case s.Hash == "":
		because("no specification: %s", s.Reason)
	case s.Format == formatOperations:
		because("only the names of its operations are known, not their parameters and bodies: %s", s.Reason)
	case !slices.Contains(scannable, s.Format):
		because("its specification is in the format %s, and not OpenAPI or Swagger", s.Format)
	case s.Problem != "":
		because("its specification cannot be read to its end: %s", s.Problem)
	case s.Endpoints == 0:
		because("its specification has no endpoints")
	}
	if r.PublicURL == "" {
		because("it is not known where it is reached")
	}
	if slices.Contains(r.Specification.Flags, flagOffline) {
		because("the revision is offline")
	}
	if disabled, _ := service.flag("disableGateway"); disabled {
		because("the service's gateway is disabled")
	}
	if state := service.text("provisioningState"); state != "" && !slices.Contains([]string{"succeeded", "updating"}, strings.ToLower(state)) {
		because("the service is in the state %s", shorten(state))
	}
	if state := readObject(r.Subscription).text("state"); strings.EqualFold(state, "Disabled") {
		because("the subscription is disabled")
	}
	return readiness{Ready: len(reasons) == 0, Reasons: reasons}
}

// flagsOf are the quality flags that the API and its service give rise to.
func flagsOf(a listed, properties, revision, service object) []string {
	var flags []string
	if required, known := properties.flag("subscriptionRequired"); known && !required {
		flags = append(flags, flagNoSubscriptionRequired)
	}
	if slices.ContainsFunc(properties.texts("protocols"), func(p string) bool {
		return strings.EqualFold(p, "http") || strings.EqualFold(p, "ws")
	}) {
		flags = append(flags, apispec.FlagHTTPAllowed)
	}
	for _, o := range []object{revision, properties} {
		if online, known := o.flag("isOnline"); known && !online {
			flags = append(flags, flagOffline)
		}
	}
	if !a.current {
		flags = append(flags, flagNotCurrent)
	}
	if strings.EqualFold(service.text("virtualNetworkType"), "Internal") || strings.EqualFold(service.text("publicNetworkAccess"), "Disabled") {
		flags = append(flags, flagPrivateNetwork)
	}
	return flags
}
