package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"sluice/internal/lifecycle"
)

// linesEvery is how often progress is told where there is no terminal, beside
// every change of a phase.
const linesEvery = 5 * time.Second

// A display shows the progress of a run on standard error: on a terminal a
// bar a stream, redrawn in place; elsewhere a line now and then.
type display struct {
	out   io.Writer
	width int // of the terminal; 0: there is none
	now   func() time.Time

	drawn    int // lines of the terminal to draw over
	told     time.Time
	phases   map[string]lifecycle.Phase
	begun    map[string]mark // by stream
	troubled string
	failed   map[string]bool // what has been told of steps that failed
	stands   bool            // it was told that assets are in and findings are coming
}

// mark is where a stream was when it was first seen fetching.
type mark struct {
	at      time.Time
	records int64
}

func (a *app) newDisplay() *display {
	d := &display{out: a.err, now: time.Now, phases: make(map[string]lifecycle.Phase), begun: make(map[string]mark), failed: make(map[string]bool)}
	if fd, ok := isTerminal(a.err); ok {
		d.width = 80
		if width, _, err := term.GetSize(fd); err == nil && width > 20 {
			d.width = width
		}
	}
	return d
}

// show draws or tells how far a run is, and what of it failed and is tried
// again.
func (d *display) show(p lifecycle.Progress, retries ...retry) {
	d.troubled = ""
	now := d.now()
	for _, s := range p.Streams {
		if _, ok := d.begun[s.Name]; !ok && s.Phase == lifecycle.Fetching {
			d.begun[s.Name] = mark{now, s.Records}
		}
	}
	coming := p.Stands() != string(p.State) // findings are, and assets are in
	if d.width > 0 {
		lines := make([]string, len(p.Streams))
		for i, s := range p.Streams {
			lines[i] = d.bar(s, now)
		}
		if coming {
			lines = append(lines, "all assets are in: "+p.Stands())
		}
		for _, r := range retries {
			lines = append(lines, "  "+r.line())
		}
		d.draw(lines)
		return
	}
	for _, r := range retries {
		if told := r.what(); !d.failed[told] { // a line an attempt would be many
			d.failed[told] = true
			fmt.Fprintln(d.out, r.line())
		}
	}
	due := now.Sub(d.told) >= linesEvery
	for _, s := range p.Streams {
		moving := s.Phase == lifecycle.Fetching || s.Phase == lifecycle.Waiting || s.Phase == lifecycle.Reconciling
		if s.Phase == d.phases[s.Name] && !(due && moving) || s.Phase == lifecycle.Pending {
			continue
		}
		d.phases[s.Name] = s.Phase
		d.told = now
		line := harmless(s.Line())
		if pace := d.pace(s, now); pace != "" {
			line += ", " + pace
		}
		fmt.Fprintln(d.out, line)
	}
	if coming && !d.stands {
		d.stands = true
		fmt.Fprintln(d.out, "all assets are in: "+p.Stands())
	}
}

// trouble says, once, why there is nothing new to show.
func (d *display) trouble(what string) {
	if d.troubled == what {
		return
	}
	d.troubled = what
	fmt.Fprintln(d.out, what)
	d.drawn = 0 // what is drawn next stands below
}

// end leaves what was drawn last standing.
func (d *display) end() { d.drawn = 0 }

// draw replaces the lines drawn before.
func (d *display) draw(lines []string) {
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[2K" + cut(line, d.width-1) + "\n")
	}
	if d.drawn > len(lines) {
		b.WriteString("\x1b[J") // there were more of them
	}
	d.drawn = len(lines)
	fmt.Fprint(d.out, b.String())
}

// barWidth is the width of a stream's bar, in cells.
const barWidth = 24

// bar is a stream's line on a terminal.
func (d *display) bar(s lifecycle.Stream, now time.Time) string {
	share := 0.0
	switch {
	case s.Phase == lifecycle.Done || s.Phase == lifecycle.Reconciling:
		share = 1
	case s.Expected > 0:
		share = min(1, float64(s.Records)/float64(s.Expected))
	}
	full := int(share * barWidth)
	line := fmt.Sprintf("%-14s %s%s %d", harmless(s.Name), strings.Repeat("█", full), strings.Repeat("░", barWidth-full), s.Records)
	if s.Expected > 0 {
		line += fmt.Sprintf("/%d", s.Expected)
	}
	line += " " + string(s.Phase)
	switch pace := d.pace(s, now); {
	case s.Error != "":
		line += ": " + harmless(s.Error)
	case s.Phase == lifecycle.Waiting && s.WaitUntil.IsZero():
		line += ": " + harmless(s.Waits)
	case s.Phase == lifecycle.Waiting:
		line += fmt.Sprintf(" until %s: %s", s.WaitUntil.Local().Format(time.TimeOnly), harmless(s.Waits))
	case pace != "":
		line += " " + pace
	}
	return line
}

// pace is how many records a second come in, and how long the rest will take.
func (d *display) pace(s lifecycle.Stream, now time.Time) string {
	begun, ok := d.begun[s.Name]
	elapsed := now.Sub(begun.at).Seconds()
	if !ok || s.Phase != lifecycle.Fetching || elapsed < 1 || s.Records <= begun.records {
		return ""
	}
	rate := float64(s.Records-begun.records) / elapsed
	text := fmt.Sprintf("%.0f/s", rate)
	if rest := s.Expected - s.Records; rest > 0 {
		left := time.Duration(float64(rest) / rate * float64(time.Second)).Round(time.Second)
		text += fmt.Sprintf(", %s left", left)
	}
	return text
}
