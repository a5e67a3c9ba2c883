package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/schedule"
)

const scheduleHelp = `When a profile runs by itself is written in words:

  every 6h                          also 15m, 2d, 1h30m: counted from --start,
                                    else from midnight UTC
  daily at 02:30,14:30
  mon-fri at 06:00
  days 1,15 of jan,jul at 04:00     without "of": every month
  cron 30 4 * * mon-fri             the five fields of cron
  once 2027-01-31 18:00             a single time

All times are in --time-zone. Where clocks are put forward over a time, there is
no run that day. A run that is due while another of the profile is under way is
skipped. One that is due while Temporal is down is made up for within --catch-up.`

// none is how a flag takes something away.
const none = "none"

// scheduleFlags are the flags that say when a profile runs by itself.
type scheduleFlags struct {
	when, timeZone, start, end, jitter, catchUp string
}

func (f *scheduleFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.when, "schedule", "", `when it runs by itself, such as "every 6h" or "mon-fri at 06:00"; none: only when told to`)
	flags.StringVar(&f.timeZone, "time-zone", "", "IANA time zone of all times of the schedule, such as Europe/Berlin (default UTC)")
	flags.StringVar(&f.start, "start", "", `first date and time at which it may run, such as "2027-01-31 18:00", or none`)
	flags.StringVar(&f.end, "end", "", "last date and time at which it may run, or none")
	flags.StringVar(&f.jitter, "jitter", "", "longest time by which runs are put off, to spread them (default a twentieth of the interval, at most 5m)")
	flags.StringVar(&f.catchUp, "catch-up", "", "how late a run is still started after Temporal was down (default "+schedule.Duration(schedule.DefaultCatchUp).String()+")")
}

// given says whether any of the flags was.
func (f *scheduleFlags) given(cmd *cobra.Command) bool {
	for _, name := range []string{"schedule", "time-zone", "start", "end", "jitter", "catch-up"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// over returns a schedule with what the flags say of it; nil is none. What
// they do not mention stays, but a single time has no start and end.
func (f *scheduleFlags) over(cmd *cobra.Command, now *schedule.Spec) (*schedule.Spec, error) {
	if !f.given(cmd) {
		return now, nil
	}
	changed := cmd.Flags().Changed
	var s schedule.Spec
	if now != nil {
		s = *now
	}
	if changed("schedule") {
		if strings.EqualFold(strings.TrimSpace(f.when), none) {
			return nil, nil
		}
		if err := s.When.UnmarshalText([]byte(f.when)); err != nil {
			return nil, wrongUsage(cmd, "--schedule: %w", err)
		}
		if s.IsSingle() {
			s.Start, s.End = schedule.DateTime{}, schedule.DateTime{}
		}
	} else if now == nil {
		return nil, wrongUsage(cmd, "there is no schedule: say when it runs with --schedule, such as --schedule \"every 6h\"")
	}
	if changed("time-zone") {
		s.TimeZone = f.timeZone
	}
	for _, bound := range []struct {
		flag, text string
		to         *schedule.DateTime
	}{{"start", f.start, &s.Start}, {"end", f.end, &s.End}} {
		if !changed(bound.flag) {
			continue
		}
		text := bound.text
		if text == none {
			text = ""
		}
		if err := bound.to.UnmarshalText([]byte(text)); err != nil {
			return nil, wrongUsage(cmd, "--%s: %w", bound.flag, err)
		}
	}
	if changed("jitter") {
		s.Jitter = new(schedule.Duration)
		if err := s.Jitter.Set(f.jitter); err != nil {
			return nil, wrongUsage(cmd, "--jitter: %w", err)
		}
	}
	if changed("catch-up") {
		if err := s.CatchUp.Set(f.catchUp); err != nil {
			return nil, wrongUsage(cmd, "--catch-up: %w", err)
		}
	}
	if err := s.Validate(time.Now()); err != nil {
		return nil, wrongUsage(cmd, "%w", err)
	}
	return &s, nil
}
