package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// result is everything that was measured.
type result struct {
	Setting setting  `json:"setting"`
	Method  []string `json:"method"`
	Figures []figure `json:"figures"`
	Bounds  []bound  `json:"bounds"`
	// Busy says so when other work took much of the machine meanwhile.
	Busy   string  `json:"busy,omitempty"`
	Rounds []round `json:"rounds"`
}

// figure is one line of the result, with a value for each part that has it.
type figure struct {
	Name      string  `json:"name"`
	First     *spread `json:"first,omitempty"`
	Unchanged *spread `json:"unchanged,omitempty"`
	Changed   *spread `json:"changed,omitempty"`
	Copy      *spread `json:"copy,omitempty"`

	digits int // after the point
}

// spread is what the rounds gave.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// bound is what a median is held to.
type bound struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"`
}

// measurement takes a value from a part of a round; ok is false where the
// part has none.
type measurement struct {
	name   string
	digits int
	of     func(r *round, p *part) (value float64, ok bool)
}

// measurements are the lines of the result, in order.
func measurements() []measurement {
	always := func(of func(p *part) float64) func(*round, *part) (float64, bool) {
		return func(_ *round, p *part) (float64, bool) { return of(p), true }
	}
	ofRuns := func(of func(p *part) float64) func(*round, *part) (float64, bool) {
		return func(r *round, p *part) (float64, bool) { return of(p), p != &r.Copy }
	}
	list := []measurement{
		{"findings/s", 0, always(func(p *part) float64 { return p.FindingsPerSecond })},
		{"ratio to COPY of the round", 2, func(r *round, p *part) (float64, bool) {
			return p.FindingsPerSecond / r.Copy.FindingsPerSecond, p != &r.Copy
		}},
		{"ratio to first load", 2, func(r *round, p *part) (float64, bool) {
			return p.FindingsPerSecond / r.First.FindingsPerSecond, p == &r.Unchanged || p == &r.Changed
		}},
		{"seconds", 2, always(func(p *part) float64 { return p.Seconds })},
		{"worker's peak memory, MB", 0, ofRuns(func(p *part) float64 { return p.WorkerPeakMB })},
		{"write-ahead log, MB", 1, always(func(p *part) float64 { return p.WALMB })},
		{"row versions of unchanged rows", 0, func(r *round, p *part) (float64, bool) {
			return float64(p.RewrittenUnchanged), p == &r.Unchanged || p == &r.Changed
		}},
		{"findings created or updated", 0, ofRuns(func(p *part) float64 { return float64(p.Findings.Created + p.Findings.Updated) })},
		{"history events", 0, ofRuns(func(p *part) float64 { return float64(p.History.Events) })},
		{"history events a million findings", 0, ofRuns(func(p *part) float64 { return float64(p.History.Events) * 1e6 / float64(p.Findings.Total()) })},
	}
	for _, activity := range []string{"plan", "fetch", "transform", "upsert", "reconcile", "finish"} {
		list = append(list, measurement{"seconds in " + activity, 2, ofRuns(func(p *part) float64 { return p.History.Activities[activity].Seconds })})
	}
	list = append(list,
		measurement{"seconds of several at once", 2, ofRuns(func(p *part) float64 { return p.History.OverlapSeconds })},
		measurement{"seconds with no activity", 2, ofRuns(func(p *part) float64 { return p.History.IdleSeconds })})
	for _, process := range []string{"worker", "postgresql", "simulator", "temporal", "others"} {
		list = append(list, measurement{"CPU seconds of " + process, 2, always(func(p *part) float64 { return p.CPUSeconds[process] })})
	}
	return list
}

func summarise(o options, s setting, rounds []round) *result {
	r := &result{Setting: s, Method: method(o, rounds), Busy: busy(rounds), Rounds: rounds}
	for _, m := range measurements() {
		r.Figures = append(r.Figures, figure{
			Name: m.name, digits: m.digits,
			First:     spreadOf(rounds, m, func(r *round) *part { return &r.First }),
			Unchanged: spreadOf(rounds, m, func(r *round) *part { return &r.Unchanged }),
			Changed:   spreadOf(rounds, m, func(r *round) *part { return &r.Changed }),
			Copy:      spreadOf(rounds, m, func(r *round) *part { return &r.Copy }),
		})
	}
	r.hold("first load, as a ratio to COPY of the same rows", r.figure("ratio to COPY of the round").First.Median, o.minFirst)
	r.hold("run without change, as a ratio to the first load", r.figure("ratio to first load").Unchanged.Median, o.minUnchanged)
	rewritten := r.figure("row versions of unchanged rows")
	most := max(rewritten.Unchanged.Max, rewritten.Changed.Max)
	r.Bounds = append(r.Bounds, bound{"row versions written for unchanged rows, at most", most, 0, most == 0})
	return r
}

