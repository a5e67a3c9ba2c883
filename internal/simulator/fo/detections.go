package fo

import (
	"strconv"
	"strings"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/vm"
)

var detectionParameters = set(commonParameters, []string{
	"output_format", "status", "severities", "qids", "qds_min", "qds_max",
	"show_results", "show_reopened_info", "show_igs", "show_qds", "show_qds_factors", "include_ignored", "include_disabled",
	"detection_updated_since", "detection_updated_before", "detection_processed_after", "detection_processed_before",
	"detection_last_tested_since", "detection_last_tested_before",
})

// detectionFilter says which detections are asked for; all conditions must hold.
type detectionFilter struct {
	statuses                   map[string]bool
	severities, qids           ids
	qds                        [2]int64
	igs, ignored, disabled     bool
	updated, processed, tested period
}

func (f *form) detectionFilter() detectionFilter {
	return detectionFilter{
		statuses:   f.statuses(),
		severities: f.ids("severities"),
		qids:       f.ids("qids"),
		qds:        [2]int64{f.number("qds_min", 0, 100), f.number("qds_max", 100, 100)},
		igs:        f.switchedOn("show_igs", false),
		ignored:    f.switchedOn("include_ignored", false),
		disabled:   f.switchedOn("include_disabled", false),
		updated:    f.period("detection_updated_since", "detection_updated_before"),
		processed:  f.period("detection_processed_after", "detection_processed_before"),
		tested:     f.period("detection_last_tested_since", "detection_last_tested_before"),
	}
}

// statuses reads a comma list; case does not matter (clients in use write both
// Re-Opened and Re-opened). Documented: without it all but Fixed are shown.
func (f *form) statuses() map[string]bool {
	value, given := f.values["status"]
	if !given {
		return map[string]bool{vm.StatusNew: true, vm.StatusActive: true, vm.StatusReopened: true}
	}
	out := map[string]bool{}
	for part := range strings.SplitSeq(value, ",") {
		known := false
		for _, status := range []string{vm.StatusNew, vm.StatusActive, vm.StatusFixed, vm.StatusReopened} {
			if strings.EqualFold(strings.TrimSpace(part), status) {
				out[status], known = true, true
			}
		}
		if !known {
			f.wrong(invalid("status", value, "not one of: New, Active, Fixed, Re-Opened"))
		}
	}
	return out
}

// has tells whether a detection is asked for. Information has no status to go
// by, and is there only when it is asked for (documented); ignored and disabled
// detections are there only when they are asked for (inferred).
func (f *detectionFilter) has(d *vm.Detection) bool {
	switch {
	case d.Type == vm.Info && !f.igs, d.Type != vm.Info && !f.statuses[d.Status],
		d.Ignored && !f.ignored, d.Disabled && !f.disabled,
		int64(d.QDS) < f.qds[0] || int64(d.QDS) > f.qds[1]:
		return false
	}
	return f.severities.has(int64(d.Severity)) && f.qids.has(d.QID) && f.updated.has(d.Updated()) &&
		f.processed.has(d.LastProcessed) && f.tested.has(d.LastTest)
}

// detections serves the list of detections, host by host.
func (x *exchange) detections() {
	hosts := x.form.hostFilter(x.user.Scope("host"))
	filter := x.form.detectionFilter()
	show := x.form.partsOfHosts("show_reopened_info", "show_qds", "show_qds_factors")
	show["show_results"] = x.form.switchedOn("show_results", true)
	x.form.choice("output_format", "XML")
	if x.refused() {
		return
	}
	w := x.hosts.World()
	// Hosts without a matching detection are left out (documented).
	wanted := func(r *vm.Record) bool {
		for d := range r.Detections() {
			if filter.has(d) {
				return true
			}
		}
		return false
	}
	p := x.spoil(w, &hosts, hosts.find(w, wanted), wanted)
	shown := shownOf(show, x.settings)
	x.list(w, p, func(d *document, r *vm.Record, half bool) int64 {
		return renderDetections(d, r, &filter, show, shown, half)
	})
}

// shown is what of a detection is shown.
type shown struct{ id, results, qds, factors, reopened bool }

func shownOf(show map[string]bool, v Settings) shown {
	return shown{
		id: !v.WithoutUniqueID, results: show["show_results"], qds: show["show_qds"], factors: show["show_qds_factors"],
		reopened: show["show_reopened_info"],
	}
}

