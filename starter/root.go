package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/suggest"
)

// newRoot makes the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:     "sluice",
		Version: version(),
		Short:   "Bring what security scanners know into one inventory, durably",
		Long: `Sluice brings assets and findings from security vendors into one inventory in
PostgreSQL. Runs are durable: they go on where they were when a machine, the
database or the network comes back, and they say so when something is missing.

A connector is a connection to a vendor. A profile says what a connector brings
in, and how. A run brings it in.

` + exitCodesHelp,
		Example: `  sluice demo                                      everything at once, with a simulated vendor
  sluice dev                                       PostgreSQL, Temporal and a worker on this machine
  sluice connectors create acme --platform EU2 --client-id ID --test
  sluice profiles create acme-apps --connector acme --kind qualys-tas
  sluice run acme-apps --wait
  sluice profiles update acme-apps --schedule "mon-fri at 06:00" --time-zone Europe/Berlin
  sluice findings list --severity 4`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          showHelp,
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.output, "output", "o", formatTable, "table, json, ndjson or csv")
	flags.StringVar(&a.logLevel, "log-level", "", "debug, info, warn or error (default warn)")
	flags.StringVar(&a.logFormat, "log-format", "", "console or json (default console)")
	flags.StringVar(&a.home, "home", "", "folder of the embedded default (default $SLUICE_HOME, else .sluice)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, flag := range []struct {
			name, value string
			known       []string
		}{
			{"output", a.output, []string{formatTable, formatJSON, formatNDJSON, formatCSV}},
			{"log-level", a.logLevel, []string{"debug", "info", "warn", "error"}},
			{"log-format", a.logFormat, []string{"console", "json"}},
		} {
			if err := checkOneOf(cmd, flag.name, flag.value, flag.known...); err != nil {
				return err
			}
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrongUsage(cmd, "%w", err) })
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start:"},
		&cobra.Group{ID: "configure", Title: "Configure:"},
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "look", Title: "Look at the inventory:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", newDev(a), newDemo(a), newSimulate(a), newMigrate(a), newDoctor(a))
	add("configure", newKinds(a), newConnectors(a), newProfiles(a), newMaps(a), newModels(a), newApply(a), newExport(a), newSecrets(a))
	add("run", newRun(a), newImport(a), newStatus(a), newRuns(a))
	add("look", newAssets(a), newAPIs(a), newFindings(a), newKnowledge(a))
	root.AddCommand(&cobra.Command{
		Use:   "environment",
		Short: "The environment variables that Sluice reads",
		Long:  "Sluice, its commands and its worker alike, reads these environment variables:\n\n" + config.Help(),
	}, newMapping())
	return root
}

// version is what the program was built from, as Go's tools note it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// group makes a command that only holds others.
func group(use, short, long, example string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: cobra.ArbitraryArgs, RunE: showHelp}
	c.AddCommand(commands...)
	return c
}

// showHelp is what a command does that is none by itself.
func showHelp(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return wrongUsage(cmd, "'%s' has no command %q%s", cmd.CommandPath(), args[0], suggest.Ending(args[0], known))
}

// note says something to a person beside the results, on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}
