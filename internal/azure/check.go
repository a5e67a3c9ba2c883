package azure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/transport"
)

const adviceMayPass = "it may pass: test again in some minutes"

// CheckFrom turns the outcome of a step of a connection test into a check.
func CheckFrom(step string, err error, latency time.Duration) source.Check {
	check := source.Check{Step: step, Health: source.Healthy, Latency: latency, Seen: -1}
	if err == nil {
		return check
	}
	check.Health, check.Message = source.Unknown, err.Error()
	f := fault.As(err)
	if f == nil {
		if errors.Is(err, context.DeadlineExceeded) {
			check.Health, check.Advice = source.Unreachable, adviceMayPass
		}
		return check
	}
	bare := *f
	bare.Advice = ""
	check.Message, check.Advice = bare.Error(), f.Advice
	switch {
	case f.Code == governor.CodeInUse:
		check.Health, check.Message = source.NotAsked, "not asked: "+check.Message
	case f.Class == fault.Throttled:
		check.Health = source.Throttled
		if check.Advice == "" {
			check.Advice = fmt.Sprintf("Azure asks to wait: test again in %.0f seconds", f.Wait.Seconds())
		}
	case f.Class == fault.Auth, f.Code == transport.CodeForbidden, f.Code == CodeNoSubscriptions:
		check.Health = source.Unauthorised
	case f.Code == CodePricingTier:
		check.Health = source.NotLicensed
	case f.Class == fault.Transient:
		check.Health = source.Unreachable
		if check.Advice == "" {
			check.Advice = adviceMayPass
		}
	case f.Class == fault.Refused, f.Code == transport.CodeMarkup, f.Code == "token-answer", f.Code == CodeLink:
		check.Health = source.Misconfigured
	}
	return check
}
