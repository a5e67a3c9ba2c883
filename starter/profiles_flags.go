package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// hours is a time in whole hours, at most a year, written "36h" or "7d".
type hours int32

const maxHours = 365 * 24

func (h hours) String() string {
	if h%24 == 0 {
		return fmt.Sprintf("%dd", h/24)
	}
	return fmt.Sprintf("%dh", int32(h))
}

func (*hours) Type() string { return "time" }

// Set reads what a person wrote.
func (h *hours) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return errors.New("give hours or days, such as 36h or 7d")
	}
	if d < time.Hour || d%time.Hour != 0 || d > maxHours*time.Hour {
		return errors.New("give whole hours or days, 1h to 365d")
	}
	*h = hours(d / time.Hour)
	return nil
}

// profileFlags are the flags of what can be changed of a profile.
type profileFlags struct {
	description string
	assetTypes  []string
	filters     filterFlags
	maps        mapFlags
	fullEvery   hours
	policy      catalog.Policy
	schedule    scheduleFlags
}

func (f *profileFlags) add(cmd *cobra.Command) {
	f.policy = catalog.DefaultPolicy
	flags := cmd.Flags()
	flags.StringSliceVar(&f.assetTypes, "asset-types", nil, "asset types, with commas between (default: all of the kind)")
	f.filters.add(cmd)
	f.maps.add(cmd)
	flags.StringVar(&f.description, "description", "", "what the profile is for")
	f.fullEvery = hours(f.policy.FullEveryHours)
	flags.Var(&f.fullEvery, "full-every", "age of the last full run at which mode auto reads everything again")
	flags.Int32Var(&f.policy.RetireAfter, "retire-after", f.policy.RetireAfter, "further complete full runs after which a stale asset is retired")
	flags.Int32Var(&f.policy.ShrinkPercent, "shrink-limit", f.policy.ShrinkPercent, "percent of the known assets, or open findings, that may be gone at once; more is not believed")
	flags.Int32Var(&f.policy.RejectPercent, "reject-limit", f.policy.RejectPercent, "percent of the records, or findings, that may be rejected; more fails the run, if it is more than 10 or all of them, and what was written stays")
	flags.StringVar(&f.policy.AbsentFindings, "absent-findings", f.policy.AbsentFindings, "what becomes of findings that their asset no longer has: fixed or preserve")
	f.schedule.add(cmd)
}

// check checks the flags that need nothing else to be checked.
func (f *profileFlags) check(cmd *cobra.Command) error {
	if err := checkOneOf(cmd, "absent-findings", f.policy.AbsentFindings, "fixed", "preserve"); err != nil {
		return err
	}
	f.policy.FullEveryHours = int32(f.fullEvery)
	if f.policy.RetireAfter < 0 {
		return wrongUsage(cmd, "--retire-after %d cannot be used: give 0 or more", f.policy.RetireAfter)
	}
	for _, percent := range []struct {
		flag  string
		value int32
	}{{"shrink-limit", f.policy.ShrinkPercent}, {"reject-limit", f.policy.RejectPercent}} {
		if percent.value < 0 || percent.value > 100 {
			return wrongUsage(cmd, "--%s %d cannot be used: give a percentage, 0 to 100", percent.flag, percent.value)
		}
	}
	return nil
}

// change makes of a profile what the flags that were given say.
func (f *profileFlags) change(cmd *cobra.Command, p *catalog.Profile) error {
	for flag, set := range map[string]func(){
		"description":     func() { p.Description = f.description },
		"full-every":      func() { p.FullEveryHours = f.policy.FullEveryHours },
		"retire-after":    func() { p.RetireAfter = f.policy.RetireAfter },
		"shrink-limit":    func() { p.ShrinkPercent = f.policy.ShrinkPercent },
		"reject-limit":    func() { p.RejectPercent = f.policy.RejectPercent },
		"absent-findings": func() { p.AbsentFindings = f.policy.AbsentFindings },
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	k, err := kinds.Find(p.Kind)
	if err != nil {
		return err
	}
	if p.Filters, err = f.filters.over(cmd, k, p.Filters); err != nil {
		return err
	}
	if cmd.Flags().Changed("asset-types") {
		types, maps, err := chooseAssetTypes(k, f.assetTypes)
		if err != nil {
			return err
		}
		for name := range maps { // a map that was chosen stays
			if chosen, ok := p.Maps[name]; ok {
				maps[name] = chosen
			}
		}
		p.AssetTypes, p.Maps = types, maps
	}
	if p.Maps, err = f.maps.over(cmd, k, p.Maps); err != nil {
		return err
	}
	spec, err := f.schedule.over(cmd, p.Schedule)
	if err != nil {
		return err
	}
	if spec != nil && source.ReadsUploads(k) {
		return errNoSchedule(k)
	}
	p.Schedule = spec
	return nil
}
