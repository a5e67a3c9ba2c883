package fo

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/wire"
)

const maxFormBytes = 1 << 20

// form is the parameters of a call: of the query, and of the form that a POST
// carries. The last value of a repeated parameter wins (documented).
//
// Its methods read one parameter each. What is wrong with the first bad one is
// in err; what they return is of use only when err is nil in the end.
type form struct {
	values map[string]string
	err    error
}

// wrong notes what is wrong with a parameter, unless another one was before it.
func (f *form) wrong(err error) {
	if f.err == nil {
		f.err = err
	}
}

// refusal is an error of the caller, with the vendor's code (documented: HTTP
// 400).
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func refuse(x *wire.Exchange, v Settings, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{1907, err.Error()}
	}
	simpleReturn(x, v, http.StatusBadRequest, r.code, r.text)
}

// readForm reads the parameters of a call; whichever is not known is refused.
func readForm(r *http.Request, known map[string]bool) (*form, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &refusal{1907, "the query of the URL cannot be read"}
	}
	sources := []url.Values{query}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		r.Body = http.MaxBytesReader(nil, r.Body, maxFormBytes)
		if err := r.ParseForm(); err != nil {
			return nil, &refusal{1907, "the form cannot be read"}
		}
		sources = append(sources, r.PostForm)
	default:
		return nil, &refusal{1908, "Request method (GET or POST) is incompatible with specified parameter(s): " + r.Method}
	}
	f := &form{values: map[string]string{}}
	for _, values := range sources {
		for name, all := range values {
			f.values[name] = all[len(all)-1]
		}
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	switch action := f.values["action"]; {
	case len(unknown) > 0:
		return nil, &refusal{1901, "Unrecognized parameter(s): " + strings.Join(unknown, ", ")}
	case action == "":
		return nil, &refusal{1903, "Missing required parameter(s): action"}
	case action != "list":
		return nil, invalid("action", action, "not one of: list")
	}
	return f, nil
}

func invalid(name, value, why string) error {
	return &refusal{1905, fmt.Sprintf("parameter %s has invalid value: %s (%s)", name, value, why)}
}

// switchedOn reads a parameter of 0 or 1.
func (f *form) switchedOn(name string, def bool) bool {
	value, given := f.values[name]
	if !given {
		return def
	}
	if value != "0" && value != "1" {
		f.wrong(invalid(name, value, "not one of: 0, 1"))
	}
	return value == "1"
}

// switches reads several parameters of 0 or 1 whose default is 0.
func (f *form) switches(names ...string) map[string]bool {
	on := map[string]bool{}
	for _, name := range names {
		on[name] = f.switchedOn(name, false)
	}
	return on
}

// choice reads a parameter that has one of some values; the first is the default.
func (f *form) choice(name string, values ...string) string {
	value, given := f.values[name]
	if !given {
		return values[0]
	}
	if !slices.Contains(values, value) {
		f.wrong(invalid(name, value, "not one of: "+strings.Join(values, ", ")))
	}
	return value
}

// number reads a number of 0 or more.
func (f *form) number(name string, def, highest int64) int64 {
	value, given := f.values[name]
	if !given {
		return def
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > highest {
		f.wrong(invalid(name, value, "not a number from 0 to "+strconv.FormatInt(highest, 10)))
	}
	return n
}

// date reads YYYY-MM-DD[THH:MM:SSZ], in UTC; zero when it is not given.
func (f *form) date(name string) time.Time {
	value, given := f.values[name]
	if !given {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t
		}
	}
	f.wrong(invalid(name, value, "not a date of the form YYYY-MM-DD[THH:MM:SSZ]"))
	return time.Time{}
}

// period is what two parameters say about a date.
type period struct{ since, after, before time.Time }

func (p period) has(t time.Time) bool {
	return (p.since.IsZero() || !t.Before(p.since)) && (p.after.IsZero() || t.After(p.after)) && (p.before.IsZero() || t.Before(p.before))
}

// period reads a lower bound, closed when the name ends in "since" and open when
// it ends in "after" (inferred), and an upper one.
func (f *form) period(lower, upper string) period {
	if strings.HasSuffix(lower, "since") {
		return period{since: f.date(lower), before: f.date(upper)}
	}
	return period{after: f.date(lower), before: f.date(upper)}
}

// ids is a set of numbers, in ascending ranges.
type ids [][2]int64

func (s ids) has(n int64) bool {
	if s == nil {
		return true
	}
	i, _ := slices.BinarySearchFunc(s, n, func(r [2]int64, n int64) int {
		switch {
		case r[1] < n:
			return -1
		case r[0] > n:
			return 1
		}
		return 0
	})
	return i < len(s) && s[i][0] <= n && n <= s[i][1]
}

// ids reads ids and ranges such as "1,5-9"; nil when not given. Ranges may
// overlap.
func (f *form) ids(name string) ids {
	value, given := f.values[name]
	if !given {
		return nil
	}
	out := ids{}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		a, errA := strconv.ParseInt(low, 10, 64)
		b, errB := strconv.ParseInt(high, 10, 64)
		if errA != nil || errB != nil || a <= 0 || b < a {
			// The recorded text.
			f.wrong(invalid(name, value, "neither a positive integer nor a range: "+part))
			return nil
		}
		out = append(out, [2]int64{a, b})
	}
	slices.SortFunc(out, func(a, b [2]int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	merged := out[:0]
	for _, r := range out {
		if last := len(merged) - 1; last >= 0 && r[0] <= merged[last][1] {
			merged[last][1] = max(merged[last][1], r[1])
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// addresses reads IP addresses and ranges such as "10.0.0.1,10.0.1.0-10.0.1.255";
// nil when not given.
func (f *form) addresses(name string) [][2]netip.Addr {
	value, given := f.values[name]
	if !given {
		return nil
	}
	out := [][2]netip.Addr{}
	for part := range strings.SplitSeq(value, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			high = low
		}
		a, errA := netip.ParseAddr(low)
		b, errB := netip.ParseAddr(high)
		if errA != nil || errB != nil || b.Less(a) {
			f.wrong(invalid(name, value, "neither an IP address nor a range: "+part))
		}
		out = append(out, [2]netip.Addr{a, b})
	}
	return out
}

// set makes a set of names.
func set(lists ...[]string) map[string]bool {
	out := map[string]bool{}
	for _, list := range lists {
		for _, name := range list {
			out[name] = true
		}
	}
	return out
}
