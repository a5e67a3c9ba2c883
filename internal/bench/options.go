package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// options say what is measured, and which bounds it is held to.
type options struct {
	applications, apiCollections, findings int
	changed                                float64 // share of the assets changed for the third run
	rounds                                 int
	copyRows                               int // rows in a transaction of the reference COPY
	minFirst, minUnchanged                 float64
	output                                 string
	profileDir                             string
}

// findingsPerAsset is the estate's average.
func (o options) findingsPerAsset() float64 {
	return float64(o.findings) / float64(o.applications+o.apiCollections)
}

// errUsage says that the command line could not be read.
var errUsage = errors.New("wrong usage")

func parseOptions(args []string, messages io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.IntVar(&o.applications, "applications", 7_500, "number of applications")
	flags.IntVar(&o.apiCollections, "api-collections", 2_500, "number of API collections")
	flags.IntVar(&o.findings, "findings", 200_000, "number of findings, roughly")
	flags.Float64Var(&o.changed, "changed", 0.05, "share of the assets that change before the third run")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds to measure, after one to warm up")
	flags.IntVar(&o.copyRows, "copy-rows", 10_000, "rows in a transaction of the reference COPY")
	flags.Float64Var(&o.minFirst, "min-first", 0.40, "bound: speed of the first load over that of COPY; 0 for none")
	flags.Float64Var(&o.minUnchanged, "min-unchanged", 1.5, "bound: speed of the run without change over that of the first load; 0 for none")
	flags.StringVar(&o.output, "output", "table", "table or json")
	flags.StringVar(&o.profileDir, "profile", "", "directory for CPU and memory profiles of the worker, which costs some speed")
	quick := flags.Bool("quick", false, "a small estate, one round, no bounds: to see whether it works")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, errUsage
	}
	if *quick {
		o.beQuick(flags)
	}
	for _, wrong := range []struct {
		is   bool
		what string
	}{
		{flags.NArg() > 0, "there are no arguments beside flags"},
		{o.applications < 0 || o.apiCollections < 0 || o.applications+o.apiCollections == 0, "-applications and -api-collections must come to one asset or more"},
		{o.findings < 1, "-findings must be 1 or more"},
		{o.changed < 0 || o.changed > 1, "-changed is a share between 0 and 1"},
		{o.rounds < 1, "-rounds must be 1 or more"},
		{o.copyRows < 1, "-copy-rows must be 1 or more"},
		{o.output != "table" && o.output != "json", "-output is table or json"},
	} {
		if wrong.is {
			fmt.Fprintln(messages, "bench:", wrong.what)
			return o, errUsage
		}
	}
	return o, nil
}

// beQuick makes everything small that the command line does not set.
func (o *options) beQuick(flags *flag.FlagSet) {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, small := range map[string]string{
		"applications": "150", "api-collections": "50", "findings": "2000", "rounds": "1", "copy-rows": "500", "min-first": "0", "min-unchanged": "0",
	} {
		if !given[name] {
			_ = flags.Set(name, small) // values that parse
		}
	}
}
