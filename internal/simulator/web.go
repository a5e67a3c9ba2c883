package simulator

import (
	"iter"

	"sluice/internal/simulator/was"
)

// What users of the simulated Web Application Scanning handle.
type (
	WebApp      = was.WebApp
	WebFinding  = was.Finding
	WebChange   = was.Change
	WebDefect   = was.Defect
	WebSettings = was.Settings
)

// startWeb makes Web Application Scanning.
func (s *Simulator) startWeb(cfg Config) error {
	var err error
	s.webEstate, err = was.NewEstate(was.Config{
		Seed: cfg.Seed, WebApps: cfg.WebApps, Findings: cfg.WebFindings, Start: cfg.Start,
	})
	if err != nil {
		return err
	}
	s.web, err = was.New(s.server, s.webEstate, s.directory, s.qpsLimits, cfg.WebSettings)
	return err
}

// WebApps yields the web applications that the vendor shows to a user now,
// ascending by id; the zero User is shown all that Hide has left. The sequence
// is of the moment WebApps is called.
func (s *Simulator) WebApps(user User) iter.Seq[WebApp] {
	return s.webEstate.World().TruthOfWebApps(user)
}

// WebFindings yields the findings of the web applications that the vendor shows
// to a user now, ascending by id.
func (s *Simulator) WebFindings(user User) iter.Seq[WebFinding] {
	return s.webEstate.World().TruthOfFindings(user)
}

// SetWebDefects replaces the defects of single findings of Web Application
// Scanning; none mends all.
func (s *Simulator) SetWebDefects(defects ...WebDefect) error {
	return s.webEstate.SetDefects(defects...)
}

// WebSettings returns the present switches of Web Application Scanning.
func (s *Simulator) WebSettings() WebSettings { return s.web.Settings() }

// ConfigureWeb replaces the switches of Web Application Scanning.
func (s *Simulator) ConfigureWeb(settings WebSettings) error { return s.web.Configure(settings) }
