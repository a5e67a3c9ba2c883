package fo

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/xmlstream"
)

// KnowledgeBase is the stream of the knowledge base, which Qualys WAS and
// Qualys VM share.
var KnowledgeBase = source.AssetType{
	Name: "KNOWLEDGEBASE", Role: source.Reference,
	Model: "qualys.knowledgebase", Map: "qualys-knowledgebase",
	// By how much entries appear later than they say they were modified is not
	// published; reading a day again costs one call and few records.
	Overlap: 24 * time.Hour,
}

// knowledgeBase is documented (Qualys VM/PC API user guide: KnowledgeBase), but
// for the order of its entries.
var knowledgeBase = &Call{
	Title:    "knowledge base",
	Path:     "/api/%s/fo/knowledge_base/vuln/",
	Versions: []string{"3.0", "2.0"},
	Root:     "KNOWLEDGE_BASE_VULN_LIST_OUTPUT", List: "VULN_LIST", Record: "VULN",
	Show: url.Values{
		"show_pci_reasons":            {"1"},
		"show_supported_modules_info": {"1"},
		"show_disabled_flag":          {"1"},
	},
	ID: "QID", Unordered: true,
	Shapes: xmlstream.NewShapes(xmlstream.Table{
		Lists: []string{
			"BUGTRAQ_LIST/BUGTRAQ", "SOFTWARE_LIST/SOFTWARE", "VENDOR_REFERENCE_LIST/VENDOR_REFERENCE", "CVE_LIST/CVE",
			"COMPLIANCE_LIST/COMPLIANCE", "EXPLOITS/EXPLT_SRC", "EXPLT_LIST/EXPLT", "MALWARE/MW_SRC", "MW_LIST/MW_INFO",
			"PCI_REASONS/PCI_REASON", "THREAT_INTELLIGENCE/THREAT_INTEL", "AUTH_TYPE_LIST/AUTH_TYPE",
			"CHANGE_LOG_LIST/CHANGE_LOG_INFO",
		},
		Objects: []string{
			"VULN", "LAST_CUSTOMIZATION", "CORRELATION", "CVSS", "CVSS/BASE", "CVSS_V3", "CVSS_V3/BASE", "THREAT_INTEL", "DISCOVERY",
		},
	}),
	Advice: "the knowledge base API has to be enabled for the subscription: ask Qualys support or your account manager for it",
}

// ReadKnowledgeBase opens the stream KnowledgeBase at a cursor: what was
// modified at or after since, all if that is zero. It is one streamed answer;
// when that is cut, it goes on after the last entry.
func (s *Session) ReadKnowledgeBase(since time.Time, at string) (source.Reader, error) {
	form := url.Values{"details": {"All"}}
	if !since.IsZero() {
		form.Set("last_modified_after", qualys.After(since))
	}
	search := func(ctx context.Context, low, high uint64) (*idSet, error) {
		brief := ranged(form, low, high, -1)
		brief.Set("details", "Basic")
		return s.firstIDs(ctx, knowledgeBase, brief)
	}
	return s.Read(Stream{Call: knowledgeBase, Form: form, Page: -1, search: search}, at)
}

// firstIDs reads the ids of the first records of a list.
func (s *Session) firstIDs(ctx context.Context, call *Call, form url.Values) (*idSet, error) {
	a, err := s.open(ctx, call, form)
	if err != nil {
		return nil, err
	}
	defer a.close()
	var (
		ids    []idSpan
		record []byte
	)
	for len(ids) < maxListed {
		name, err := a.element()
		switch {
		case err == io.EOF:
			return newIDSet(ids), nil
		case err != nil:
			return nil, err
		case name != call.Record:
			err = a.xml.Skip()
		default:
			record, err = a.xml.AppendJSON(record[:0], call.Shapes, s.limits.Record)
			if id, known := idOf(record, call.ID); known {
				ids = append(ids, idSpan{id, id})
			}
		}
		if err != nil {
			return nil, a.broken(err)
		}
	}
	return newIDSet(ids), nil
}

// probeQIDs are two entries that every knowledge base has; Qualys's own test of
// API access asks for them.
const probeQIDs = "82054,82024"

// ProbeKnowledgeBase is the step of a connection test that reads two entries.
func (s *Session) ProbeKnowledgeBase(ctx context.Context) source.Check {
	begin := time.Now()
	form := url.Values{"details": {"Basic"}, "ids": {probeQIDs}}
	ids, err := s.firstIDs(ctx, knowledgeBase, form)
	check := qualys.CheckFrom(knowledgeBase.Title, s.Explained(knowledgeBase, err), time.Since(begin))
	switch {
	case err != nil:
	case ids.count == 0:
		check.Message = "answered, and shows none of the entries asked for"
		check.Advice = knowledgeBase.Advice
	default:
		check.Message = fmt.Sprintf("answered with %d of 2 entries asked for", ids.count)
	}
	return check
}
