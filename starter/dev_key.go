package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/secret"
)

// provideMasterKey makes sure that there is a master key for the database's
// secrets. It makes one only where none was ever used, and where nobody said
// that there is one elsewhere: with a new key, what an older one has sealed
// would seem lost.
func (a *app) provideMasterKey(ctx context.Context, cfg config.Config, databaseURL string) error {
	key, err := cfg.MasterKey()
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if warning := cfg.KeyWarning(); warning != "" {
		a.note("%s", warning)
	}
	store, err := catalog.Open(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer store.Close()
	sealed, err := store.SealedSecrets(ctx, key)
	if err != nil {
		return err
	}
	path := absolute(cfg.KeyFile())
	switch {
	case !missing && len(sealed.Shut) > 0:
		a.note("the secrets of connectors %s were sealed with another master key than this one: use that one, or enter them again with '%s'",
			harmless(strings.Join(sealed.Shut, ", ")), a.command("connectors rotate-secret NAME --new-key"))
		return nil
	case !missing:
		return nil
	case len(sealed.Connectors) > 0:
		return fmt.Errorf("the master key is not at %s, and the secrets of connectors %s are sealed with it: put your copy of it there; "+
			"if it is lost, make a new one (umask 077; openssl rand -base64 32 > %s) and enter the secrets again with 'sluice connectors rotate-secret NAME --new-key'",
			path, strings.Join(sealed.Connectors, ", "), shellWord(path))
	case !cfg.MakesKey():
		return fmt.Errorf("SLUICE_MASTER_KEY_FILE names %s, which is not there: put a master key there (umask 077; openssl rand -base64 32 > %s), "+
			"or unset it, and one is made in %s", path, shellWord(path), absolute(cfg.Home))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a folder for the master key: %w", err)
	}
	if _, err := secret.LoadOrCreateKeyFile(path); err != nil {
		return err
	}
	a.say("created a master key in %s: keep a copy", path)
	return nil
}

// checkKey refuses to seal a secret with a key that opens none of those that are
// stored: the workers have another.
func (a *app) checkKey(ctx context.Context, store *catalog.Store, key secret.Key) error {
	sealed, err := store.SealedSecrets(ctx, key)
	if err != nil || !sealed.AllShut() || a.newKey {
		return err
	}
	return fmt.Errorf("nothing is sealed with the master key of here (key %s): it opens no secret of any connector (%s), which are sealed with %s; "+
		"use the key that the workers have; if that is lost, enter the secrets again with '%s'",
		strings.Join(key.IDs(), ", "), strings.Join(sealed.Connectors, ", "), sealed.With(), a.command("connectors rotate-secret NAME --new-key"))
}

// addNewKey adds the flag for when the old master key is lost.
func (a *app) addNewKey(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.newKey, "new-key", false, "seal with the master key of here although it opens no secret that is stored: theirs is lost")
}

// absolute is a path that means the same wherever it is read.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
