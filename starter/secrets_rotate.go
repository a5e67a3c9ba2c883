package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/secret"
)

func newSecrets(a *app) *cobra.Command {
	return group("secrets", "The secrets of connectors, and the key that seals them",
		`The secrets of connectors are sealed in the database with the master key
(AES-256-GCM), each for its connector and field. The key comes from one of
SLUICE_MASTER_KEY, SLUICE_MASTER_KEY_FILE and SLUICE_MASTER_KEY_COMMAND. It may be
several keys, with white space between them: the first seals, all open. A key is
told from others by its id, the first digits of its SHA-256.`,
		"  sluice secrets list\n  sluice secrets rotate-key --new",
		newSecretsList(a), newSecretsRotateKey(a))
}

// secretView is a stored secret as it is shown: never its value.
type secretView struct {
	Connector string `json:"connector"`
	Field     string `json:"field"`               // "clientSecret", or "token/NAME"
	Form      string `json:"form"`                // sealed or reference
	Key       string `json:"key,omitempty"`       // id of the key that it was sealed with; empty: it does not say
	Opens     *bool  `json:"opens,omitempty"`     // with the master key of here; null: there is none here, or it is a reference
	Reference string `json:"reference,omitempty"` // env:NAME or file:PATH
}

var secretColumns = []column[secretView]{
	{"connector", func(s secretView) any { return s.Connector }},
	{"field", func(s secretView) any { return s.Field }},
	{"form", func(s secretView) any { return s.Form }},
	{"key", func(s secretView) any { return s.Key }},
	{"opens", func(s secretView) any { return s.Opens }},
	{"reference", func(s secretView) any { return s.Reference }},
}

func newSecretsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List with which key each secret is sealed, or what it refers to",
		Long: `List of each secret of a connector, and each token that workers share, with which
key it is sealed, and whether the master key of here opens it. References are
shown as they are. Values are never shown.`,
		Example: "  sluice secrets list\n  sluice secrets list --output json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			stored, err := store.StoredSecrets(cmd.Context())
			if err != nil {
				return err
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			key, err := cfg.MasterKey()
			if err != nil {
				a.note("whether they open cannot be told: %s", harmless(err.Error()))
			}
			var views []secretView
			for _, s := range stored {
				views = append(views, viewSecret(key, s))
			}
			return printListOr(a, views, secretColumns, "no connector has a secret yet")
		},
	}
}

func viewSecret(key secret.Key, s catalog.StoredSecret) secretView {
	v := secretView{Connector: s.Connector, Field: s.At.Field}
	if secret.IsReference(s.Stored) {
		v.Form, v.Reference = "reference", s.Stored
		return v
	}
	v.Form, v.Key = "sealed", secret.SealedWith(s.Stored)
	if len(key.IDs()) > 0 {
		_, err := key.Open(s.At, s.Stored)
		opens := err == nil
		v.Opens = &opens
	}
	return v
}

func newSecretsRotateKey(a *app) *cobra.Command {
	r := rotation{app: a}
	cmd := &cobra.Command{
		Use:   "rotate-key",
		Short: "Seal all secrets with the first master key, or with a new one",
		Long: `Seal all secrets that are not sealed with the first of the master keys with that,
in one transaction. Run again, it finds nothing left to do.

Where the key is a file, and all workers read that same file, --new does it all:
it makes a new key, puts it first into the file, seals everything with it, and
then removes the old keys from the file. Workers go on meanwhile: one that meets
a newer key reads the file again. Interrupted at any point, everything opens with
the file as it is; run it again then.

--keep-old leaves the old keys in the file: for when another database is sealed
with them, or this one's backups are to be restored with the file as it is. A
backup opens only with the keys of its time: keep those as long as the backup.

Where the key is elsewhere, or workers have copies of the file:

  1. Put a new key (openssl rand -base64 32) before the old one, everywhere, and
     start workers again that have it from the environment.
  2. Run 'sluice secrets rotate-key'.
  3. Remove the old key, everywhere.`,
		Example: "  sluice secrets rotate-key --new\n  sluice secrets rotate-key --dry-run\n  sluice secrets rotate-key",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.keepOld && !r.makeNew {
				return wrongUsage(cmd, "--keep-old goes with --new: without it, no key is removed")
			}
			done, err := r.run(cmd.Context())
			if err != nil {
				return err
			}
			if a.forTables() {
				a.say("%s", done.inWords())
				return nil
			}
			return printOne(a, done, rotatedColumns)
		},
	}
	cmd.Flags().BoolVar(&r.makeNew, "new", false, "make a new key in the key file, and remove the old ones from it in the end")
	cmd.Flags().BoolVar(&r.keepOld, "keep-old", false, "with --new: leave the old keys in the key file, behind the new one")
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "say what would be sealed again, and change nothing")
	return cmd
}

