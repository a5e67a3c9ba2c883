package azure

import (
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// CheckFrom turns the outcome of a step of a connection test into a check.
func CheckFrom(step string, err error, latency time.Duration) source.Check {
	check := source.Check{Step: step, Health: source.Healthy, Latency: latency, Seen: -1}
	if err == nil {
		return check
	}
	check.Health, check.Message = source.Unknown, err.Error()
	f := fault.As(err)
	if f == nil {
		return check
	}
	bare := *f
	bare.Advice = ""
	check.Message, check.Advice = bare.Error(), f.Advice
	switch {
	case f.Class == fault.Throttled:
		check.Health = source.Throttled
	case f.Class == fault.Auth, f.Code == transport.CodeForbidden:
		check.Health = source.Unauthorised
	case f.Code == CodePricingTier:
		check.Health = source.NotLicensed
	case f.Class == fault.Transient:
		check.Health = source.Unreachable
		if check.Advice == "" {
			check.Advice = "it may pass: test again in some minutes"
		}
	case f.Class == fault.Refused, f.Code == transport.CodeMarkup, f.Code == "token-answer", f.Code == CodeLink:
		check.Health = source.Misconfigured
	}
	return check
}
