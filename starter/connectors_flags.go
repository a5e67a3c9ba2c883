package main

import (
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// fieldFlags are the flags of a provider's field.
type fieldFlags struct {
	value           string // of a field that is no secret
	file, reference string // of a secret
}

// connectorFlags are the flags of what a connector has, for all providers.
type connectorFlags struct {
	description string
	fields      map[string]*fieldFlags
}

func (f *connectorFlags) add(cmd *cobra.Command) {
	f.fields = make(map[string]*fieldFlags)
	flags := cmd.Flags()
	flags.StringVar(&f.description, "description", "", "what the connector is for")
	for _, p := range kinds.Providers() {
		for _, field := range p.Fields {
			if f.fields[field.Name] != nil {
				continue // another provider has it too
			}
			given := &fieldFlags{}
			f.fields[field.Name] = given
			name := flagName(field.Name)
			if field.Secret {
				flags.StringVar(&given.file, name+"-file", "", "file with the "+field.Help+"; - is standard input")
				flags.StringVar(&given.reference, name+"-ref", "", "where workers find it: env:NAME or file:PATH")
				continue
			}
			flags.StringVar(&given.value, name, "", field.Help)
		}
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for name := range f.fields {
			if flag := flagName(name); strings.HasSuffix(err.Error(), "unknown flag: --"+flag) {
				return wrongUsage(cmd, "--%s does not exist: what is given as an argument can be read by others; use --%s-file or the environment variable %s", flag, flag, variable(name))
			}
		}
		return wrongUsage(cmd, "%w", err)
	})
}

// check refuses flags that belong to another provider, and what cannot go
// together.
func (f *connectorFlags) check(cmd *cobra.Command, p source.Provider) error {
	own := make(map[string]bool)
	for _, field := range p.Fields {
		own[field.Name] = true
		if given, flag := f.fields[field.Name], flagName(field.Name); given.file != "" && given.reference != "" {
			return wrongUsage(cmd, "--%s-file seals the secret, --%s-ref leaves it where it is: give only one of them", flag, flag)
		}
	}
	for _, other := range kinds.Providers() {
		for _, field := range other.Fields {
			if flag := flagName(field.Name); !own[field.Name] && cmd.Flags().Changed(flag) {
				return wrongUsage(cmd, "--%s is not a setting of provider %s", flag, p.Name)
			}
		}
	}
	return nil
}

// settings makes of a connector's settings what the flags that were given
// say; an empty value takes a setting away.
func (f *connectorFlags) settings(cmd *cobra.Command, p source.Provider, settings map[string]string) {
	for _, field := range p.Fields {
		switch value := f.fields[field.Name].value; {
		case field.Secret || !cmd.Flags().Changed(flagName(field.Name)):
		case value == "":
			delete(settings, field.Name)
		default:
			settings[field.Name] = value
		}
	}
}

// secrets reads the secrets that flags say where to find, and takes those away
// from what is stored that flags give nothing for.
func (f *connectorFlags) secrets(cmd *cobra.Command, a *app, p source.Provider, stored map[string]string) (map[string]givenSecret, error) {
	secrets := make(map[string]givenSecret)
	for _, field := range p.Fields {
		given, flag := f.fields[field.Name], flagName(field.Name)
		switch {
		case !field.Secret:
		case given.file != "" || given.reference != "":
			var err error
			if secrets[field.Name], err = a.secretFrom(field, given.file, given.reference); err != nil {
				return nil, err
			}
		case cmd.Flags().Changed(flag+"-file") || cmd.Flags().Changed(flag+"-ref"):
			delete(stored, field.Name)
		}
	}
	return secrets, nil
}
