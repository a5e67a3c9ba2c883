package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

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

// readSecret gets a secret without it ever being an argument: from a
// reference, a file ("-" is standard input), the environment, or a prompt
// that does not show what is typed.
func (a *app) readSecret(ctx context.Context, field source.Field, file, reference string) (givenSecret, error) {
	flag := flagName(field.Name)
	if reference != "" {
		if !secret.IsReference(reference) {
			// Not quoted: it may be the secret itself.
			return givenSecret{}, fmt.Errorf("--%s-ref is neither env:NAME nor file:PATH: it says where workers find the secret", flag)
		}
		return givenSecret{plain: a.resolve(reference), reference: reference}, nil
	}
	if file == "-" {
		text, err := io.ReadAll(io.LimitReader(a.in, maxSecret+1))
		if err != nil {
			return givenSecret{}, fmt.Errorf("read %s from standard input: %w", field.Name, err)
		}
		if len(text) > maxSecret {
			return givenSecret{}, fmt.Errorf("standard input is longer than any %s", field.Name)
		}
		return givenSecret{plain: strings.TrimRight(string(text), "\r\n")}, nil
	}
	if file != "" {
		plain, err := secret.ReadFile(file)
		return givenSecret{plain: plain}, err
	}
	if plain, _ := a.env.LookupEnv(variable(field.Name)); plain != "" {
		return givenSecret{plain: plain}, nil
	}
	fd, ok := isTerminal(a.in)
	if !ok {
		return givenSecret{}, fmt.Errorf("%s is missing: give it by --%s-file, in the environment variable %s, or by --%s-ref",
			field.Name, flag, variable(field.Name), flag)
	}
	plain, err := a.askUnseen(ctx, fd, field.Name+" (it is not shown): ")
	switch {
	case errors.Is(err, errInterrupted):
		return givenSecret{}, fmt.Errorf("%w: nothing was changed", err)
	case err != nil:
		return givenSecret{}, fmt.Errorf("read %s: %w", field.Name, err)
	case plain == "":
		return givenSecret{}, errors.New("nothing was entered: nothing was changed")
	}
	return givenSecret{plain: plain}, nil
}

// resolve reads the secret behind a reference, so that it can be checked;
// empty when it is not on this machine.
func (a *app) resolve(reference string) string {
	if name, ok := strings.CutPrefix(reference, "env:"); ok {
		plain, _ := a.env.LookupEnv(name)
		return plain
	}
	path, _ := strings.CutPrefix(reference, "file:")
	plain, err := secret.ReadFile(path)
	if err != nil {
		return ""
	}
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
