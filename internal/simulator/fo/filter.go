package fo

import (
	"net/netip"
	"strconv"
	"strings"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/vm"
)

// commonParameters are those that the host list and the list of detections
// share (documented; those that the simulator does not evaluate are missing, so
// that they are refused instead of ignored).
var commonParameters = []string{
	"action", "echo_request", "truncation_limit", "ids", "id_min", "id_max", "ips",
	"use_tags", "tag_set_by", "tag_include_selector", "tag_exclude_selector", "tag_set_include", "tag_set_exclude",
	"vm_scan_since", "no_vm_scan_since", "vm_processed_after", "vm_processed_before", "vm_scan_date_after", "vm_scan_date_before",
	"show_tags", "show_asset_id", "host_metadata", "show_cloud_tags",
}

// partsOfHosts reads which parts of hosts are asked for, and the switches of
// some others.
func (f *form) partsOfHosts(others ...string) map[string]bool {
	show := f.switches(append(others, "show_tags", "show_asset_id", "show_cloud_tags", "echo_request")...)
	if f.values["host_metadata"] != "" {
		f.choice("host_metadata", "all", "ec2")
		show["host_metadata"] = true
	}
	return show
}

// hostFilter says which hosts are asked for; all conditions must hold
// (documented).
type hostFilter struct {
	scope     account.Scope
	ids       ids
	min, max  int64
	ips       [][2]netip.Addr
	processed period
	scanned   [2]period
	tags      *tagFilter
	limit     int // hosts; 0 means all
}

func (f *form) hostFilter(scope account.Scope) hostFilter {
	const highestID = 1 << 60
	return hostFilter{
		scope:     scope,
		ids:       f.ids("ids"),
		min:       f.number("id_min", 0, highestID),
		max:       f.number("id_max", highestID, highestID),
		ips:       f.addresses("ips"),
		processed: f.period("vm_processed_after", "vm_processed_before"),
		scanned: [2]period{
			f.period("vm_scan_since", "no_vm_scan_since"),
			f.period("vm_scan_date_after", "vm_scan_date_before"),
		},
		tags: f.tagFilter(),
		// Documented: 1,000 unless said otherwise, 1 to 1,000,000, or 0 for no limit.
		limit: int(f.number("truncation_limit", 1000, 1_000_000)),
	}
}

// beyond tells whether no host from this one on can match.
func (h *hostFilter) beyond(id int64) bool {
	return id > h.max || h.ids != nil && (len(h.ids) == 0 || id > h.ids[len(h.ids)-1][1])
}

// first is the lowest id that can match.
func (h *hostFilter) first() int64 {
	if len(h.ids) > 0 {
		return max(h.min, h.ids[0][0])
	}
	return h.min
}

// matches loads a host into r when it is asked for.
func (h *hostFilter) matches(w *vm.World, r *vm.Record, index int) bool {
	if !h.ids.has(w.ID(index)) || !w.Visible(index, h.scope) {
		return false
	}
	w.Load(r, index)
	return h.hasAddress(r.IP()) && h.processed.has(instant(r.Processed)) && h.scanned[0].has(instant(r.Scanned)) &&
		h.scanned[1].has(instant(r.Scanned)) && h.tags.match(r.Tags())
}

func (h *hostFilter) hasAddress(ip netip.Addr) bool {
	for _, r := range h.ips {
		if !ip.Less(r[0]) && !r[1].Less(ip) {
			return true
		}
	}
	return h.ips == nil
}

// tagFilter goes by tags, as sets of bits of vm.Tags.
type tagFilter struct {
	include, exclude       uint8
	includeAll, excludeAll bool
}

// tagFilter reads what use_tags turns on (documented: tag_set_by id or name,
// selectors any or all); nil when it is off.
func (f *form) tagFilter() *tagFilter {
	if !f.switchedOn("use_tags", false) {
		return nil
	}
	if f.values["tag_set_include"] == "" && f.values["tag_set_exclude"] == "" {
		f.wrong(&refusal{1922, "Please specify at least one of the following parameters: tag_set_include, tag_set_exclude"})
	}
	byID := f.choice("tag_set_by", "id", "name") == "id"
	return &tagFilter{
		include:    f.tags("tag_set_include", byID),
		exclude:    f.tags("tag_set_exclude", byID),
		includeAll: f.choice("tag_include_selector", "any", "all") == "all",
		excludeAll: f.choice("tag_exclude_selector", "any", "all") == "all",
	}
}

// tags reads a comma list of tags' ids or names; a tag that nobody knows is
// refused.
func (f *form) tags(name string, byID bool) (bits uint8) {
	value, given := f.values[name]
	if !given {
		return 0
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		found := false
		for n, tag := range vm.Tags() {
			if byID && part == strconv.FormatInt(tag.ID, 10) || !byID && part == tag.Name {
				bits |= 1 << n
				found = true
			}
		}
		if !found {
			f.wrong(invalid(name, value, "no such tag: "+part))
		}
	}
	return bits
}

func (t *tagFilter) match(bits uint8) bool {
	if t == nil {
		return true
	}
	meets := func(set uint8, all bool) bool {
		if all {
			return bits&set == set
		}
		return bits&set != 0
	}
	return (t.include == 0 || meets(t.include, t.includeAll)) && (t.exclude == 0 || !meets(t.exclude, t.excludeAll))
}
