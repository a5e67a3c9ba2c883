package simulator_test

import (
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// foHost is HOST of both lists, as the vendor's DTDs have it.
type foHost struct {
	ID                 string        `xml:"ID"`
	AssetID            int64         `xml:"ASSET_ID"`
	IP                 string        `xml:"IP"`
	IPv6               string        `xml:"IPV6"`
	TrackingMethod     string        `xml:"TRACKING_METHOD"`
	NetworkID          int           `xml:"NETWORK_ID"`
	DNS                string        `xml:"DNS"`
	Hostname           string        `xml:"DNS_DATA>HOSTNAME"`
	Domain             string        `xml:"DNS_DATA>DOMAIN"`
	FQDN               string        `xml:"DNS_DATA>FQDN"`
	NetBIOS            string        `xml:"NETBIOS"`
	OS                 string        `xml:"OS"`
	QGHostID           string        `xml:"QG_HOSTID"`
	LastBoot           string        `xml:"LAST_BOOT"`
	SerialNumber       string        `xml:"SERIAL_NUMBER"`
	HardwareUUID       string        `xml:"HARDWARE_UUID"`
	FirstFound         string        `xml:"FIRST_FOUND_DATE"`
	LastActivity       string        `xml:"LAST_ACTIVITY"`
	AgentStatus        string        `xml:"AGENT_STATUS"`
	CloudProvider      string        `xml:"CLOUD_PROVIDER"`
	CloudService       string        `xml:"CLOUD_SERVICE"`
	CloudResourceID    string        `xml:"CLOUD_RESOURCE_ID"`
	InstanceID         string        `xml:"EC2_INSTANCE_ID"`
	Tags               []foTag       `xml:"TAGS>TAG"`
	Metadata           []foAttribute `xml:"METADATA>EC2>ATTRIBUTE"`
	CloudTags          []foAttribute `xml:"CLOUD_PROVIDER_TAGS>CLOUD_TAG"`
	LastVulnScan       string        `xml:"LAST_VULN_SCAN_DATETIME"`
	LastScan           string        `xml:"LAST_SCAN_DATETIME"` // in the list of detections
	LastVMScanned      string        `xml:"LAST_VM_SCANNED_DATE"`
	LastVMScannedFor   int           `xml:"LAST_VM_SCANNED_DURATION"`
	LastVMAuthScanned  string        `xml:"LAST_VM_AUTH_SCANNED_DATE"`
	LastComplianceScan string        `xml:"LAST_COMPLIANCE_SCAN_DATETIME"`
	LastPCScanned      string        `xml:"LAST_PC_SCANNED_DATE"` // in the list of detections
	Owner              string        `xml:"OWNER"`
	Comment            string        `xml:"USER_DEF>VALUE_1"`
	AssetGroups        string        `xml:"ASSET_GROUP_IDS"`
	RiskScore          int           `xml:"ASSET_RISK_SCORE"`
	TruRisk            int           `xml:"TRURISK_SCORE"`
	Counts             []struct {
		Severity int `xml:"qds_severity,attr"`
		Count    int `xml:",chardata"`
	} `xml:"TRURISK_SCORE_FACTORS>VULN_COUNT"`
	Criticality int           `xml:"ASSET_CRITICALITY_SCORE"`
	Detections  []foDetection `xml:"DETECTION_LIST>DETECTION"`
}

type foTag struct {
	ID   int64  `xml:"TAG_ID"`
	Name string `xml:"NAME"`
}

type foAttribute struct {
	Name  string `xml:"NAME"`
	Value string `xml:"VALUE"`
	Seen  string `xml:"LAST_SUCCESS_DATE"`
}

type foDetection struct {
	ID       int64  `xml:"UNIQUE_VULN_ID"`
	QID      int64  `xml:"QID"`
	Type     string `xml:"TYPE"`
	Severity int    `xml:"SEVERITY"`
	Port     int    `xml:"PORT"`
	Protocol string `xml:"PROTOCOL"`
	FQDN     string `xml:"FQDN"`
	SSL      string `xml:"SSL"`
	Instance string `xml:"INSTANCE"`
	Results  string `xml:"RESULTS"`
	Status   string `xml:"STATUS"`
	First    string `xml:"FIRST_FOUND_DATETIME"`
	Last     string `xml:"LAST_FOUND_DATETIME"`
	QDS      struct {
		Severity string `xml:"severity,attr"`
		Score    string `xml:",chardata"`
	} `xml:"QDS"`
	Factors []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:",chardata"`
	} `xml:"QDS_FACTORS>QDS_FACTOR"`
	TimesFound      int    `xml:"TIMES_FOUND"`
	LastTest        string `xml:"LAST_TEST_DATETIME"`
	LastUpdate      string `xml:"LAST_UPDATE_DATETIME"`
	LastFixed       string `xml:"LAST_FIXED_DATETIME"`
	FirstReopened   string `xml:"FIRST_REOPENED_DATETIME"`
	LastReopened    string `xml:"LAST_REOPENED_DATETIME"`
	TimesReopened   int    `xml:"TIMES_REOPENED"`
	Service         string `xml:"SERVICE"`
	Ignored         string `xml:"IS_IGNORED"`
	Disabled        string `xml:"IS_DISABLED"`
	RunningKernel   string `xml:"AFFECT_RUNNING_KERNEL"`
	RunningService  string `xml:"AFFECT_RUNNING_SERVICE"`
	ExploitableConf string `xml:"AFFECT_EXPLOITABLE_CONFIG"`
	LastProcessed   string `xml:"LAST_PROCESSED_DATETIME"`
}

type foReference struct {
	ID  string `xml:"ID"`
	URL string `xml:"URL"`
}

type foScore struct {
	Base struct {
		Source string `xml:"source,attr"`
		Value  string `xml:",chardata"`
	} `xml:"BASE"`
	Temporal string `xml:"TEMPORAL"`
	Vector   string `xml:"VECTOR_STRING"`
	Version  string `xml:"CVSS3_VERSION"`
}

type foEntry struct {
	QID          int64         `xml:"QID"`
	Type         string        `xml:"VULN_TYPE"`
	Severity     int           `xml:"SEVERITY_LEVEL"`
	Title        string        `xml:"TITLE"`
	Category     string        `xml:"CATEGORY"`
	Customized   string        `xml:"LAST_CUSTOMIZATION>DATETIME"`
	Modified     string        `xml:"LAST_SERVICE_MODIFICATION_DATETIME"`
	Published    string        `xml:"PUBLISHED_DATETIME"`
	CodeModified string        `xml:"CODE_MODIFIED_DATETIME"`
	Bugtraq      []foReference `xml:"BUGTRAQ_LIST>BUGTRAQ"`
	Patchable    string        `xml:"PATCHABLE"`
	Patch        string        `xml:"PATCH_PUBLISHED_DATE"`
	Software     []struct {
		Product string `xml:"PRODUCT"`
		Vendor  string `xml:"VENDOR"`
	} `xml:"SOFTWARE_LIST>SOFTWARE"`
	References  []foReference `xml:"VENDOR_REFERENCE_LIST>VENDOR_REFERENCE"`
	CVEs        []foReference `xml:"CVE_LIST>CVE"`
	Diagnosis   string        `xml:"DIAGNOSIS"`
	Consequence string        `xml:"CONSEQUENCE"`
	Solution    string        `xml:"SOLUTION"`
	CVSS        foScore       `xml:"CVSS"`
	CVSSv3      foScore       `xml:"CVSS_V3"`
	PCI         string        `xml:"PCI_FLAG"`
	Threats     []struct {
		ID   int    `xml:"id,attr"`
		Name string `xml:",chardata"`
	} `xml:"THREAT_INTELLIGENCE>THREAT_INTEL"`
	Modules   string   `xml:"SUPPORTED_MODULES"`
	Remote    string   `xml:"DISCOVERY>REMOTE"`
	AuthTypes []string `xml:"DISCOVERY>AUTH_TYPE_LIST>AUTH_TYPE"`
	Disabled  string   `xml:"IS_DISABLED"`
}

// host is what belongs in an inventory of a host with all details.
func (f *fo) host(h foHost) simulator.Host {
	out := simulator.Host{
		ID: int64(f.int(h.ID)), AssetID: h.AssetID, IP: h.IP, IPv6: h.IPv6, TrackingMethod: h.TrackingMethod, NetworkID: h.NetworkID,
		DNS: trim(h.DNS), Hostname: trim(h.Hostname), Domain: trim(h.Domain), NetBIOS: trim(h.NetBIOS), OS: trim(h.OS),
		QGHostID: h.QGHostID, SerialNumber: h.SerialNumber, HardwareUUID: h.HardwareUUID, AgentStatus: h.AgentStatus,
		Owner: h.Owner, Comment: trim(h.Comment), CloudProvider: h.CloudProvider, CloudService: h.CloudService,
		CloudResourceID: trim(h.CloudResourceID), FirstFound: f.date(h.FirstFound), LastBoot: f.date(h.LastBoot),
		LastActivity: f.date(h.LastActivity), LastVMScanned: f.date(h.LastVMScanned), LastVulnScan: f.date(h.LastVulnScan),
		LastVMScannedDuration: h.LastVMScannedFor, LastVMAuthScanned: f.date(h.LastVMAuthScanned),
		LastComplianceScan: f.date(h.LastComplianceScan), RiskScore: h.RiskScore, Criticality: h.Criticality,
		Metadata: f.attributes(h.Metadata), CloudTags: f.attributes(h.CloudTags),
	}
	require.Equal(f.t, out.DNS, trim(h.FQDN))
	require.Equal(f.t, h.RiskScore, h.TruRisk)
	require.Equal(f.t, out.CloudResourceID, trim(h.InstanceID))
	for _, tag := range h.Tags {
		out.Tags = append(out.Tags, simulator.HostTag{ID: tag.ID, Name: trim(tag.Name)})
	}
	for id := range strings.SplitSeq(h.AssetGroups, ",") {
		if id != "" {
			out.AssetGroups = append(out.AssetGroups, int64(f.int(id)))
		}
	}
	for _, c := range h.Counts {
		out.SeverityCounts[c.Severity-1] = c.Count
	}
	return out
}

func (f *fo) attributes(all []foAttribute) []simulator.HostAttribute {
	var out []simulator.HostAttribute
	for _, a := range all {
		out = append(out, simulator.HostAttribute{Name: trim(a.Name), Value: trim(a.Value), Seen: f.date(a.Seen)})
	}
	return out
}

// detection is what belongs in an inventory of a detection with all details.
func (f *fo) detection(h foHost, d foDetection) simulator.Detection {
	out := simulator.Detection{
		HostID: int64(f.int(h.ID)), ID: d.ID, QID: d.QID, Type: d.Type, Severity: d.Severity, Port: d.Port, Protocol: d.Protocol,
		FQDN: d.FQDN, SSL: d.SSL, Instance: trim(d.Instance), Service: trim(d.Service), Results: trim(d.Results), Status: d.Status,
		FirstFound: f.date(d.First), LastFound: f.date(d.Last), TimesFound: d.TimesFound, LastTest: f.date(d.LastTest),
		LastUpdate: f.date(d.LastUpdate), LastFixed: f.date(d.LastFixed), FirstReopened: f.date(d.FirstReopened),
		LastReopened: f.date(d.LastReopened), TimesReopened: d.TimesReopened, Ignored: d.Ignored == "1", Disabled: d.Disabled == "1",
		RunningKernel: d.RunningKernel, RunningService: d.RunningService, ExploitableConf: d.ExploitableConf,
		LastProcessed: f.date(d.LastProcessed),
	}
	if d.QDS.Score != "" {
		out.QDS = f.int(d.QDS.Score)
		require.Equal(f.t, d.QDS.Severity == "CRITICAL", out.QDS >= 90)
		require.Equal(f.t, d.QDS.Severity == "LOW", out.QDS < 40)
	}
	for _, factor := range d.Factors {
		out.Factors = append(out.Factors, simulator.DetectionFactor{Name: factor.Name, Value: trim(factor.Value)})
	}
	return out
}

// entry is what belongs in a knowledge base of an entry with all details.
func (f *fo) entry(e foEntry) simulator.KnowledgeEntry {
	out := simulator.KnowledgeEntry{
		QID: e.QID, Type: e.Type, Severity: e.Severity, Title: trim(e.Title), Category: e.Category, Customized: f.date(e.Customized),
		Modified: f.date(e.Modified), Published: f.date(e.Published), CodeModified: f.date(e.CodeModified),
		Bugtraq: references(e.Bugtraq), Patchable: e.Patchable == "1", PatchPublished: f.date(e.Patch),
		VendorReferences: references(e.References), CVEs: references(e.CVEs), Diagnosis: trim(e.Diagnosis),
		Consequence: trim(e.Consequence), Solution: trim(e.Solution), CVSS: scoreOf(e.CVSS), CVSSv3: scoreOf(e.CVSSv3),
		PCI: e.PCI == "1", SupportedModules: e.Modules, Remote: e.Remote == "1", AuthTypes: e.AuthTypes, Disabled: e.Disabled == "1",
	}
	for _, s := range e.Software {
		out.Software = append(out.Software, simulator.KnowledgeSoftware{Product: trim(s.Product), Vendor: trim(s.Vendor)})
	}
	for _, threat := range e.Threats {
		out.ThreatIntelligence = append(out.ThreatIntelligence, simulator.KnowledgeThreat{ID: threat.ID, Name: trim(threat.Name)})
	}
	return out
}

func references(all []foReference) []simulator.KnowledgeReference {
	var out []simulator.KnowledgeReference
	for _, r := range all {
		out = append(out, simulator.KnowledgeReference{ID: trim(r.ID), URL: trim(r.URL)})
	}
	return out
}

func scoreOf(s foScore) simulator.KnowledgeScore {
	return simulator.KnowledgeScore{
		Base: s.Base.Value, BaseSource: s.Base.Source, Temporal: s.Temporal, Vector: s.Vector, Version: s.Version,
	}
}

func trim(text string) string { return strings.TrimSpace(text) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
