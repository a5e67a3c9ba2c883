package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// versions lists every row's content digest and absence, and which version of
// the row it is: xmin and ctid change when it is written, xmax when it is
// locked for writing.
const versions = `
	SELECT 'assets' AS in_table, id, digest, stale_since AS absent, concat_ws(' ', xmin, xmax, ctid) AS version FROM public.assets
	UNION ALL
	SELECT 'findings', id, digest, absent_since, concat_ws(' ', xmin, xmax, ctid) FROM public.findings`

// noteVersions keeps the versions of all rows, for countRewritten.
func noteVersions(ctx context.Context, db *pgx.Conn) error {
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS noted",
		"DROP TABLE IF EXISTS noted.versions",
		"CREATE UNLOGGED TABLE noted.versions AS " + versions,
	} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("note row versions: %w", err)
		}
	}
	return nil
}

// countRewritten counts the rows whose content is as it was noted, but which
// were written or locked since.
func countRewritten(ctx context.Context, db *pgx.Conn) (n int64, err error) {
	err = db.QueryRow(ctx, `
		SELECT count(*) FROM noted.versions was JOIN (`+versions+`) now USING (in_table, id, digest)
		 WHERE was.absent IS NOT DISTINCT FROM now.absent AND was.version <> now.version`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count rewritten rows: %w", err)
	}
	return n, nil
}
