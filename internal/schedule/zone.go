package schedule

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the machine may have no time zones

	"sluice/internal/suggest"
)

// zoneNames are the IANA names of time zones, one a line: for suggestions.
//
//go:embed zones.txt
var zoneNames string

var knownZones = sync.OnceValue(func() []string { return strings.Fields(zoneNames) })

// zoneName is the name of a schedule's time zone; empty is UTC.
func zoneName(name string) string {
	if name == "" {
		return "UTC"
	}
	return name
}

func loadZone(name string) (*time.Location, error) {
	name = zoneName(name)
	// "Local" is where the program happens to run.
	if zone, err := time.LoadLocation(name); err == nil && len(name) <= 64 && name != "Local" {
		return zone, nil
	}
	hint := ""
	if near := nearestZone(bounded(name)); near != "" {
		hint = " (did you mean " + near + "?)"
	}
	return nil, fmt.Errorf("unknown time zone %q%s: give an IANA name, such as Europe/Berlin or UTC", bounded(name), hint)
}

// nearestZone finds what was meant: "berlin", "europe/berlin" and
// "Europe/Berln" are Europe/Berlin.
func nearestZone(name string) string {
	wanted := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), " ", "_"))
	for _, zone := range knownZones() {
		lower := strings.ToLower(zone)
		if lower == wanted || strings.HasSuffix(lower, "/"+wanted) {
			return zone
		}
	}
	return suggest.Nearest(wanted, knownZones())
}
