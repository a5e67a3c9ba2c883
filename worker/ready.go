package main

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"sluice/internal/catalog"
	"sluice/internal/secret"
)

// ready checks, before anything is served, that a worker can do what it is given:
// one that cannot would fail, for good, the runs that it takes from those that
// can. A key that opens some of the secrets is used, and the rest is told: one
// connector must not stop the others. With newKey, none needs to open.
func ready(ctx context.Context, store *catalog.Store, key secret.Key, newKey bool, log *zap.Logger) error {
	if err := store.CheckWorker(ctx); err != nil {
		return err
	}
	sealed, err := store.SealedSecrets(ctx, key)
	if err != nil {
		return err
	}
	here := "key " + strings.Join(key.IDs(), ", ")
	if sealed.AllShut() && !newKey {
		return fmt.Errorf("the master key of here (%s) opens no secret of any connector (%s): they are sealed with %s; "+
			"give this worker the master key that the others have; if that is lost, start it with --new-key and enter the secrets again with 'sluice connectors rotate-secret NAME --new-key'",
			here, strings.Join(sealed.Connectors, ", "), sealed.With())
	}
	for _, name := range sealed.Shut {
		log.Error("runs and tests of this connector will fail: a secret of it is sealed with another master key than that of here; "+
			"give this worker the key that it was sealed with, or enter the secret again with 'sluice connectors rotate-secret'",
			zap.String("connector", name), zap.String("here", here), zap.String("sealedWith", sealed.With()))
	}
	return nil
}
