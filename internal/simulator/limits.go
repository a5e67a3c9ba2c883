package simulator

import (
	"fmt"
	"maps"
	"slices"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/gateway"
	"sluice/internal/simulator/limit"
)

// What users of the simulated limits and applications handle.
type (
	CallLimits  = limit.Settings
	Limits      = limit.Seen
	AppSettings = gateway.Settings
)

func (s *Simulator) startLimits(cfg Config) error {
	var err error
	s.qpsLimits, err = limit.NewGroup(cfg.QPSLimits, limit.SayNothing,
		faults.WASWebApps, faults.WASFindings, faults.WASCount, faults.WASGet, faults.TagCount, faults.PortalVersion)
	if err != nil {
		return err
	}
	s.gatewayLimits, err = limit.NewGroup(cfg.GatewayLimits, limit.SayRate,
		faults.Applications, faults.APICollections, faults.FIMEvents, faults.PMDetails, faults.ETMReports)
	return err
}

// Limits returns what the limits of each API have seen so far. Those of the
// token endpoints do not exist.
func (s *Simulator) Limits() map[faults.Endpoint]Limits {
	out := s.vm.Limits()
	maps.Copy(out, s.qpsLimits.Seen())
	maps.Copy(out, s.gatewayLimits.Seen())
	return out
}

// QPSLimits returns the present limits of Web Application Scanning and its
// neighbours.
func (s *Simulator) QPSLimits() CallLimits { return s.qpsLimits.Settings() }

// GatewayLimits returns the present limits of TotalAppSec and the other
// applications of the gateway.
func (s *Simulator) GatewayLimits() CallLimits { return s.gatewayLimits.Settings() }

// LimitQPS replaces the limits of Web Application Scanning and its neighbours.
func (s *Simulator) LimitQPS(limits CallLimits) error { return s.qpsLimits.Configure(limits) }

// LimitGateway replaces the limits of TotalAppSec and the other applications of
// the gateway.
func (s *Simulator) LimitGateway(limits CallLimits) error { return s.gatewayLimits.Configure(limits) }

// UseElsewhere makes calls of an API by another tool of the subscription, as many
// as its limit lets in, and returns their number.
func (s *Simulator) UseElsewhere(api faults.Endpoint, calls int) (int, error) {
	for _, use := range []func() (int, bool){
		func() (int, bool) { return s.vm.UseElsewhere(api, calls) },
		func() (int, bool) { return s.qpsLimits.UseElsewhere(api, calls, s.Now()) },
		func() (int, bool) { return s.gatewayLimits.UseElsewhere(api, calls, s.Now()) },
	} {
		if made, known := use(); known {
			return made, nil
		}
	}
	return 0, fmt.Errorf("simulator: there are no limits of %q; there are of %v", api, slices.Sorted(maps.Keys(s.Limits())))
}

// AppSettings returns the present switches of File Integrity Monitoring, Patch
// Management and Enterprise TruRisk Management.
func (s *Simulator) AppSettings() AppSettings { return s.apps.Settings() }

// ConfigureApps replaces these switches.
func (s *Simulator) ConfigureApps(settings AppSettings) error { return s.apps.Configure(settings) }