// renderDetections writes a host with its detections in the order of the
// vendor's DTD, half of them when it is to break off.
func renderDetections(d *document, r *vm.Record, filter *detectionFilter, show map[string]bool, shown shown, half bool) int64 {
	h, defect := r.Host(), defective(r, faults.VMDetections)
	d.open("HOST")
	identity(d, &h, defect, show)
	d.free("OS", h.OS)
	names(d, &h)
	cloud(d, &h)
	d.free("NETBIOS", h.NetBIOS)
	d.word("QG_HOSTID", h.QGHostID)
	d.date("LAST_SCAN_DATETIME", h.LastVulnScan)
	scans(d, &h)
	d.date("LAST_PC_SCANNED_DATE", h.LastComplianceScan)
	if show["show_tags"] {
		tagList(d, &h)
	}
	metadata(d, &h, show)
	spoilHost(d, defect)
	d.open("DETECTION_LIST")
	stop := -1
	if half {
		for one := range r.Detections() {
			if filter.has(one) {
				stop++
			}
		}
		stop /= 2
	}
	var n int64
	for one := range r.Detections() {
		if !filter.has(one) {
			continue
		}
		if defect == "" {
			one.Malformed = "" // a defect of the other list
		}
		renderDetection(d, one, shown, int64(stop) == n)
		if int64(stop) == n {
			return n
		}
		n++
		d.flushIfFull()
		if d.err != nil {
			return n
		}
	}
	d.close("DETECTION_LIST")
	d.close("HOST")
	return n
}

// renderDetection writes a detection, half of it when it is to break off.
func renderDetection(d *document, one *vm.Detection, shown shown, half bool) {
	d.open("DETECTION")
	if shown.id {
		d.number("UNIQUE_VULN_ID", one.ID)
	}
	if one.Malformed != vm.QIDMissing {
		d.number("QID", one.QID)
	}
	d.word("TYPE", one.Type)
	if half {
		return
	}
	severity := one.Severity
	if one.Malformed == vm.SeverityOutOfRange {
		severity = 9
	}
	d.number("SEVERITY", int64(severity))
	if one.Port != 0 {
		d.number("PORT", int64(one.Port))
	}
	d.word("PROTOCOL", one.Protocol)
	d.word("FQDN", one.FQDN)
	d.word("SSL", one.SSL)
	d.free("INSTANCE", one.Instance)
	if shown.results && one.HasResults() {
		d.results(one)
	}
	d.word("STATUS", one.Status)
	if one.Malformed == vm.DateGarbage {
		d.word("FIRST_FOUND_DATETIME", "the day before yesterday")
	} else {
		d.date("FIRST_FOUND_DATETIME", one.FirstFound)
	}
	d.date("LAST_FOUND_DATETIME", one.LastFound)
	if shown.qds && one.QDS > 0 {
		d.indent()
		d.text(`<QDS severity="` + vm.QDSSeverity(one.QDS) + `">`)
		d.buf = strconv.AppendInt(d.buf, int64(one.QDS), 10)
		d.endTag("QDS")
	}
	if shown.factors && len(one.Factors) > 0 {
		d.open("QDS_FACTORS")
		for _, f := range one.Factors {
			d.indent()
			d.text(`<QDS_FACTOR name="`)
			d.text(f.Name)
			d.text(`">`)
			d.cdata(f.Value)
			d.endTag("QDS_FACTOR")
		}
		d.close("QDS_FACTORS")
	}
	d.number("TIMES_FOUND", int64(one.TimesFound))
	d.date("LAST_TEST_DATETIME", one.LastTest)
	d.date("LAST_UPDATE_DATETIME", one.LastUpdate)
	d.date("LAST_FIXED_DATETIME", one.LastFixed)
	if shown.reopened && one.TimesReopened > 0 {
		d.date("FIRST_REOPENED_DATETIME", one.FirstReopened)
		d.date("LAST_REOPENED_DATETIME", one.LastReopened)
		d.number("TIMES_REOPENED", int64(one.TimesReopened))
	}
	d.free("SERVICE", one.Service)
	d.flag("IS_IGNORED", one.Ignored)
	d.flag("IS_DISABLED", one.Disabled)
	d.word("AFFECT_RUNNING_KERNEL", one.RunningKernel)
	d.word("AFFECT_RUNNING_SERVICE", one.RunningService)
	d.word("AFFECT_EXPLOITABLE_CONFIG", one.ExploitableConf)
	d.date("LAST_PROCESSED_DATETIME", one.LastProcessed)
	d.close("DETECTION")
}

// results streams RESULTS: however long they are, they are not held in memory.
func (d *document) results(one *vm.Detection) {
	d.indent()
	d.text("<RESULTS>")
	if d.padded {
		d.text("\n")
		d.indent()
	}
	d.text("<![CDATA[")
	d.buf = one.AppendResults(d.buf, func(b []byte) []byte {
		d.buf = b
		d.flushIfFull()
		return d.buf
	})
	d.text("]]>")
	d.endTag("RESULTS")
}
