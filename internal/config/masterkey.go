package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/internal/secret"
)

// The variables that say where the master key is, of which at most one is set.
const (
	keyVariable        = "SLUICE_MASTER_KEY"
	keyFileVariable    = "SLUICE_MASTER_KEY_FILE"
	keyCommandVariable = "SLUICE_MASTER_KEY_COMMAND"
)

// A KeySource is where the master key comes from.
type KeySource string

const (
	KeyFromEnvironment KeySource = keyVariable
	KeyFromCommand     KeySource = keyCommandVariable
	KeyFromFile        KeySource = keyFileVariable // also the one that the embedded default made
)

// KeySource returns where the master key comes from. More than one place is an
// error: which of the keys is meant cannot be told.
func (c Config) KeySource() (KeySource, error) {
	source := KeyFromFile
	var set []string
	for _, s := range []KeySource{KeyFromEnvironment, KeyFromFile, KeyFromCommand} {
		if c.get(string(s), "") != "" {
			source, set = s, append(set, string(s))
		}
	}
	for _, name := range set {
		if words := strings.Fields(c.get(name, "")); name != keyVariable && len(words) > 0 && secret.IsKey(words[0]) {
			return "", fmt.Errorf("%s holds a master key, not where one is: set %s to it", name, keyVariable)
		}
	}
	if len(set) > 1 {
		return "", fmt.Errorf("%s are both set: the master key comes from one place; unset the other", strings.Join(set, " and "))
	}
	return source, nil
}

// KeyFile is where the master key is, if it comes from a file.
func (c Config) KeyFile() string {
	return c.get(keyFileVariable, c.ownKeyFile())
}

// CheckReference refuses a reference to one of Sluice's own secrets as that of a
// connector: to the variables that have them, and to the file with the master key.
func (c Config) CheckReference(reference string) error {
	if source, err := c.KeySource(); err == nil && source == KeyFromFile {
		return secret.CheckReferenceBeside(c.KeyFile(), reference)
	}
	return secret.CheckReference(reference)
}

// ownKeyFile is where the embedded default keeps the key that it made.
func (c Config) ownKeyFile() string { return filepath.Join(c.Home, "master.key") }

// MakesKey says whether the embedded default may make the master key: nobody
// has said that there is one elsewhere.
func (c Config) MakesKey() bool {
	source, err := c.KeySource()
	return err == nil && source == KeyFromFile && c.KeyFile() == c.ownKeyFile()
}

// MasterKey returns the master key. The embedded default makes one; anything
// else has to be given one. Where it comes from a file or a command, these are
// read again when a secret turns out to be sealed with a newer key.
func (c Config) MasterKey() (secret.Key, error) {
	source, err := c.KeySource()
	if err != nil {
		return secret.Key{}, err
	}
	switch source {
	case KeyFromEnvironment:
		key, err := secret.ParseKey(c.get(keyVariable, ""))
		if err != nil {
			return key, fmt.Errorf("%s: %w", keyVariable, err)
		}
		return key, nil
	case KeyFromCommand:
		key, err := secret.LoadKey(func() (string, error) { return output(c.env, c.get(keyCommandVariable, "")) })
		if err != nil {
			return key, fmt.Errorf("%s: %w", keyCommandVariable, err)
		}
		return key, nil
	}
	key, err := secret.LoadKeyFile(c.KeyFile())
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: set %s, %s or %s to the key that stored secrets were sealed with; only where none was ever stored, make one with 'openssl rand -base64 32'",
			err, keyVariable, keyFileVariable, keyCommandVariable)
	}
	return key, err
}

// KeyWarning says that others can read the file with the master key; empty
// when they cannot, or there is none.
func (c Config) KeyWarning() string {
	if source, err := c.KeySource(); err != nil || source != KeyFromFile {
		return ""
	}
	info, err := os.Stat(c.KeyFile())
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("others on this machine can read the master key: chmod 600 %s", c.KeyFile())
}
