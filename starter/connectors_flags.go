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
			name, help := flagName(field.Name), helpOf(field.Name)
			if field.Secret {
				flags.StringVar(&given.file, name+"-file", "", "file with it, - is standard input; "+help)
				flags.StringVar(&given.reference, name+"-ref", "", "where workers find it: env:NAME or file:PATH")
				continue
			}
			flags.StringVar(&given.value, name, "", help)
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

// helpOf says what a field is, to each provider that has it.
func helpOf(name string) string {
	var parts []string
	for _, p := range kinds.Providers() {
		for _, field := range p.Fields {
			if field.Name == name {
				parts = append(parts, p.Title+": "+field.Help)
			}
		}
	}
	return strings.Join(parts, ". ")
}

// providerNames lists the providers.
func providerNames() []string {
	var names []string
	for _, p := range kinds.Providers() {
		names = append(names, p.Name)
	}
	return names
}

// given says whether a field was given, by any of its flags.
func given(cmd *cobra.Command, field source.Field) bool {
	name := flagName(field.Name)
	if !field.Secret {
		return cmd.Flags().Changed(name)
	}
	return cmd.Flags().Changed(name+"-file") || cmd.Flags().Changed(name+"-ref")
}

// provider finds the provider of that name; without a name, the only one that
// has all the fields that were given.
func (f *connectorFlags) provider(cmd *cobra.Command, name string) (source.Provider, error) {
	if name != "" {
		return kinds.FindProvider(name)
	}
	var fit []source.Provider
	for _, p := range kinds.Providers() {
		if f.foreign(cmd, p) == "" {
			fit = append(fit, p)
		}
	}
	switch len(fit) {
	case 1:
		return fit[0], nil
	case 0:
		return source.Provider{}, wrongUsage(cmd, "no provider has all of the settings given: leave some out, or say by --provider whom the connector talks to: %s", inWords(providerNames()))
	}
	return source.Provider{}, wrongUsage(cmd, "it is not clear whom the connector talks to: give --provider, one of %s", strings.Join(providerNames(), ", "))
}

// foreign is a flag that was given and belongs to other providers only; empty
// when there is none.
func (f *connectorFlags) foreign(cmd *cobra.Command, p source.Provider) string {
	own := make(map[string]bool)
	for _, field := range p.Fields {
		own[field.Name] = true
	}
	for _, other := range kinds.Providers() {
		for _, field := range other.Fields {
			if !own[field.Name] && given(cmd, field) {
				return flagName(field.Name)
			}
		}
	}
	return ""
}

// check refuses flags that belong to another provider, and what cannot go
// together.
func (f *connectorFlags) check(cmd *cobra.Command, p source.Provider) error {
	for _, field := range p.Fields {
		if given, flag := f.fields[field.Name], flagName(field.Name); given.file != "" && given.reference != "" {
			return wrongUsage(cmd, "--%s-file seals the secret, --%s-ref leaves it where it is: give only one of them", flag, flag)
		}
	}
	if flag := f.foreign(cmd, p); flag != "" {
		return wrongUsage(cmd, "--%s is not a setting of provider %s", flag, p.Name)
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
