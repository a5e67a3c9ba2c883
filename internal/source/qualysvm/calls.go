package qualysvm

import (
	"net/url"
	"slices"

	"sluice/internal/qualys/fo"
	"sluice/internal/xmlstream"
)

// Everything that is known of the calls stands in this file.
//
// Documented (Qualys VM/PC API user guide, and clients that Qualys publishes):
// paths, parameters, elements, and that hosts come in ascending order of their
// ids. That detections do as well is inferred from their id_min. The versions
// between the oldest and the newest are inferred too: one that is not there
// answers 404, and the next older one is used.

var (
	hostPath     = "/api/%s/fo/asset/host/"
	hostVersions = []string{"3.0", "2.0"}

	detectionPath     = "/api/%s/fo/asset/host/vm/detection/"
	detectionVersions = []string{"5.0", "4.0", "3.0", "2.0"}
)

const rootHosts = "HOST_LIST_OUTPUT"

// hostList delivers hosts.
var hostList = &fo.Call{
	Title: "host list", Path: hostPath, Versions: hostVersions,
	Root: rootHosts, List: "HOST_LIST", Record: "HOST", ID: "ID",
	Show: url.Values{
		"show_asset_id":        {"1"},
		"show_tags":            {"1"},
		"show_ars":             {"1"},
		"show_ars_factors":     {"1"},
		"show_trurisk":         {"1"},
		"show_trurisk_factors": {"1"},
		"show_cloud_tags":      {"1"},
		"host_metadata":        {"all"},
	},
	Shapes: hostShapes,
}

// hostIDs lists the ids of hosts.
var hostIDs = &fo.Call{
	Title: "host list", Path: hostPath, Versions: hostVersions,
	Root: rootHosts, List: "ID_SET",
}

// The values of the parameter details.
const (
	detailsAll  = "All/AGs"
	detailsNone = "None" // ids alone
)

// detections delivers hosts with their detections. Ignored ones and those of
// disabled QIDs are asked for, since what is left out would be taken for fixed.
func detections(filters map[string][]string) *fo.Call {
	return &fo.Call{
		Title: "detection list", Path: detectionPath, Versions: detectionVersions,
		Root: "HOST_LIST_VM_DETECTION_OUTPUT", List: "HOST_LIST", Record: "HOST", ID: "ID",
		Split: "DETECTION_LIST", Part: "DETECTION", Finish: identify,
		Show: url.Values{
			"show_asset_id":      {"1"},
			"show_tags":          {"0"}, // the hosts have them
			"show_igs":           {asked(filters, filterInformation)},
			"show_results":       {asked(filters, filterResults)},
			"show_reopened_info": {"1"},
			"show_qds":           {"1"},
			"show_qds_factors":   {"1"},
			"include_ignored":    {"1"},
			"include_disabled":   {"1"},
		},
		Shapes: hostShapes,
	}
}

// asked is whether a filter that is either true or false is true.
func asked(filters map[string][]string, name string) string {
	if slices.Equal(filters[name], []string{"true"}) {
		return "1"
	}
	return "0"
}

// hostShapes are the shapes of hosts and detections.
var hostShapes = xmlstream.NewShapes(xmlstream.Table{
	Lists: []string{
		"TAGS/TAG", "EC2/ATTRIBUTE", "GOOGLE/ATTRIBUTE", "AZURE/ATTRIBUTE", "CLOUD_PROVIDER_TAGS/CLOUD_TAG",
		"ARS_FACTORS/VULN_COUNT", "TRURISK_SCORE_FACTORS/VULN_COUNT",
		"QDS_FACTORS/QDS_FACTOR",
	},
	Objects: []string{
		"HOST", "DNS_DATA", "METADATA", "USER_DEF", "TAG", "VULN_COUNT",
		"DETECTION_LIST", "DETECTION", "QDS", "QDS_FACTOR",
	},
})
