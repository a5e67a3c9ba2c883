package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// names are the values of a calendar's field and how they are written, in the
// order in which people write ranges of them.
type names struct {
	what  string
	order []int
	words []string // empty: the values are written as numbers
	// wraps says that a range may go over the end: fri-mon.
	wraps bool
}

var (
	weekdayNames = names{"a day of the week (mon to sun)", []int{1, 2, 3, 4, 5, 6, 0}, []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, true}
	monthNames   = names{"a month (jan to dec)", allMonths.Values(),
		[]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, true}
	dayNames = names{"a day of the month (1 to 31)", allDays.Values(), nil, false}
)

// place finds a value by its name, which may be written out ("monday").
func (n names) place(text string) (int, error) {
	for i, word := range n.words {
		if strings.HasPrefix(text, word) && strings.HasPrefix(fullNames[word], text) {
			return i, nil
		}
	}
	if n.words == nil {
		if v, err := strconv.Atoi(text); err == nil && slices.Contains(n.order, v) {
			return slices.Index(n.order, v), nil
		}
	}
	return 0, fmt.Errorf("%q is not %s", bounded(text), n.what)
}

var fullNames = map[string]string{
	"mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
	"jan": "january", "feb": "february", "mar": "march", "apr": "april", "may": "may", "jun": "june",
	"jul": "july", "aug": "august", "sep": "september", "oct": "october", "nov": "november", "dec": "december",
}

// parseList reads values and ranges of values with commas between them.
func parseList(n names, list string) (Set, error) {
	var set Set
	for _, part := range strings.Split(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := n.place(from)
		if err != nil {
			return 0, err
		}
		last := first
		if isRange {
			if last, err = n.place(to); err != nil {
				return 0, err
			}
		}
		if last < first {
			if !n.wraps {
				return 0, fmt.Errorf("%q ends before it begins", bounded(part))
			}
			last += len(n.order)
		}
		for i := first; i <= last; i++ {
			set |= 1 << n.order[i%len(n.order)]
		}
	}
	return set, nil
}

// format writes a set, three and more in a row as a range.
func (n names) format(set Set) string {
	var parts []string
	for i := 0; i < len(n.order); i++ {
		if !set.Has(n.order[i]) {
			continue
		}
		last := i
		for last+1 < len(n.order) && set.Has(n.order[last+1]) {
			last++
		}
		if last-i >= 2 {
			parts = append(parts, n.name(i)+"-"+n.name(last))
			i = last
		} else {
			parts = append(parts, n.name(i))
		}
	}
	return strings.Join(parts, ",")
}

func (n names) name(place int) string {
	if n.words == nil {
		return strconv.Itoa(n.order[place])
	}
	return n.words[place]
}