// busy is a warning when other work took more than a fifth of a CPU: a run
// keeps several processes busy at once and suffers more from it than COPY, so
// that its ratios are too low.
func busy(rounds []round) string {
	var others, seconds float64
	for _, r := range rounds {
		for _, p := range []part{r.First, r.Unchanged, r.Changed, r.Copy} {
			others += p.CPUSeconds["others"]
			seconds += p.Seconds
		}
	}
	if others < seconds/5 {
		return ""
	}
	return fmt.Sprintf("Other work took %.1f CPUs of this machine meanwhile: the ratios are lower than they would be without it.", others/seconds)
}

// spreadOf is the spread of a measurement of one part; nil where it has none.
func spreadOf(rounds []round, m measurement, part func(*round) *part) *spread {
	var values []float64
	for i := range rounds {
		if v, ok := m.of(&rounds[i], part(&rounds[i])); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	median := values[len(values)/2]
	if len(values)%2 == 0 {
		median = (values[len(values)/2-1] + median) / 2
	}
	return &spread{Median: median, Min: values[0], Max: values[len(values)-1]}
}

// hold holds a value to a lower bound; zero is none.
func (r *result) hold(what string, value, limit float64) {
	if limit > 0 {
		r.Bounds = append(r.Bounds, bound{what + ", at least", value, limit, value >= limit})
	}
}

func (r *result) figure(name string) figure {
	return r.Figures[slices.IndexFunc(r.Figures, func(f figure) bool { return f.Name == name })]
}

// missed is an error when a bound was missed.
func (r *result) missed() error {
	var missed []string
	for _, b := range r.Bounds {
		if !b.Met {
			missed = append(missed, fmt.Sprintf("%s %g: it is %.2f", b.What, b.Limit, b.Value))
		}
	}
	if missed == nil {
		return nil
	}
	return fmt.Errorf("bounds missed: %s", strings.Join(missed, "; "))
}

// method says how the figures came about.
func method(o options, rounds []round) []string {
	first := rounds[0].First
	return []string{
		fmt.Sprintf("%d assets with %d findings, %d rounds after one to warm up; medians, with the least and the most in brackets.",
			first.Assets.Total(), first.Findings.Total(), len(rounds)),
		"Every round has a fresh database, simulator and worker; before each part there is a CHECKPOINT.",
		"A run is timed from the start of its workflow to its result: vendor over HTTP, Temporal, worker and PostgreSQL are processes of this machine.",
		fmt.Sprintf("The runs are full ones: a first load, one without change, and one after %g %% of the assets changed.", o.changed*100),
		fmt.Sprintf("COPY is plain COPY of the rows of the first load, ready-made in binary, on one connection, %d rows a transaction, into empty tables with the same indexes; every other round has it before the runs.", o.copyRows),
		"Row versions are compared by xmin, xmax and ctid of every row; CPU seconds include children; \"others\" is what the rest of the machine used.",
	}
}

// print writes the result for people.
func (r *result) print(out io.Writer) error {
	s := r.Setting
	for _, line := range [][2]string{
		{"machine", s.Machine}, {"data", s.Disk}, {"Go", s.Go}, {"PostgreSQL", s.PostgreSQL}, {"Temporal", s.Temporal}, {"worker", s.Worker},
	} {
		fmt.Fprintf(out, "%-11s %s\n", line[0], line[1])
	}
	fmt.Fprintln(out)
	for _, line := range r.Method {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tfirst load\twithout change\twith changes\tCOPY")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.show(f.First), f.show(f.Unchanged), f.show(f.Changed), f.show(f.Copy))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if r.Busy != "" {
		fmt.Fprintf(out, "%s\n\n", r.Busy)
	}
	for _, b := range r.Bounds {
		verdict := "met   "
		if !b.Met {
			verdict = "MISSED"
		}
		fmt.Fprintf(out, "%s  %s %g: %.2f\n", verdict, b.What, b.Limit, b.Value)
	}
	return nil
}

func (f figure) show(s *spread) string {
	switch {
	case s == nil:
		return ""
	case s.Min == s.Max:
		return fmt.Sprintf("%.*f", f.digits, s.Median)
	}
	return fmt.Sprintf("%.*f (%.*f..%.*f)", f.digits, s.Median, f.digits, s.Min, f.digits, s.Max)
}
