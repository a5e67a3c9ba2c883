package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// filtersHelp explains filters, with those that kinds have.
func filtersHelp() string {
	const help = `With filters a profile reads only a part of what the account sees; the vendor
applies them, and all of them have to be met. A value with a comma in it is
written in double quotes. 'sluice kinds show KIND' says what each filter takes:

%s
An asset that the filters leave out is one that is not seen: if it was there, it
goes stale, unless another profile of the connector sees it. Findings keep their
status where the filters can leave out some of an asset, as by severity. When
filters change, the next run of mode auto is full.`
	list := ""
	for _, k := range kinds.All() {
		var names []string
		for _, f := range k.Filters() {
			names = append(names, f.Name)
		}
		if names == nil {
			names = []string{"(none)"}
		}
		list += fmt.Sprintf("  %-12s %s\n", k.Name(), strings.Join(names, ", "))
	}
	return fmt.Sprintf(help, list)
}

// filterFlags are the flags that say what a profile is narrowed by.
type filterFlags struct{ given []string }

func (f *filterFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.given, "filter", nil, "narrow what is read: name=value,value; name= takes a filter away")
}

// over returns filters with what the flags say of them: a filter that is named
// is replaced, and one without values taken away.
func (f *filterFlags) over(cmd *cobra.Command, k source.Kind, now map[string][]string) (map[string][]string, error) {
	if len(f.given) == 0 {
		return now, nil
	}
	filters := make(map[string][]string)
	maps.Copy(filters, now)
	named := make(map[string]bool)
	for _, given := range f.given {
		name, line, ok := strings.Cut(given, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, wrongUsage(cmd, "--filter %q has no name and values: give name=value,value", given)
		}
		if named[name] {
			return nil, wrongUsage(cmd, "--filter %s is given twice: give all its values at once, with commas between", name)
		}
		named[name] = true
		values, err := source.ParseValues(line)
		if err != nil {
			return nil, wrongUsage(cmd, "--filter %s: %w", name, err)
		}
		known := slices.ContainsFunc(k.Filters(), func(f source.Filter) bool { return f.Name == name })
		_, set := filters[name]
		switch {
		case len(values) == 0 && known && now == nil:
			return nil, wrongUsage(cmd, "--filter %s has no value: give some, or leave it out to read everything", name)
		case len(values) == 0 && (set || known):
			delete(filters, name)
			continue
		}
		if err := source.CheckFilters(k, map[string][]string{name: values}); err != nil {
			return nil, wrongUsage(cmd, "%w", err)
		}
		filters[name] = values
	}
	return filters, nil
}

// filtersText writes filters as the flags take them.
func filtersText(filters map[string][]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		parts = append(parts, shellWord(name+"="+source.FormatValues(filters[name])))
	}
	return strings.Join(parts, " ")
}
