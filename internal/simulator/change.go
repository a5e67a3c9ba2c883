package simulator

import "sluice/internal/simulator/estate"

// Change says what happens to the estates between two runs. Shares are between
// 0 and 1. The first four are TotalAppSec's: see estate.Change.
type Change struct {
	Updated float64 `json:"updated"`
	Silent  float64 `json:"silent"`
	Added   float64 `json:"added"`
	Removed float64 `json:"removed"`

	Web       WebChange       `json:"web,omitzero"`       // of Web Application Scanning
	VM        VMChange        `json:"vm,omitzero"`        // of hosts and their detections
	Knowledge KnowledgeChange `json:"knowledge,omitzero"` // of the knowledge base
}

// Advance changes the estates, as of now on the simulator's clock, and returns
// the number of the new generation. When a part of the change is not valid,
// nothing changes.
func (s *Simulator) Advance(c Change) (int, error) {
	for _, validate := range []func() error{c.Web.Validate, c.VM.Validate, c.Knowledge.Validate} {
		if err := validate(); err != nil {
			return 0, err
		}
	}
	now := s.Now()
	number, err := s.estate.Advance(now, estate.Change{Updated: c.Updated, Silent: c.Silent, Added: c.Added, Removed: c.Removed})
	if err != nil {
		return 0, err
	}
	if err := s.webEstate.Advance(now, c.Web); err != nil {
		return 0, err
	}
	if err := s.hostEstate.Advance(now, c.VM); err != nil {
		return 0, err
	}
	return number, s.knowledge.Advance(now, c.Knowledge)
}

// Hide leaves a share of the assets (0 to 1) out of every answer without an
// error, as the vendor does when an account's scope is narrowed. Zero gives
// them back.
func (s *Simulator) Hide(share float64) error {
	if err := s.estate.Hide(share); err != nil {
		return err
	}
	if err := s.webEstate.Hide(share); err != nil {
		return err
	}
	return s.hostEstate.Hide(share)
}
