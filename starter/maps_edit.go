package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

func newMapsEdit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "edit NAME",
		Short: "Change a transform map in your editor; the change is a new version",
		Long: `Open the latest version of a transform map in your editor ($VISUAL or $EDITOR), with
the fields that it can name below it. What you save is checked, and becomes the
next version when it is right; else you are told what is wrong, with line and
column, and can edit it again. A text that is not saved stays in a file that is
named. To begin with an earlier version, make it the latest one again first ('sluice
maps rollback'). The maps that Sluice ships with cannot be changed: clone them first.`,
		Example: `  sluice maps edit acme-apps
  EDITOR="code --wait" sluice maps edit acme-apps`,
		Args: oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			base, err := mapToEdit(ctx, cmd, store, args[0])
			if err != nil {
				return err
			}
			if err := base.Changeable(); err != nil {
				return err
			}
			source, err := a.findModel(ctx, base.SourceModel)
			if err != nil {
				return err
			}
			target, err := a.findModel(ctx, base.TargetModel)
			if err != nil {
				return err
			}
			class := ""
			if parsed, err := transform.ParseMap(base.Ref(), []byte(base.Body)); err == nil {
				class = parsed.AssetClass // else it is there to be mended
			}
			next := base
			_, err = a.inEditor(ctx, edit{
				name: base.Name, text: base.Body, help: mapHelp(source, target, class),
				save: func(text []byte, file string) error {
					var err error
					next, _, err = store.SaveMap(ctx, catalog.MapEdit{Body: text, File: file, Name: base.Name, Base: base.Version})
					return err
				},
				advise: func(file string) string { return a.adviseOn(ctx, store, base, file) },
			})
			if err != nil {
				return err
			}
			return a.sayVersion(ctx, store, base, next)
		},
	}
}

// mapToEdit finds the map that NAME means, or NAME@2 where that is the latest.
func mapToEdit(ctx context.Context, cmd *cobra.Command, store *catalog.Store, ref string) (catalog.MapVersion, error) {
	name, _, _ := strings.Cut(ref, "@")
	m, err := findMap(ctx, cmd, store, ref)
	if err != nil {
		return m, err
	}
	latest, err := store.LatestMap(ctx, name)
	if err == nil && latest.ID != m.ID {
		err = fmt.Errorf("%s cannot be edited, only the latest version, %s: 'sluice maps rollback %s --to %d' makes it the latest again", m.Ref(), latest.Ref(), name, m.Version)
	}
	return latest, err
}

// adviseOn says what to do with a file that has a changed map that was not
// saved. What somebody else has saved meanwhile is not to be lost, either.
func (a *app) adviseOn(ctx context.Context, store *catalog.Store, base catalog.MapVersion, file string) string {
	save := func(version int32) string {
		return a.command(fmt.Sprintf("maps import %s --name %s --base %d", shellWord(file), base.Name, version))
	}
	latest, err := store.LatestMap(ctx, base.Name)
	if err != nil || latest.Version == base.Version {
		return fmt.Sprintf("'%s' saves it, when it is right", save(base.Version))
	}
	changes, err := compareMaps(base, latest)
	theirs := changesText(changes)
	if err != nil {
		theirs = "'" + a.command(fmt.Sprintf("maps show %s --output yaml", latest.Name)) + "' shows it"
	}
	profile := "PROFILE"
	if users, err := mapUse(ctx, store, latest); err == nil && len(users) > 0 {
		profile = users[0]
	}
	return fmt.Sprintf(`it is made from %s
what %s has otherwise than %s: %s
'%s' shows what yours makes differently of records
take into your text what is to stay of %s, and then '%s' saves it`,
		base.Ref(), latest.Ref(), base.Ref(), theirs,
		a.command(fmt.Sprintf("maps diff %s %s --profile %s", latest.Name, shellWord(file), profile)), latest.Ref(), save(latest.Version))
}

// sayVersion tells of a map's new version and what it changed, or that there is
// none.
func (a *app) sayVersion(ctx context.Context, store *catalog.Store, before, now catalog.MapVersion) error {
	if now.ID == before.ID && a.forTables() {
		a.note("nothing changed: map %s stays at version %d", before.Name, before.Version)
		return nil
	}
	deed := "saved map " + now.Ref()
	if before.ID != 0 {
		if changes, err := compareMaps(before, now); err == nil { // else it was there to be mended
			deed += ": " + changesText(changes)
		}
	}
	return a.sayMap(ctx, store, deed, now)
}
