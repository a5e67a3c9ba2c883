package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"sluice/internal/azure"
	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// asks says whether a person can be asked.
func (a *app) asks() bool {
	_, ok := isTerminal(a.in)
	return ok
}

// askWord asks for a line, without the blanks around it.
func (a *app) askWord(ctx context.Context, question string) (string, error) {
	line, err := a.askLine(ctx, question)
	switch {
	case errors.Is(err, errInterrupted):
		return "", fmt.Errorf("%w: nothing was changed", err)
	case errors.Is(err, io.EOF):
		return "", errors.New("the input ended: nothing was changed")
	case err != nil:
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// askOne asks until one of some words is answered, or its beginning; an empty
// answer is the first.
func (a *app) askOne(ctx context.Context, question string, words ...string) (string, error) {
	for {
		answer, err := a.askWord(ctx, fmt.Sprintf("%s (%s; nothing: %s): ", question, inWords(words), words[0]))
		if err != nil || answer == "" {
			return words[0], err
		}
		for _, word := range words {
			if strings.HasPrefix(strings.ToLower(word), strings.ToLower(answer)) {
				return word, nil
			}
		}
	}
}

// askName asks for a connector's name until it can be used.
func (a *app) askName(ctx context.Context) (string, error) {
	for {
		name, err := a.askWord(ctx, "name of the connector: ")
		if err != nil {
			return "", err
		}
		if err := catalog.CheckConnectorName(name); err != nil {
			a.note("%v", err)
			continue
		}
		return name, nil
	}
}

// askProvider asks whom a connector talks to.
func (a *app) askProvider(ctx context.Context) (source.Provider, error) {
	name, err := a.askOne(ctx, "provider", providerNames()...)
	if err != nil {
		return source.Provider{}, err
	}
	return kinds.FindProvider(name)
}

// An interview asks a person for what a new connector lacks.
type interview struct {
	app      *app
	provider source.Provider
	draft    catalog.Connector
	secrets  map[string]givenSecret
	typed    map[string]bool // fields that were asked for
	last     source.Field    // that was
}

// complete asks for what the provider's check misses, one after the other, and
// again for what was typed wrong. What came by flags and is wrong is left to the
// check of what is stored.
func (i *interview) complete(ctx context.Context) error {
	for {
		f := fault.As(i.provider.Check(connection(i.draft, i.secrets)))
		if f == nil {
			return nil
		}
		field, ok := fieldOf(i.provider, f)
		if !ok && i.last.Name != "" { // it is about what was typed last
			field, ok = i.last, true
		}
		given := i.secrets[field.Name]
		there := i.draft.Settings[field.Name] != "" || given.plain != "" || given.reference != ""
		if !ok || there && !i.typed[field.Name] {
			return nil
		}
		if there {
			i.app.note("%s", harmless(f.Error()))
			delete(i.draft.Settings, field.Name)
			delete(i.secrets, field.Name)
		}
		if err := i.ask(ctx, field); err != nil {
			return err
		}
	}
}

// fieldOf is the field that a check's error is about.
func fieldOf(p source.Provider, f *fault.Error) (source.Field, bool) {
	for _, field := range p.Fields {
		if f.Code == "connector-"+field.Name {
			return field, true
		}
	}
	return source.Field{}, false
}

// field is the provider's field of that name.
func (i *interview) field(name string) source.Field {
	for _, field := range i.provider.Fields {
		if field.Name == name {
			return field
		}
	}
	return source.Field{Name: name}
}

// ask asks for a field or, where there is a choice, for what can stand in its
// place.
func (i *interview) ask(ctx context.Context, field source.Field) error {
	s := i.draft.Settings
	switch {
	case i.provider.Name == "qualys" && (field.Name == qualys.FieldBaseURL || field.Name == qualys.FieldPlatform):
		return i.askPlatform(ctx)
	case i.provider.Name == "qualys" && field.Name == qualys.FieldClientID && i.secrets[qualys.FieldClientSecret] == givenSecret{}:
		how, err := i.app.askOne(ctx, "signs in as a client, which serves all kinds, or as a user, which TotalAppSec does not take", "client", "user")
		if err != nil {
			return err
		}
		if how == "user" {
			field = i.field(qualys.FieldUsername)
		}
	case i.provider.Name == "azure" && field.Name == azure.FieldClientSecret && s[azure.FieldClientID] != "":
		how, err := i.app.askOne(ctx, "signs in with a secret or a certificate", "secret", "certificate")
		if err != nil {
			return err
		}
		if how == "certificate" {
			field = i.field(azure.FieldClientCertificate)
		}
	}
	i.typed[field.Name], i.last = true, field
	if field.Secret {
		found, err := i.app.findSecrets(ctx, field)
		maps.Copy(i.secrets, found)
		return err
	}
	answer, err := i.app.askWord(ctx, fmt.Sprintf("%s (%s): ", field.Name, field.Help))
	if answer != "" {
		s[field.Name] = answer
	}
	return err
}

// askPlatform lists Qualys's platforms and asks for one, or for the address of
// another.
func (i *interview) askPlatform(ctx context.Context) error {
	for _, p := range qualys.Platforms {
		i.app.note("  %-4s %s (%s)", p.Name, p.Title, p.Gateway)
	}
	answer, err := i.app.askWord(ctx, "platform, or the gateway's URL of a private cloud: ")
	if err != nil || answer == "" {
		return err
	}
	i.last = i.field(qualys.FieldPlatform)
	if strings.ContainsAny(answer, "./") {
		i.last = i.field(qualys.FieldBaseURL)
	}
	delete(i.draft.Settings, qualys.FieldPlatform)
	delete(i.draft.Settings, qualys.FieldBaseURL)
	i.draft.Settings[i.last.Name], i.typed[i.last.Name] = answer, true
	return nil
}
