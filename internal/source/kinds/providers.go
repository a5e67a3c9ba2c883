package kinds

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/azure"
	"sluice/internal/qualys/applications"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// Providers lists the providers, each with the settings that all connectors
// have besides its own.
func Providers() []source.Provider {
	return []source.Provider{
		withCommon(applications.Provider()),
		withCommon(azure.Provider()),
		withCommon(file.Provider()),
	}
}

// FindProvider returns the provider of that name; an unknown one is an error
// that names the nearest.
func FindProvider(name string) (source.Provider, error) {
	var known []string
	for _, p := range Providers() {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	return source.Provider{}, fmt.Errorf("unknown provider %q%s", name, suggest.Ending(name, known))
}

// withCommon adds to a provider what connectors have whoever it is.
func withCommon(p source.Provider) source.Provider {
	check, note := p.Check, p.Note
	p.Fields = slices.Concat(p.Fields, source.CommonFields())
	p.Check = func(c source.Connection) error {
		if err := check(c); err != nil {
			return err
		}
		if err := source.CheckCommon(c); err != nil {
			return err
		}
		_, err := transport.ReadNetwork(c)
		return err
	}
	p.Note = func(c source.Connection) string {
		var notes []string
		if note != nil {
			notes = append(notes, note(c))
		}
		if network, err := transport.ReadNetwork(c); err == nil {
			notes = append(notes, network.Note())
		}
		return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
	}
	return p
}

// order is that of applications by which people are shown them: what most
// accounts have comes first. Those that are not named here follow.
var order = []string{"VMDR", "WAS", "TAS", "FIM", "PM", "ETM", "API Management", "Files"}

// Applications lists what a connector of a provider is tested against: the
// applications that kinds read, and those that none does.
func Applications(provider string) []source.Application {
	var all []source.Application
	for _, k := range All() {
		if k.Provider() == provider {
			all = append(all, applicationOf(k))
		}
	}
	for _, p := range Providers() {
		if p.Name == provider {
			all = append(all, p.Applications...)
		}
	}
	rank := func(a source.Application) int {
		if i := slices.Index(order, a.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(a, b source.Application) int { return rank(a) - rank(b) })
	return all
}

// applicationOf is the application that a kind reads: the kind's own test is
// that of the application.
func applicationOf(k source.Kind) source.Application {
	return source.Application{
		Name: k.Card().Application, Title: k.Card().Product, Kind: k.Name(),
		Open: func(c source.Connection) (source.Prober, error) {
			session, err := k.Open(c)
			if err != nil {
				return nil, err
			}
			return session, nil
		},
	}
}

// FindApplication returns a provider's application of that name, in whatever
// case it is written; an unknown one is an error that names the nearest.
func FindApplication(provider, name string) (source.Application, error) {
	p, err := FindProvider(provider)
	if err != nil {
		return source.Application{}, err
	}
	var known []string
	for _, a := range Applications(provider) {
		if strings.EqualFold(a.Name, strings.TrimSpace(name)) {
			return a, nil
		}
		known = append(known, a.Name)
	}
	return source.Application{}, fmt.Errorf("%s has no application %q%s", p.Title, name, suggest.Ending(name, known))
}
