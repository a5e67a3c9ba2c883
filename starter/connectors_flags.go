package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// fieldFlags are the flags of a provider's field.
type fieldFlags struct {
	value     string // of a field that is no secret
	file      string // of a secret, or a text of several lines
	reference string // of a secret
}

// connectorFlags are the flags of what a connector has, for all providers.
type connectorFlags struct {
	description, retest string
	fields              map[string]*fieldFlags
}

func (f *connectorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.description, "description", "", "what the connector is for")
	cmd.Flags().StringVar(&f.retest, "retest", "", "test it by itself so often, such as 6h (5m to 30d); empty: never")
	f.addFields(cmd, func(source.Field) bool { return true })
}

// addFields adds the flags of some of the providers' fields.
func (f *connectorFlags) addFields(cmd *cobra.Command, wanted func(source.Field) bool) {
	f.fields = make(map[string]*fieldFlags)
	flags := cmd.Flags()
	for _, p := range kinds.Providers() {
		for _, field := range p.Fields {
			if f.fields[field.Name] != nil || !wanted(field) {
				continue // another provider may have it too
			}
			given := &fieldFlags{}
			f.fields[field.Name] = given
			name, help := flagName(field.Name), helpOf(field.Name)
			if field.Secret {
				flags.StringVar(&given.file, name+"-file", "", "file with it, - is standard input; "+help)
				flags.StringVar(&given.reference, name+"-ref", "", "where workers find it: env:NAME or file:PATH")
				continue
			}
			if field.File {
				flags.StringVar(&given.file, name+"-file", "", "file with it, - is standard input; "+help)
				continue
			}
			flags.StringVar(&given.value, name, "", help)
		}
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		for name := range f.fields {
			if flag := flagName(name); strings.HasSuffix(err.Error(), "unknown flag: --"+flag) {
				if !isSecret(name) {
					return wrongUsage(cmd, "--%s does not exist: it is a text of several lines, given by --%s-file", flag, flag)
				}
				return wrongUsage(cmd, "--%s does not exist: what is given as an argument can be read by others; use --%s-file or the environment variable %s", flag, flag, variable(name))
			}
		}
		return wrongUsage(cmd, "%w", err)
	})
}

// isSecret says whether a field of that name is a secret.
func isSecret(name string) bool {
	return slices.ContainsFunc(kinds.Providers(), func(p source.Provider) bool {
		return slices.ContainsFunc(p.Fields, func(f source.Field) bool { return f.Secret && f.Name == name })
	})
}

// helpOf says what a field is, to each provider that has it.
func helpOf(name string) string {
	var parts, texts []string
	for _, p := range kinds.Providers() {
		for _, field := range p.Fields {
			if field.Name == name {
				parts, texts = append(parts, p.Title+": "+field.Help), append(texts, field.Help)
			}
		}
	}
	if len(texts) == len(kinds.Providers()) && len(slices.Compact(texts)) == 1 {
		return texts[0] // it is the same to all
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
	if !field.Secret {
		return cmd.Flags().Changed(settingFlag(field))
	}
	name := flagName(field.Name)
	return cmd.Flags().Changed(name+"-file") || cmd.Flags().Changed(name+"-ref")
}

// settingFlag is the flag of a field that is no secret.
func settingFlag(field source.Field) string {
	if field.File {
		return flagName(field.Name) + "-file"
	}
	return flagName(field.Name)
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
	return source.Provider{}, wrongUsage(cmd, "%w: give --provider, one of %s", errUnclear, strings.Join(providerNames(), ", "))
}

// errUnclear says that what was given fits several providers.
var errUnclear = errors.New("it is not clear whom the connector talks to")

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
		if given, flag := f.fields[field.Name], flagName(field.Name); given != nil && given.file != "" && given.reference != "" {
			return wrongUsage(cmd, "--%s-file seals the secret, --%s-ref leaves it where it is: give only one of them", flag, flag)
		}
	}
	if flag := f.foreign(cmd, p); flag != "" {
		return wrongUsage(cmd, "--%s is not a setting of provider %s", flag, p.Name)
	}
	return nil
}

// settings makes of a connector's settings, and of how often it is tested, what
// the flags that were given say; an empty value takes a setting away.
func (f *connectorFlags) settings(cmd *cobra.Command, a *app, p source.Provider, c *catalog.Connector) (err error) {
	if cmd.Flags().Changed("retest") {
		if c.TestEvery, err = catalog.ParseTestEvery(f.retest); err != nil {
			return wrongUsage(cmd, "--retest: %w", err)
		}
	}
	for _, field := range p.Fields {
		if field.Secret || !cmd.Flags().Changed(settingFlag(field)) {
			continue
		}
		value := f.fields[field.Name].value
		if field.File && f.fields[field.Name].file != "" {
			if value, err = a.textFrom(field, f.fields[field.Name].file); err != nil {
				return err
			}
		}
		if c.Settings[field.Name] = value; value == "" {
			delete(c.Settings, field.Name)
		}
	}
	return nil
}

// maxText bounds a text of several lines that is a setting, in bytes.
const maxText = 1 << 20

// textFrom reads a setting of several lines from a file, where "-" is standard
// input.
func (a *app) textFrom(field source.Field, file string) (string, error) {
	in := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", field.Name, err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", field.Name, err)
	case len(text) > maxText:
		return "", fmt.Errorf("%s is longer than %d bytes", field.Name, maxText)
	case strings.TrimSpace(string(text)) == "":
		return "", fmt.Errorf("%s: %s is empty", field.Name, file)
	case !utf8.Valid(text) || strings.ContainsRune(string(text), 0):
		return "", fmt.Errorf("%s: %s is not a text: give it in PEM", field.Name, file)
	}
	return string(text), nil
}

// secrets reads the secrets that flags say where to find, and takes those away
// from what is stored that flags give nothing for.
func (f *connectorFlags) secrets(cmd *cobra.Command, a *app, p source.Provider, stored map[string]string) (map[string]givenSecret, error) {
	secrets := make(map[string]givenSecret)
	for _, field := range p.Fields {
		given, flag := f.fields[field.Name], flagName(field.Name)
		switch {
		case !field.Secret || given == nil:
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
