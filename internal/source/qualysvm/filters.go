package qualysvm

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/suggest"
)

// The filters of a profile.
const (
	filterTags       = "tags"
	filterIDs        = "ids"
	filterIPs        = "ips"
	filterSeverities = "severities"
	filterStatuses   = "statuses"
	// The last two say what is read of detections, not of which hosts; as part
	// of the profile they make the next run a full one when they change.
	filterInformation = "information"
	filterResults     = "results"
)

// Filters implements source.Kind.
func (kind) Filters() []source.Filter {
	return []source.Filter{
		{Name: filterTags, Help: "hosts that have one of these tags: Data center,Production", Check: each(checkTag)},
		{Name: filterIDs, Help: "hosts with these ids: 4711,5000-5999", Check: each(checkID)},
		{Name: filterIPs, Help: "hosts with these IPv4 addresses: 10.0.0.1,10.0.1.0-10.0.1.255", Check: each(checkIP)},
		{Name: filterSeverities, Help: "detections of these severities: 4,5", Check: each(checkSeverity), Drifts: source.Always},
		{Name: filterStatuses, Help: "detections in these states: New,Active,Re-Opened,Fixed (the default is all of them)", Check: each(checkStatus), Drifts: drifts},
		{Name: filterInformation, Help: "true reads gathered information (detections of type Info) too; false is the default", Check: trueOrFalse},
		{Name: filterResults, Help: "true reads what the checks saw (RESULTS), for maps that take it; answers are many times as large; false is the default", Check: trueOrFalse},
	}
}

func trueOrFalse(values []string) error {
	if len(values) != 1 || values[0] != "true" && values[0] != "false" {
		return fmt.Errorf("%q is neither true nor false", strings.Join(values, ","))
	}
	return nil
}

// drifts says that some of the states of open detections are left out: one
// that is absent may have come into such a state.
func drifts(states []string) bool {
	for _, open := range []string{"New", "Active", "Re-Opened"} {
		if !slices.Contains(states, open) {
			return true
		}
	}
	return false
}

func each(check func(string) error) func([]string) error {
	return func(values []string) error {
		for _, v := range values {
			if err := check(v); err != nil {
				return err
			}
		}
		return nil
	}
}

func checkTag(v string) error {
	if strings.TrimSpace(v) == "" || strings.Contains(v, ",") {
		return fmt.Errorf("%q cannot be asked for: the API separates tags by commas", v)
	}
	return nil
}

func checkID(v string) error {
	low, high, isRange := strings.Cut(v, "-")
	if !isRange {
		high = low
	}
	a, err := strconv.ParseUint(low, 10, 63)
	b, err2 := strconv.ParseUint(high, 10, 63)
	if err != nil || err2 != nil || a == 0 || a > b {
		return fmt.Errorf("%q is no id, and no range of ids such as 5000-5999", v)
	}
	return nil
}

func checkIP(v string) error {
	low, high, isRange := strings.Cut(v, "-")
	if !isRange {
		high = low
	}
	a, err := netip.ParseAddr(low)
	b, err2 := netip.ParseAddr(high)
	if err != nil || err2 != nil || !a.Is4() || !b.Is4() || b.Less(a) {
		return fmt.Errorf("%q is no IPv4 address, and no range of them such as 10.0.1.0-10.0.1.255", v)
	}
	return nil
}

func checkSeverity(v string) error {
	if len(v) != 1 || v[0] < '1' || v[0] > '5' {
		return fmt.Errorf("%q is no severity: they are 1 to 5", v)
	}
	return nil
}

// statuses are the states of detections, by the vendor's names (documented).
var statuses = []string{"New", "Active", "Re-Opened", "Fixed"}

func checkStatus(v string) error {
	if !slices.Contains(statuses, v) {
		return fmt.Errorf("%q is no state of a detection%s", v, suggest.Ending(v, statuses))
	}
	return nil
}

// hostForm asks for the hosts that a request is about.
func hostForm(req source.Request, details string) url.Values {
	form := hostFilters(req)
	form.Set("details", details)
	return form
}

// hostFilters says which hosts a request is about.
func hostFilters(req source.Request) url.Values {
	form := url.Values{}
	if !req.Since.IsZero() {
		form.Set("vm_processed_after", qualys.After(req.Since))
	}
	if tags := req.Filters[filterTags]; len(tags) > 0 {
		form.Set("use_tags", "1")
		form.Set("tag_set_by", "name")
		form.Set("tag_include_selector", "any")
		form.Set("tag_set_include", strings.Join(tags, ","))
	}
	if ids := req.Filters[filterIDs]; len(ids) > 0 {
		form.Set("ids", strings.Join(ids, ","))
	}
	if ips := req.Filters[filterIPs]; len(ips) > 0 {
		form.Set("ips", strings.Join(ips, ","))
	}
	return form
}

// detectionForm asks for the detections that a request is about. Without the
// state Fixed it would never be seen that something was fixed.
func detectionForm(req source.Request) url.Values {
	form := hostFilters(req)
	wanted := req.Filters[filterStatuses]
	if len(wanted) == 0 {
		wanted = statuses
	}
	form.Set("status", strings.Join(wanted, ","))
	if severities := req.Filters[filterSeverities]; len(severities) > 0 {
		form.Set("severities", strings.Join(severities, ","))
	}
	return form
}
