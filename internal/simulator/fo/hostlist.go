package fo

import (
	"strconv"
	"strings"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/vm"
)

var hostListParameters = set(commonParameters, []string{
	"details", "show_ars", "show_trurisk", "show_trurisk_factors",
})

// hostList serves the host list.
func (x *exchange) hostList() {
	filter := x.form.hostFilter(x.user.Scope("host"))
	details := x.form.choice("details", "Basic", "Basic/AGs", "All", "All/AGs", "None")
	show := x.form.partsOfHosts("show_ars", "show_trurisk", "show_trurisk_factors")
	if x.refused() {
		return
	}
	w := x.hosts.World()
	wanted := func(*vm.Record) bool { return true }
	p := x.spoil(w, &filter, filter.find(w, wanted), wanted)
	if details == "None" {
		x.idSet(w, p)
		return
	}
	x.list(w, p, func(d *document, r *vm.Record, half bool) int64 {
		renderHost(d, r, details, show, half)
		return 0
	})
}

// idSet answers with ids alone; ids that follow each other are ranges.
func (x *exchange) idSet(w *vm.World, p page) {
	d, comments := x.start()
	if len(p.indexes) > 0 || x.settings.EmptyList {
		d.open("ID_SET")
		if x.Broken() {
			x.finish(d, 0, 0, true)
			return
		}
		for n := 0; n < len(p.indexes); {
			first := w.ID(p.indexes[n])
			last := first
			for n++; n < len(p.indexes) && w.ID(p.indexes[n]) == last+1; n++ {
				last++
			}
			if first == last {
				d.number("ID", first)
			} else {
				d.word("ID_RANGE", strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10))
			}
			d.flushIfFull()
		}
		d.close("ID_SET")
	}
	x.warning(d, p.next)
	x.api.end(d, comments)
	x.finish(d, int64(len(p.indexes)), 0, false)
}

// renderHost writes a host in the order of the vendor's DTD.
func renderHost(d *document, r *vm.Record, details string, show map[string]bool, half bool) {
	h, defect := r.Host(), defective(r, faults.VMHosts)
	all := strings.HasPrefix(details, "All")
	d.open("HOST")
	spoilHost(d, defect)
	identity(d, &h, defect, show)
	names(d, &h)
	d.free("NETBIOS", h.NetBIOS)
	d.free("OS", h.OS)
	d.word("QG_HOSTID", h.QGHostID)
	if half {
		return
	}
	if all {
		d.date("LAST_BOOT", h.LastBoot)
		d.word("SERIAL_NUMBER", h.SerialNumber)
		d.word("HARDWARE_UUID", h.HardwareUUID)
		d.date("FIRST_FOUND_DATE", h.FirstFound)
		d.date("LAST_ACTIVITY", h.LastActivity)
		d.word("AGENT_STATUS", h.AgentStatus)
	}
	cloud(d, &h)
	if show["show_tags"] {
		tagList(d, &h)
	}
	metadata(d, &h, show)
	d.date("LAST_VULN_SCAN_DATETIME", h.LastVulnScan)
	scans(d, &h)
	if all {
		d.date("LAST_COMPLIANCE_SCAN_DATETIME", h.LastComplianceScan)
		d.word("OWNER", h.Owner)
		if h.Comment != "" {
			d.open("USER_DEF")
			d.free("VALUE_1", h.Comment)
			d.close("USER_DEF")
		}
	}
	if strings.HasSuffix(details, "/AGs") && len(h.AssetGroups) > 0 {
		groups := make([]string, len(h.AssetGroups))
		for n, id := range h.AssetGroups {
			groups[n] = strconv.FormatInt(id, 10)
		}
		d.word("ASSET_GROUP_IDS", strings.Join(groups, ","))
	}
	scores(d, &h, show)
	d.close("HOST")
}

// spoilHost writes what makes a record with a defect unreadable.
func spoilHost(d *document, defect vm.DefectKind) {
	switch defect {
	case vm.MalformedXML:
		d.text("<COMMENTS>R&D <b></COMMENTS>\n")
	case vm.ControlCharacter:
		d.text("<COMMENTS>beep \x01</COMMENTS>\n")
	case vm.InvalidUTF8:
		d.text("<COMMENTS><![CDATA[B\xfcro]]></COMMENTS>\n")
	}
}

