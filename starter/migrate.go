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
Running it again changes nothing. 'sluice dev' does it by itself.

It makes three roles, too, and gives them no more rights than they need. Nobody
logs in as one of them: make logins of your own members of them, such as by
GRANT sluice_worker TO somebody.

  sluice_owner    owns the tables; who is a member can migrate
  sluice_worker   reads and writes: for workers, and to configure and run
  sluice_reader   reads the inventory, runs, profiles and logs; neither secrets
                  nor what vendors sent

Roles belong to the whole server, so all of Sluice's databases in it share them.
A login that may not make roles is told what somebody else has to run.`,
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
			done, err := catalog.Migrate(cmd.Context(), cfg.DatabaseURL)
			if err != nil {
				return err
			}
			if done.ByHand != "" {
				a.note("%s", done.ByHand)
			}
			if a.forTables() {
				a.say("%s", migrated(done.Applied))
				return nil
			}
			return printOne(a, done, []column[catalog.Migration]{
				{"applied", func(m catalog.Migration) any { return m.Applied }},
				{"byHand", func(m catalog.Migration) any { return m.ByHand }},
			})
		},
	}
}

func migrated(applied int) string {
	if applied == 0 {
		return "the database is up to date"
	}
	return fmt.Sprintf("applied %d migrations: the database is up to date", applied)
}
