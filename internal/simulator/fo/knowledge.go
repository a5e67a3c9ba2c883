package fo

import (
	"strconv"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/knowledge"
)

var knowledgeParameters = set([]string{
	"action", "echo_request", "details", "ids", "id_min", "id_max", "is_patchable",
	"last_modified_after", "last_modified_before", "last_modified_by_service_after", "last_modified_by_service_before",
	"published_after", "published_before", "show_supported_modules_info", "show_disabled_flag", "show_pci_reasons",
})

// entryFilter says which entries are asked for; all conditions must hold. Ids
// that are not known are left out without a word (recorded).
type entryFilter struct {
	ids                                    ids
	min, max                               int64
	patchable                              string
	modified, modifiedByService, published period
}

func (f *form) entryFilter() entryFilter {
	const highestQID = 1 << 40
	return entryFilter{
		ids:               f.ids("ids"),
		min:               f.number("id_min", 0, highestQID),
		max:               f.number("id_max", highestQID, highestQID),
		patchable:         f.choice("is_patchable", "", "0", "1"),
		modified:          f.period("last_modified_after", "last_modified_before"),
		modifiedByService: f.period("last_modified_by_service_after", "last_modified_by_service_before"),
		published:         f.period("published_after", "published_before"),
	}
}

func (f *entryFilter) has(e *knowledge.Entry) bool {
	customized := e.Modified
	if e.Customized.After(customized) {
		customized = e.Customized // last_modified is by the user or by the service
	}
	return f.ids.has(e.QID) && e.QID >= f.min && e.QID <= f.max && (f.patchable == "" || (f.patchable == "1") == e.Patchable) &&
		f.modified.has(customized) && f.modifiedByService.has(e.Modified) && f.published.has(e.Published)
}

// knowledgeBase serves the knowledge base; it has no pages (documented: no
// truncation_limit).
func (x *exchange) knowledgeBase() {
	filter := x.form.entryFilter()
	details := x.form.choice("details", "Basic", "All", "None")
	show := x.form.switches("show_supported_modules_info", "show_disabled_flag", "show_pci_reasons", "echo_request")
	if x.refused() {
		return
	}
	d, comments := x.start()
	view := x.knowledge.View()
	list := "VULN_LIST"
	if details == "None" {
		list = "ID_SET"
	}
	padded, broken, omit := d.padded, x.Broken(), x.Fault(faults.OmitRecord) != nil
	var e knowledge.Entry
	var records int64
	for index := range view.Len() {
		if qid := view.QID(index); !filter.ids.has(qid) || qid < filter.min || qid > filter.max || d.err != nil {
			continue
		}
		if !view.Load(&e, index) || !filter.has(&e) {
			continue
		}
		if records == 0 {
			d.open(list)
		}
		if omit && records == 1 {
			omit = false
			x.Meets(faults.OmitRecord)
			continue
		}
		d.plain, d.padded = index%5 == 1, padded || index%7 == 3
		if details == "None" {
			d.number("ID", e.QID)
		} else {
			renderEntry(d, &e, details == "All", show, broken && records == 1)
		}
		if broken && records == 1 {
			x.finish(d, records, 0, true)
			return
		}
		if comments && records%50 == 0 {
			d.text("<!-- keep-alive for " + x.api.root + "  -->\n")
		}
		records++
		d.flushIfFull()
	}
	switch {
	case records > 0:
		d.close(list)
	case x.settings.EmptyList:
		d.open(list)
		d.close(list)
	}
	if broken {
		x.finish(d, records, 0, true)
		return
	}
	x.api.end(d, comments)
	x.finish(d, records, 0, false)
}

// renderEntry writes an entry in the order of the vendor's DTD, half of it when
// it is to break off. Details of All have what Basic leaves out (inferred: the
// correlation and the threats).
func renderEntry(d *document, e *knowledge.Entry, all bool, show map[string]bool, half bool) {
	d.open("VULN")
	d.number("QID", e.QID)
	d.word("VULN_TYPE", e.Type)
	d.number("SEVERITY_LEVEL", int64(e.Severity))
	d.free("TITLE", e.Title)
	d.element("CATEGORY", e.Category)
	if half {
		return
	}
	if !e.Customized.IsZero() {
		d.open("LAST_CUSTOMIZATION")
		d.date("DATETIME", e.Customized)
		d.close("LAST_CUSTOMIZATION")
	}
	d.date("LAST_SERVICE_MODIFICATION_DATETIME", e.Modified)
	d.date("PUBLISHED_DATETIME", e.Published)
	d.date("CODE_MODIFIED_DATETIME", e.CodeModified)
	references(d, "BUGTRAQ_LIST", "BUGTRAQ", e.Bugtraq)
	d.flag("PATCHABLE", e.Patchable)
	d.date("PATCH_PUBLISHED_DATE", e.PatchPublished)
	if len(e.Software) > 0 {
		d.open("SOFTWARE_LIST")
		for _, s := range e.Software {
			d.open("SOFTWARE")
			d.free("PRODUCT", s.Product)
			d.free("VENDOR", s.Vendor)
			d.close("SOFTWARE")
		}
		d.close("SOFTWARE_LIST")
	}
	references(d, "VENDOR_REFERENCE_LIST", "VENDOR_REFERENCE", e.VendorReferences)
	references(d, "CVE_LIST", "CVE", e.CVEs)
	d.free("DIAGNOSIS", e.Diagnosis)
	d.free("CONSEQUENCE", e.Consequence)
	d.free("SOLUTION", e.Solution)
	score(d, "CVSS", e.CVSS)
	score(d, "CVSS_V3", e.CVSSv3)
	d.flag("PCI_FLAG", e.PCI)
	if all && len(e.ThreatIntelligence) > 0 {
		d.open("THREAT_INTELLIGENCE")
		for _, t := range e.ThreatIntelligence {
			d.indent()
			d.text(`<THREAT_INTEL id="` + strconv.Itoa(t.ID) + `">`)
			d.cdata(t.Name)
			d.endTag("THREAT_INTEL")
		}
		d.close("THREAT_INTELLIGENCE")
	}
	if show["show_supported_modules_info"] {
		d.word("SUPPORTED_MODULES", e.SupportedModules)
	}
	d.open("DISCOVERY")
	d.flag("REMOTE", e.Remote)
	if len(e.AuthTypes) > 0 {
		d.open("AUTH_TYPE_LIST")
		for _, name := range e.AuthTypes {
			d.word("AUTH_TYPE", name)
		}
		d.close("AUTH_TYPE_LIST")
	}
	d.close("DISCOVERY")
	if show["show_disabled_flag"] {
		d.flag("IS_DISABLED", e.Disabled)
	}
	d.close("VULN")
}

func references(d *document, list, element string, all []knowledge.Reference) {
	if len(all) == 0 {
		return
	}
	d.open(list)
	for _, r := range all {
		d.open(element)
		d.free("ID", r.ID)
		d.free("URL", r.URL)
		d.close(element)
	}
	d.close(list)
}

func score(d *document, name string, s knowledge.Score) {
	if s.Base == "" {
		return
	}
	d.open(name)
	if s.BaseSource == "" {
		d.word("BASE", s.Base)
	} else {
		d.indent()
		d.text(`<BASE source="` + s.BaseSource + `">` + s.Base)
		d.endTag("BASE")
	}
	d.word("TEMPORAL", s.Temporal)
	d.word("VECTOR_STRING", s.Vector)
	d.word("CVSS3_VERSION", s.Version)
	d.close(name)
}
