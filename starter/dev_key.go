package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	sealed, shut, err := sealedSecrets(ctx, store, key)
	if err != nil {
		return err
	}
	path := absolute(cfg.KeyFile())
	switch {
	case !missing && len(shut) > 0:
		a.note("the secrets of connectors %s were sealed with another master key than this one: use that one, or enter them again with '%s'",
			harmless(strings.Join(shut, ", ")), a.command("connectors update NAME --new-secret"))
		return nil
	case !missing:
		return nil
	case len(sealed) > 0:
		return fmt.Errorf("the master key is not at %s, and the secrets of connectors %s are sealed with it: put your copy of it there; "+
			"if it is lost, make a new one (umask 077; openssl rand -base64 32 > %s) and enter the secrets again with 'sluice connectors update NAME --new-secret'",
			path, strings.Join(sealed, ", "), shellWord(path))
	case !cfg.MakesKey():
		return fmt.Errorf("SLUICE_MASTER_KEY_FILE names %s, which is not there: put a master key there (umask 077; openssl rand -base64 32 > %s), "+
			"or unset it, and one is made in %s", path, shellWord(path), absolute(cfg.Home))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a folder for the master key: %w", err)
	}
	if _, err := secret.LoadOrCreateKey(path); err != nil {
		return err
	}
	a.say("created a master key in %s: keep a copy", path)
	return nil
}

// sealedSecrets names the connectors that have a sealed secret, and of them
// those that the key does not open.
func sealedSecrets(ctx context.Context, store *catalog.Store, key secret.Key) (sealed, shut []string, err error) {
	connectors, err := store.Connectors(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range connectors {
		has, opens := false, true
		for field, stored := range c.Secrets {
			if !secret.IsSealed(stored) {
				continue
			}
			has = true
			if _, err := key.Open(secret.Place{ConnectorID: c.ID, Field: field}, stored); err != nil {
				opens = false
			}
		}
		if has {
			sealed = append(sealed, c.Name)
		}
		if !opens {
			shut = append(shut, c.Name)
		}
	}
	return sealed, shut, nil
}

// absolute is a path that means the same wherever it is read.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
