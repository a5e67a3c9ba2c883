package vm

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/random"
)

// Host is a host as a faithful reader of a list with all details has it. Texts
// are what the XML says, without white space around them.
type Host struct {
	ID                    int64       `json:"id"`
	AssetID               int64       `json:"assetId"`
	IP                    string      `json:"ip"`
	IPv6                  string      `json:"ipv6,omitempty"`
	TrackingMethod        string      `json:"trackingMethod"`
	NetworkID             int         `json:"networkId"`
	DNS                   string      `json:"dns,omitempty"` // the whole name; empty when not known
	Hostname              string      `json:"hostname,omitempty"`
	Domain                string      `json:"domain,omitempty"`
	NetBIOS               string      `json:"netbios,omitempty"`
	OS                    string      `json:"os,omitempty"`
	QGHostID              string      `json:"qgHostId,omitempty"`
	SerialNumber          string      `json:"serialNumber,omitempty"`
	HardwareUUID          string      `json:"hardwareUuid,omitempty"`
	AgentStatus           string      `json:"agentStatus,omitempty"`
	Owner                 string      `json:"owner"`
	Comment               string      `json:"comment,omitempty"` // of the user
	AssetGroups           []int64     `json:"assetGroups,omitempty"`
	Tags                  []Tag       `json:"tags,omitempty"`
	CloudProvider         string      `json:"cloudProvider,omitempty"`
	CloudService          string      `json:"cloudService,omitempty"`
	CloudResourceID       string      `json:"cloudResourceId,omitempty"`
	Metadata              []Attribute `json:"metadata,omitempty"`
	CloudTags             []Attribute `json:"cloudTags,omitempty"`
	FirstFound            time.Time   `json:"firstFound"`
	LastBoot              time.Time   `json:"lastBoot,omitzero"`
	LastActivity          time.Time   `json:"lastActivity,omitzero"`
	LastVMScanned         time.Time   `json:"lastVmScanned"`    // when the scan ended
	LastVulnScan          time.Time   `json:"lastVulnScan"`     // when it was processed
	LastVMScannedDuration int         `json:"lastVmScannedFor"` // seconds
	LastVMAuthScanned     time.Time   `json:"lastVmAuthScanned,omitzero"`
	LastComplianceScan    time.Time   `json:"lastComplianceScan,omitzero"`
	RiskScore             int         `json:"riskScore"`   // 0 to 1000
	Criticality           int         `json:"criticality"` // 1 to 5
	SeverityCounts        [5]int      `json:"severityCounts"`
	// Malformed is the defect for which the host's record cannot be taken, "" for
	// a good one. The other fields then say what was meant.
	Malformed DefectKind `json:"malformed,omitempty"`
}

// Tag is a tag of a host.
type Tag struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Attribute is one thing that a cloud provider says of a host.
type Attribute struct {
	Name  string    `json:"name"`
	Value string    `json:"value"`
	Seen  time.Time `json:"seen"`
}

// Record is a host with what has happened to it. It is meant to be reused: Load
// overwrites it and keeps its memory.
type Record struct {
	Index     int
	ID        int64
	Created   int64 // Unix seconds, as the others
	Scanned   int64
	Processed int64 // when the last scan became visible
	Defect    DefectKind
	// DefectEndpoint limits the defect to one endpoint; empty means all.
	DefectEndpoint faults.Endpoint

	w       *World
	hash    uint64
	renamed int
	scans   int   // since the first generation
	before  int64 // when the last scan before the simulation began was; 0 when the host was made since
	events  []event
	fqdn    string
}

// event is one generation's effect on one host.
type event struct {
	*generation
	hash    uint64
	scan    int64 // when the host was scanned; 0 when it was not
	silent  bool
	renamed bool
}

// Load fills r with a host; index is between 0 and Len-1.
func (w *World) Load(r *Record, index int) {
	hash := w.hash(index)
	*r = Record{Index: index, ID: w.ID(index), w: w, hash: hash, events: r.events[:0]}
	birth := w.birth(index)
	if birth == 0 {
		age := month + int64(random.Mix(hash+1)%uint64(random.FiveYears))
		r.Created = w.epoch - age
		r.Scanned = w.epoch - 7200 - int64(random.Mix(hash+2)%uint64(month/2))
		r.Processed = r.Scanned + int64(hash%3600)
		r.before = r.Scanned
	} else {
		g := &w.generations[birth-1]
		r.Scanned = g.scanTime(hash)
		r.Created, r.Processed = r.Scanned, g.at
	}
	for i := birth; i < len(w.generations); i++ {
		g := &w.generations[i]
		e := event{generation: g, hash: random.Mix(hash ^ g.salt), silent: g.silent.Has(index), renamed: g.renamed.Has(index)}
		if g.scanned.Has(index) || e.renamed {
			e.scan = g.scanTime(e.hash)
			r.Scanned, r.Processed = e.scan, g.at
			r.scans++
		}
		if e.renamed {
			r.renamed++
		}
		if e.scan != 0 || e.silent || g.change.Purged > 0 {
			r.events = append(r.events, e)
		}
	}
	r.Defect, r.DefectEndpoint = w.defect(index)
}

