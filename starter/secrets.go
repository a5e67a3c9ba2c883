package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
)

// maxSecret bounds a secret that is read from standard input, in bytes.
const maxSecret = 64 << 10

// A given secret is what a person gave for a secret field: the secret itself,
// or a reference to where workers find it.
type givenSecret struct {
	plain     string // of a reference: empty when it cannot be read here
	reference string // "env:NAME" or "file:PATH"; empty: to be sealed
}

// secretFrom gets a secret from where a flag says: a reference, or a file,
// where "-" is standard input.
func (a *app) secretFrom(field source.Field, file, reference string) (givenSecret, error) {
	if reference != "" {
		if !secret.IsReference(reference) {
			// Not quoted: it may be the secret itself.
			return givenSecret{}, fmt.Errorf("--%s-ref is neither env:NAME nor file:PATH: it says where workers find the secret", flagName(field.Name))
		}
		return givenSecret{plain: a.resolve(reference), reference: reference}, nil
	}
	if file != "-" {
		plain, err := secret.ReadFile(file)
		a.secrets.Add(plain)
		return givenSecret{plain: plain}, err
	}
	text, err := io.ReadAll(io.LimitReader(a.in, maxSecret+1))
	if err != nil {
		return givenSecret{}, fmt.Errorf("read %s from standard input: %w", field.Name, err)
	}
	if len(text) > maxSecret {
		return givenSecret{}, fmt.Errorf("standard input is longer than any %s", field.Name)
	}
	plain := strings.TrimRight(string(text), "\r\n")
	a.secrets.Add(plain)
	return givenSecret{plain: plain}, nil
}

// addMissing adds the secrets that a connector cannot do without to those
// given: from the environment, or by asking.
func (a *app) addMissing(ctx context.Context, p source.Provider, c catalog.Connector, secrets map[string]givenSecret) error {
	for {
		field := missingSecret(p, connection(c, secrets))
		if field == nil {
			return nil
		}
		found, err := a.findSecrets(ctx, *field)
		if err != nil {
			return err
		}
		maps.Copy(secrets, found)
	}
}

// missingSecret is the secret that a provider's check misses; nil when it is
// content, or when something else is wrong.
func missingSecret(p source.Provider, c source.Connection) *source.Field {
	f := fault.As(p.Check(c))
	if f == nil {
		return nil
	}
	for _, field := range p.Fields {
		if field.Secret && c.Secrets[field.Name] == "" && f.Code == "connector-"+field.Name {
			return &field
		}
	}
	return nil
}

// findSecrets gets at least one of some secrets: those that are in the
// environment, or else those that a person types, which are not shown.
func (a *app) findSecrets(ctx context.Context, fields ...source.Field) (map[string]givenSecret, error) {
	found := make(map[string]givenSecret)
	var missing []string
	for _, field := range fields {
		if plain, _ := a.env.LookupEnv(variable(field.Name)); plain != "" {
			a.secrets.Add(plain)
			found[field.Name] = givenSecret{plain: plain}
		}
		missing = append(missing, fmt.Sprintf("%s is missing: give it by --%s-file, in the environment variable %s, or by --%[2]s-ref",
			field.Name, flagName(field.Name), variable(field.Name)))
	}
	if len(found) > 0 {
		return found, nil
	}
	fd, ok := isTerminal(a.in)
	if !ok {
		return nil, errors.New(strings.Join(missing, "; or "))
	}
	stays := ""
	if len(fields) > 1 {
		stays = "; nothing: it stays"
	}
	for _, field := range fields {
		plain, err := a.askSecret(ctx, fd, field, stays)
		if err != nil {
			return nil, err
		}
		if plain != "" {
			a.secrets.Add(plain)
			found[field.Name] = givenSecret{plain: plain}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("nothing was entered: nothing was changed")
	}
	return found, nil
}

// askSecret asks for a secret, unseen; for one of several lines, where it is.
func (a *app) askSecret(ctx context.Context, fd int, field source.Field, hint string) (plain string, err error) {
	if field.File {
		path, err := a.askWord(ctx, fmt.Sprintf("file with %s (%s%s): ", field.Name, field.Help, hint))
		if err != nil || path == "" {
			return "", err
		}
		return secret.ReadFile(path)
	}
	plain, err = a.askUnseen(ctx, fd, fmt.Sprintf("%s (it is not shown%s): ", field.Name, hint))
	switch {
	case errors.Is(err, errInterrupted):
		return "", fmt.Errorf("%w: nothing was changed", err)
	case err != nil:
		return "", fmt.Errorf("read %s: %w", field.Name, err)
	}
	return plain, nil
}

// resolve reads the secret behind a reference, so that it can be checked;
// empty when it is not on this machine.
func (a *app) resolve(reference string) string {
	if name, ok := strings.CutPrefix(reference, "env:"); ok {
		plain, _ := a.env.LookupEnv(name)
		a.secrets.Add(plain)
		return plain
	}
	path, _ := strings.CutPrefix(reference, "file:")
	plain, err := secret.ReadFile(path)
	if err != nil {
		return ""
	}
	a.secrets.Add(plain)
	return plain
}

// flagName is a field's name as a flag: "clientId" is "client-id", "baseURL"
// is "base-url".
func flagName(field string) string {
	var b strings.Builder
	upper := true // the letter before was one, or there was none
	for _, r := range field {
		isUpper := r >= 'A' && r <= 'Z'
		if isUpper && !upper {
			b.WriteByte('-')
		}
		upper = isUpper
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// variable is the environment variable that may hold a secret field:
// "clientSecret" is SLUICE_CLIENT_SECRET.
func variable(field string) string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(flagName(field), "-", "_"))
}