// rotated is what a rotation did.
type rotated struct {
	catalog.Resealed
	Key     string   `json:"key"`         // that everything is sealed with now; empty: a new one would be made
	Removed []string `json:"removedKeys"` // from the file
	Left    []string `json:"oldKeys"`     // that nothing is sealed with any more
	DryRun  bool     `json:"dryRun"`
}

var rotatedColumns = []column[rotated]{
	{"key", func(r rotated) any { return r.Key }},
	{"secrets", func(r rotated) any { return r.Secrets }},
	{"tokens", func(r rotated) any { return r.Tokens }},
	{"droppedTokens", func(r rotated) any { return r.Dropped }},
	{"kept", func(r rotated) any { return r.Kept }},
	{"removedKeys", func(r rotated) any { return r.Removed }},
	{"oldKeys", func(r rotated) any { return r.Left }},
	{"dryRun", func(r rotated) any { return r.DryRun }},
}

func (r rotated) inWords() string {
	did := "sealed"
	if r.DryRun {
		did = "would seal"
	}
	with := "key " + r.Key
	if r.Key == "" {
		with = "a new key"
	}
	text := fmt.Sprintf("%s %d secrets and %d tokens with %s", did, r.Secrets, r.Tokens, with)
	if r.Kept > 0 {
		text += fmt.Sprintf("; %d were sealed with it already", r.Kept)
	}
	if r.Dropped > 0 {
		text += fmt.Sprintf("\n%d tokens that no key opens are dropped: workers get new ones", r.Dropped)
	}
	if len(r.Removed) > 0 {
		text += fmt.Sprintf("\nremoved from the key file: %s; backups of before need them", strings.Join(r.Removed, ", "))
	}
	if len(r.Left) > 0 && !r.DryRun {
		text += fmt.Sprintf("\nnothing is sealed any more with the keys after the first (%s): they can be removed, where no backup or other database needs them", strings.Join(r.Left, ", "))
	}
	return text
}

// rotation seals everything with another key.
type rotation struct {
	*app
	makeNew, keepOld, dryRun bool
	// reached is called after each step, for tests that stop there. Nil: it is
	// not.
	reached func(step string) error
}

// The steps of a rotation, in their order.
const (
	stepPut     = "the new key is in the file"
	stepSealed  = "everything is sealed with it"
	stepRemoved = "the old keys are gone"
)

// run rotates. At each point everything that is sealed can be opened with the
// keys that are in the file: a key is there before something is sealed with it,
// and until nothing is any more.
func (r rotation) run(ctx context.Context) (rotated, error) {
	done := rotated{DryRun: r.dryRun, Removed: []string{}, Left: []string{}}
	cfg, err := r.config()
	if err != nil {
		return done, err
	}
	source, err := cfg.KeySource()
	if err != nil {
		return done, err
	}
	if r.makeNew && source != config.KeyFromFile {
		return done, fmt.Errorf("--new makes a key in a key file, but the master key comes from %s: put a new key before the old one there, "+
			"start the workers again, and run '%s'", source, r.command("secrets rotate-key"))
	}
	store, err := r.catalog(ctx)
	if err != nil {
		return done, err
	}
	release, err := store.Exclusive(ctx, "master key")
	if err != nil {
		return done, err
	}
	defer release()
	key, err := cfg.MasterKey()
	if err != nil {
		return done, err
	}
	if r.makeNew {
		// Nothing is begun that cannot be ended, as when something does not open.
		trial, err := key.Renewed()
		if err != nil {
			return done, err
		}
		if done.Resealed, err = store.Reseal(ctx, trial, true); err != nil || r.dryRun {
			return done, err
		}
		if _, err := secret.PutNewKey(cfg.KeyFile()); err != nil {
			return done, err
		}
		if err := r.after(stepPut); err != nil {
			return done, err
		}
		if key, err = cfg.MasterKey(); err != nil {
			return done, err
		}
	}
	key = key.Fixed()
	ids := key.IDs()
	done.Key, done.Left = ids[0], ids[1:]
	if done.Resealed, err = store.Reseal(ctx, key, r.dryRun); err != nil {
		return done, err
	}
	if err := r.after(stepSealed); err != nil || !r.makeNew || r.keepOld {
		return done, err
	}
	if err := secret.RemoveKeys(cfg.KeyFile(), done.Left); err != nil {
		return done, err
	}
	done.Removed, done.Left = done.Left, []string{}
	if err := r.after(stepRemoved); err != nil {
		return done, err
	}
	// One who had read the old key only may have sealed with it meanwhile.
	late, err := store.Reseal(ctx, key, false)
	done.Secrets += late.Secrets
	done.Tokens += late.Tokens
	return done, err
}

func (r rotation) after(step string) error {
	if r.reached == nil {
		return nil
	}
	return r.reached(step)
}
