package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
)

func newMigrate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create or update Sluice's tables in the database",
		Long: `Create or update Sluice's tables and default transform maps in the database.
Running it again changes nothing. 'sluice dev' does it by itself.`,
		Example: "  SLUICE_DATABASE_URL=postgres://sluice:password@db:5432/sluice sluice migrate",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := a.located()
			if err != nil {
				return err
			}
			if cfg.DatabaseURL == "" {
				return errNoDatabase(cfg.Home)
			}
			applied, err := catalog.Migrate(cmd.Context(), cfg.DatabaseURL)
			if err != nil {
				return err
			}
			if a.forTables() {
				a.say("%s", migrated(applied))
				return nil
			}
			return printOne(a, migration{applied}, []column[migration]{{"applied", func(m migration) any { return m.Applied }}})
		},
	}
}

// migration is what 'sluice migrate' did.
type migration struct {
	Applied int `json:"applied"` // number of migrations
}

func migrated(applied int) string {
	if applied == 0 {
		return "the database is up to date"
	}
	return fmt.Sprintf("applied %d migrations: the database is up to date", applied)
}
