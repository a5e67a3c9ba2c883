package qualyswas

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/source"
	"sluice/internal/suggest"
)

// The filters of a profile.
const (
	filterTags       = "tags"
	filterWebApps    = "webapps"
	filterSeverities = "severities"
	filterStatuses   = "statuses"
	filterDetail     = "detail"
)

// The values of filterDetail.
const (
	detailVerbose = "verbose"
	detailBrief   = "brief"
)

// statuses that findings can be searched by (Qualys documentation: "WAS API
// user guide").
var statuses = []string{"NEW", "ACTIVE", "REOPENED", "PROTECTED", "FIXED"}

// maxValues bounds the values of a filter: they all go into every request.
const maxValues = 500

// Filters implements source.Kind.
func (kind) Filters() []source.Filter {
	return []source.Filter{
		{
			Name: filterTags, Check: few,
			Help: "web applications with any of these tags, and their findings: names or ids, such as Internet facing,8800012; a value of digits alone is an id",
		},
		{
			Name: filterWebApps, Check: few,
			Help: "these web applications and their findings: names or ids, such as Web shop,238483924; a value of digits alone is an id",
		},
		{
			Name: filterSeverities, Check: among("severity", "1", "2", "3", "4", "5"), Drifts: source.Always,
			Help: "findings of these severities, 1 to 5, such as 4,5",
		},
		{
			Name: filterStatuses, Check: among("status", statuses...), Drifts: source.Always,
			Help: "findings of these statuses, such as NEW,ACTIVE,REOPENED (of " + strings.Join(statuses, ", ") +
				"); those of type INFORMATION_GATHERED have no status, and are left out by any",
		},
		{
			Name: filterDetail, Check: exactlyOne,
			Help: "how much is told of each record: " + detailVerbose + " (default) or " + detailBrief +
				", which is smaller and has no CVSS, OWASP, WASC, CWE, detection score, results or reasons for ignoring",
		},
	}
}

func few(values []string) error {
	if len(values) > maxValues {
		return fmt.Errorf("%d values are too many: at most %d are allowed", len(values), maxValues)
	}
	for _, v := range values {
		if strings.TrimSpace(v) == "" || len(v) > 1024 {
			return fmt.Errorf("a value is empty or longer than 1024 bytes")
		}
	}
	return nil
}

func among(what string, known ...string) func([]string) error {
	return func(values []string) error {
		for _, v := range values {
			if !slices.Contains(known, v) {
				return fmt.Errorf("there is no %s %q%s", what, v, suggest.Ending(v, known))
			}
		}
		return nil
	}
}

func exactlyOne(values []string) error {
	if len(values) != 1 {
		return fmt.Errorf("takes one value, %s or %s", detailVerbose, detailBrief)
	}
	return among("detail", detailVerbose, detailBrief)(values)
}

// narrowing is what filters come to, before names are looked up.
type narrowing struct {
	tags, webApps        references
	severities, statuses []string
	verbose              bool
}

func narrowingOf(filters map[string][]string) narrowing {
	return narrowing{
		tags:       referencesOf(filters[filterTags]),
		webApps:    referencesOf(filters[filterWebApps]),
		severities: filters[filterSeverities],
		statuses:   filters[filterStatuses],
		verbose:    !slices.Contains(filters[filterDetail], detailBrief),
	}
}

// references name things by ids, by names, or both.
type references struct{ ids, names []string }

func referencesOf(values []string) references {
	var r references
	for _, v := range values {
		if number(v) {
			r.ids = append(r.ids, v)
		} else {
			r.names = append(r.names, v)
		}
	}
	return r
}

func (r references) none() bool { return len(r.ids)+len(r.names) == 0 }

// single is the one name; empty when there are others. Texts can be compared
// with one value only, so that several names have to be looked up.
func (r references) single() string {
	if len(r.ids) == 0 && len(r.names) == 1 {
		return r.names[0]
	}
	return ""
}