// scanTime is when a scan ended that was processed in a generation: a while
// before, since vendors publish late, but after the generation before.
func (g *generation) scanTime(hash uint64) int64 {
	return g.at - int64(hash>>8%2700)*min(g.since, 5400)/5400
}

// IP of the host.
func (r *Record) IP() netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(r.Index >> 16), byte(r.Index >> 8), byte(r.Index)})
}

// Tags returns the numbers of the host's tags, as a set of bits of Tags.
func (r *Record) Tags() uint8 { return uint8(r.hash>>10) & uint8(r.hash>>18) }

// Host states everything about the loaded host.
func (r *Record) Host() Host {
	h := Host{
		ID: r.ID, AssetID: r.ID*3 + 7, IP: r.IP().String(), NetworkID: int(r.hash >> 7 % 2 * 1004),
		TrackingMethod: trackingMethods[r.hash>>26%uint64(len(trackingMethods))],
		DNS:            r.FQDN(),
		Owner:          "corp_" + owners[r.hash>>30%uint64(len(owners))],
		FirstFound:     at(r.Created), LastVMScanned: at(r.Scanned), LastVulnScan: at(r.Processed),
		LastVMScannedDuration: int(60 + (r.hash+uint64(r.scans)*131)%3000),
		RiskScore:             int((r.hash>>5 + uint64(r.scans)*37) % 1001),
		Criticality:           int(1 + r.hash>>3%5),
	}
	if r.hash>>33%4 == 0 {
		h.IPv6 = fmt.Sprintf("2001:db8:0:%x::%x", r.Index>>16+1, r.Index&0xffff+1)
	}
	h.Hostname, h.Domain, _ = strings.Cut(h.DNS, ".")
	if r.hash>>35%3 > 0 {
		h.NetBIOS = strings.ToUpper(hostnames[r.hash>>12%uint64(len(hostnames))]) + strconv.Itoa(r.Index) + strings.Repeat("R", min(r.renamed, 3))
	}
	if r.hash>>37%8 > 0 {
		h.OS = systems[(r.hash>>40+uint64(r.renamed))%uint64(len(systems))]
	}
	for n, tag := range Tags() {
		if r.Tags()>>n&1 == 1 {
			h.Tags = append(h.Tags, tag)
		}
	}
	for n := range r.hash >> 43 % 4 {
		h.AssetGroups = append(h.AssetGroups, int64(400_000+r.hash>>45%50+n*60))
	}
	if r.hash>>47%2 == 0 {
		h.LastVMAuthScanned = h.LastVMScanned
	}
	if r.hash>>48%3 == 0 {
		h.LastComplianceScan = at(r.Created + (r.w.epoch-r.Created)/2)
	}
	for n := range h.SeverityCounts {
		h.SeverityCounts[n] = int(random.Mix(r.hash+uint64(n)) % 40)
	}
	if r.hash>>49%8 == 0 {
		h.Comment = comments[r.hash>>52%uint64(len(comments))]
	}
	r.agent(&h)
	r.cloud(&h)
	if !r.Defect.ofDetection() {
		h.Malformed = r.Defect
	}
	return h
}

// agent fills in what only hosts with an agent have.
func (r *Record) agent(h *Host) {
	if h.TrackingMethod != "AGENT" && r.hash>>56%4 > 0 {
		return
	}
	h.QGHostID = random.UUID(r.hash)
	h.SerialNumber = "VMware-" + strconv.FormatUint(r.hash&0xffffffffff, 16)
	h.HardwareUUID = random.UUID(r.hash + 1)
	h.AgentStatus = "Manifest Downloaded"
	h.LastBoot = at(r.Scanned - 86_400)
	h.LastActivity = at(r.Processed)
}

// cloud fills in what only hosts of a cloud have.
func (r *Record) cloud(h *Host) {
	if h.TrackingMethod != "EC2" {
		return
	}
	seen := at(r.Created)
	h.CloudProvider, h.CloudService = "AWS", "EC2"
	h.CloudResourceID = "i-0" + strconv.FormatUint(r.hash|1<<60, 16)
	h.Metadata = []Attribute{
		{"latest/dynamic/instance-identity/document/region", regions[r.hash>>15%uint64(len(regions))], seen},
		{"latest/meta-data/instance-type", "t3.medium", seen},
		{"latest/meta-data/local-hostname", "ip-10-0-0-" + strconv.Itoa(r.Index%256) + ".ec2.internal", seen},
	}
	for n := range r.hash >> 22 % 3 {
		h.CloudTags = append(h.CloudTags, Attribute{cloudTags[n], comments[(r.hash>>25+n)%uint64(len(comments))], seen})
	}
}

// FQDN is the host's whole DNS name; a third of the hosts have none.
func (r *Record) FQDN() string {
	if r.fqdn == "" && r.hash>>51%3 > 0 {
		r.fqdn = hostnames[r.hash>>12%uint64(len(hostnames))] + "-" + strconv.Itoa(r.Index)
		if r.renamed > 0 {
			r.fqdn += "-renamed" + strconv.Itoa(r.renamed)
		}
		r.fqdn += domains[r.hash>>54%uint64(len(domains))]
	}
	return r.fqdn
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
