package simulator

import (
	"iter"

	"sluice/internal/simulator/fo"
	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/vm"
)

// What users of the simulated Vulnerability Management handle.
type (
	Host               = vm.Host
	HostTag            = vm.Tag
	HostAttribute      = vm.Attribute
	Detection          = vm.Detection
	DetectionFactor    = vm.Factor
	VMChange           = vm.Change
	VMDefect           = vm.Defect
	VMDefectKind       = vm.DefectKind
	LargeHost          = vm.LargeHost
	VMSettings         = fo.Settings
	KnowledgeEntry     = knowledge.Entry
	KnowledgeReference = knowledge.Reference
	KnowledgeSoftware  = knowledge.Software
	KnowledgeScore     = knowledge.Score
	KnowledgeThreat    = knowledge.Threat
	KnowledgeChange    = knowledge.Change
)

// defaultKnowledge is the number of entries of hosts when there are hosts and
// nothing is said.
const defaultKnowledge = 2000

// startVM makes Vulnerability Management and the knowledge base.
func (s *Simulator) startVM(cfg Config) error {
	entries := cfg.KnowledgeEntries
	if entries == 0 && cfg.Hosts > 0 {
		entries = defaultKnowledge
	}
	var err error
	s.knowledge, err = knowledge.New(knowledge.Config{
		Seed: cfg.Seed, Entries: entries, Web: cfg.WebApps > 0, Start: cfg.Start, Unpublished: cfg.UnpublishedEntries,
	})
	if err != nil {
		return err
	}
	s.hostEstate, err = vm.New(vm.Config{
		Seed: cfg.Seed, Hosts: cfg.Hosts, DetectionsPerHost: cfg.DetectionsPerHost, Large: cfg.LargeHost,
		Knowledge: s.knowledge, Start: cfg.Start,
	})
	if err != nil {
		return err
	}
	s.vm, err = fo.New(s.server, s.hostEstate, s.knowledge, s.directory, cfg.VMSettings)
	return err
}

// Hosts yields the hosts that the vendor shows to a user now, ascending by id;
// the zero User is shown all that Hide has left. The sequence is of the moment
// Hosts is called.
func (s *Simulator) Hosts(user User) iter.Seq[Host] {
	return s.hostEstate.World().Hosts(user.Scope("host"))
}

// Detections yields all detections on those hosts: fixed, ignored, disabled and
// merely informative ones as well, host by host.
func (s *Simulator) Detections(user User) iter.Seq[Detection] {
	return s.hostEstate.World().Detections(user.Scope("host"))
}

// Knowledge yields the entries of the knowledge base that are published now,
// ascending by QID.
func (s *Simulator) Knowledge() iter.Seq[KnowledgeEntry] { return s.knowledge.View().Truth() }

// SetHostDefects replaces the defects of single hosts; none mends all.
func (s *Simulator) SetHostDefects(defects ...VMDefect) error {
	return s.hostEstate.SetDefects(defects...)
}

// VMSettings returns the present switches of Vulnerability Management.
func (s *Simulator) VMSettings() VMSettings { return s.vm.Settings() }

// ConfigureVM replaces the switches of Vulnerability Management.
func (s *Simulator) ConfigureVM(settings VMSettings) error { return s.vm.Configure(settings) }