// identity writes what both lists begin a host with.
func identity(d *document, h *vm.Host, defect vm.DefectKind, show map[string]bool) {
	if defect != vm.IDMissing {
		d.number("ID", h.ID)
	}
	if show["show_asset_id"] {
		d.number("ASSET_ID", h.AssetID)
	}
	d.word("IP", h.IP)
	d.word("IPV6", h.IPv6)
	d.word("TRACKING_METHOD", h.TrackingMethod)
	d.number("NETWORK_ID", int64(h.NetworkID))
}

func scans(d *document, h *vm.Host) {
	d.date("LAST_VM_SCANNED_DATE", h.LastVMScanned)
	d.number("LAST_VM_SCANNED_DURATION", int64(h.LastVMScannedDuration))
	d.date("LAST_VM_AUTH_SCANNED_DATE", h.LastVMAuthScanned)
}

func names(d *document, h *vm.Host) {
	d.free("DNS", h.DNS)
	if h.DNS == "" {
		return
	}
	d.open("DNS_DATA")
	d.free("HOSTNAME", h.Hostname)
	d.free("DOMAIN", h.Domain)
	d.free("FQDN", h.DNS)
	d.close("DNS_DATA")
}

func cloud(d *document, h *vm.Host) {
	d.word("CLOUD_PROVIDER", h.CloudProvider)
	d.word("CLOUD_SERVICE", h.CloudService)
	d.free("CLOUD_RESOURCE_ID", h.CloudResourceID)
	d.free("EC2_INSTANCE_ID", h.CloudResourceID)
}

func tagList(d *document, h *vm.Host) {
	if len(h.Tags) == 0 {
		return
	}
	d.open("TAGS")
	for _, tag := range h.Tags {
		d.open("TAG")
		d.number("TAG_ID", tag.ID)
		d.free("NAME", tag.Name)
		d.close("TAG")
	}
	d.close("TAGS")
}

// metadata writes what the cloud's provider says (documented elements).
func metadata(d *document, h *vm.Host, show map[string]bool) {
	if show["host_metadata"] && len(h.Metadata) > 0 {
		d.open("METADATA")
		d.open("EC2")
		for _, a := range h.Metadata {
			d.open("ATTRIBUTE")
			d.free("NAME", a.Name)
			d.word("LAST_STATUS", "Success")
			d.free("VALUE", a.Value)
			d.date("LAST_SUCCESS_DATE", a.Seen)
			d.close("ATTRIBUTE")
		}
		d.close("EC2")
		d.close("METADATA")
	}
	if show["show_cloud_tags"] && len(h.CloudTags) > 0 {
		d.open("CLOUD_PROVIDER_TAGS")
		for _, a := range h.CloudTags {
			d.open("CLOUD_TAG")
			d.free("NAME", a.Name)
			d.free("VALUE", a.Value)
			d.date("LAST_SUCCESS_DATE", a.Seen)
			d.close("CLOUD_TAG")
		}
		d.close("CLOUD_PROVIDER_TAGS")
	}
}

// scores writes the risk of a host.
func scores(d *document, h *vm.Host, show map[string]bool) {
	if show["show_ars"] {
		d.number("ASSET_RISK_SCORE", int64(h.RiskScore))
	}
	if show["show_trurisk"] {
		d.number("TRURISK_SCORE", int64(h.RiskScore))
		if show["show_trurisk_factors"] {
			d.open("TRURISK_SCORE_FACTORS")
			d.free("TRURISK_SCORE_FORMULA", "ACS*{wc*(CVSS)+wh*(QDS)} > 0 & < 1000")
			for n, count := range h.SeverityCounts {
				d.indent()
				d.text(`<VULN_COUNT qds_severity="` + strconv.Itoa(n+1) + `">` + strconv.Itoa(count) + "</VULN_COUNT>\n")
			}
			d.close("TRURISK_SCORE_FACTORS")
		}
	}
	if show["show_ars"] || show["show_trurisk"] {
		d.number("ASSET_CRITICALITY_SCORE", int64(h.Criticality))
	}
}
