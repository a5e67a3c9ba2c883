package main

import (
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source/kinds"
)

// profileFlags are the flags of what can be changed of a profile.
type profileFlags struct {
	description string
	assetTypes  []string
	fullEvery   time.Duration
	policy      catalog.Policy
	schedule    scheduleFlags
}

func (f *profileFlags) add(cmd *cobra.Command) {
	f.policy = catalog.DefaultPolicy
	flags := cmd.Flags()
	flags.StringSliceVar(&f.assetTypes, "asset-types", nil, "asset types, with commas between (default: all of the kind)")
	flags.StringVar(&f.description, "description", "", "what the profile is for")
	flags.DurationVar(&f.fullEvery, "full-every", time.Duration(f.policy.FullEveryHours)*time.Hour, "age of the last full run at which mode auto reads everything again")
	flags.Int32Var(&f.policy.RetireAfter, "retire-after", f.policy.RetireAfter, "further complete full runs after which a stale asset is retired")
	flags.Int32Var(&f.policy.ShrinkPercent, "shrink-limit", f.policy.ShrinkPercent, "percent of the known assets that may go stale in one run; more is not believed")
	flags.Int32Var(&f.policy.RejectPercent, "reject-limit", f.policy.RejectPercent, "percent of the records that may be rejected; more fails the run")
	flags.StringVar(&f.policy.AbsentFindings, "absent-findings", f.policy.AbsentFindings, "what becomes of findings that their asset no longer has: fixed or preserve")
	f.schedule.add(cmd)
}

// check checks the flags that need nothing else to be checked.
func (f *profileFlags) check(cmd *cobra.Command) error {
	if err := checkOneOf(cmd, "absent-findings", f.policy.AbsentFindings, "fixed", "preserve"); err != nil {
		return err
	}
	const year = 365 * 24 * time.Hour
	if f.fullEvery < time.Hour || f.fullEvery%time.Hour != 0 || f.fullEvery > year {
		return wrongUsage(cmd, "--full-every %s cannot be used: give whole hours, 1h to %dh", f.fullEvery, int(year.Hours()))
	}
	f.policy.FullEveryHours = int32(f.fullEvery / time.Hour)
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
	if cmd.Flags().Changed("asset-types") {
		k, err := kinds.Find(p.Kind)
		if err != nil {
			return err
		}
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
	spec, err := f.schedule.over(cmd, p.Schedule)
	if err != nil {
		return err
	}
	p.Schedule = spec
	return nil
}
