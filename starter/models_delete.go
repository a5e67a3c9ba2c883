package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newModelsDelete(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a source model of files that no map reads",
		Long: `Delete a source model of files that somebody has made. Those that Sluice ships with
stay, those that maps read, and those that runs went by: they say what the records
of these runs were. This asks first; where nobody can be asked, --yes is needed.

To keep it for later: 'sluice export --models > models.yaml' writes it to a file,
and 'sluice apply -f models.yaml' brings it back.`,
		Example: "  sluice models delete file.scans\n  sluice models delete file.scans --yes",
		Args:    oneArgument("model name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			m, err := a.findModel(ctx, args[0])
			if err != nil {
				return err
			}
			// What cannot be deleted is not asked about.
			if err := store.CheckModelDeletion(ctx, m.Name); err != nil {
				return err
			}
			deleted, err := store.DeletedMapsReading(ctx, m.Name)
			if err != nil {
				return err
			}
			if len(deleted) > 0 {
				a.note("Deleted maps that read it cannot be brought back without it: %s.", strings.Join(deleted, ", "))
			}
			if !yes {
				question := fmt.Sprintf("This deletes data model %s (%d fields). Type its name to go on: ", harmless(m.Name), len(m.Fields))
				if err := a.confirm(ctx, "data model "+harmless(m.Name), question, m.Name); err != nil {
					return err
				}
			}
			if err := store.DeleteModel(ctx, m.Name); err != nil {
				return err
			}
			a.note("deleted data model %s", harmless(m.Name))
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
