package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The roles that Migrate makes, which no one can log in as: logins are made
// members of them. PostgreSQL has roles once a cluster, so that all databases of
// Sluice in it share these.
const (
	OwnerRole  = "sluice_owner"  // owns all tables: migrates
	WorkerRole = "sluice_worker" // reads and writes: workers, and those who configure
	ReaderRole = "sluice_reader" // reads what is no secret and not raw: reports
)

// reading says what the reader may read of a table or view.
type reading struct {
	all     bool
	columns []string // where not all
}

var (
	readAll  = reading{all: true}
	readNone = reading{}
)

// relations are all tables and views, and what the reader may read of them:
// neither secrets and tokens, nor what vendors sent, nor what only workers make
// use of. The worker may read and write all tables.
var relations = map[string]reading{
	"connectors": {columns: []string{"id", "name", "description", "provider", "active", "settings", "version",
		"created_at", "updated_at", "changed_at", "test_every"}},
	"connector_checks": readAll,
	"credentials":      readNone,
	"governor":         readNone,
	"profiles":         readAll,
	"transform_maps":   readAll,
	"data_models":      readAll,
	"watermarks":       readAll,

	"runs":              readAll,
	"leases":            readAll,
	"fetch_checkpoints": readAll,
	"write_checkpoints": readAll,
	"batches":           readAll,
	"rejects": {columns: []string{"run_id", "stream", "batch", "stage", "ordinal", "finding", "asset_id", "finding_id",
		"map_row", "reason"}},
	"log":               readAll,
	"chunks":            readNone,
	"vanished_findings": readNone,
	"dry_seen":          readNone,
	"seen_findings":     readNone,
	"recorded_assets":   readNone,
	"memory":            readNone,
	"remembered":        readNone,
	"uploads":           readAll,
	"upload_parts":      readNone,
	"samples":           readNone,

	"assets":             readAll,
	"findings":           readAll,
	"finding_sightings":  readAll,
	"profile_assets":     readAll,
	"knowledge_base":     readAll,
	"change_log":         readAll,
	"documents":          {columns: []string{"hash", "format", "bytes", "created_at"}},
	"document_endpoints": readAll,

	"changes":           readAll,
	"asset_list":        readAll,
	"finding_list":      readAll,
	"api_list":          readAll,
	"knowledge_entries": readAll,
	"knowledge_list":    readAll,

	versionTable: readAll,
}

// versionTable is where it is kept which migrations were applied.
const versionTable = "goose_db_version"

// Denied reports whether PostgreSQL refused something for want of rights.
func Denied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// settleRoles makes the roles where they are missing, and gives them their
// rights. What the login may not do is no error, but a sentence that says what
// is to be done by hand.
func (s *Store) settleRoles(ctx context.Context) (byHand string, err error) {
	login, err := s.makeRoles(ctx)
	if err != nil || !login.roles {
		return login.byHand(), err
	}
	// What the owner needs to own comes before what it owns, and that before
	// the rights on it, which are then its to give.
	for _, missing := range []func(context.Context, *pgxpool.Pool) ([]string, error){missingEntry, missingOwnership, excessRights, missingRights} {
		if err := s.settle(ctx, missing); Denied(err) {
			return fmt.Sprintf("login %s may not give the database roles all their rights (%s): let a login that is the owner of the database, or a superuser, run 'sluice migrate'",
				login.name, sentence(err)), nil
		} else if err != nil {
			return "", fmt.Errorf("give the database roles their rights: %w", err)
		}
	}
	return login.byHand(), nil
}

// sentence is what PostgreSQL said.
func sentence(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	return err.Error()
}

// migrator is the login that migrates.
type migrator struct {
	name   string
	roles  bool // the roles are there
	member bool // it can act as the owner, or need not: all is the owner's
}

func (m migrator) byHand() string {
	grant := fmt.Sprintf("GRANT %s TO %s;", OwnerRole, pgx.Identifier{m.name}.Sanitize())
	switch {
	case !m.roles:
		return fmt.Sprintf("login %s may not make the database roles: a superuser can, by CREATE ROLE %s; CREATE ROLE %s; CREATE ROLE %s; %s and then 'sluice migrate' gives them their rights",
			m.name, OwnerRole, WorkerRole, ReaderRole, grant)
	case !m.member:
		return fmt.Sprintf("login %s is no member of role %s, so that what it migrates stays its own: a superuser can change that, by %s and then 'sluice migrate' again", m.name, OwnerRole, grant)
	}
	return ""
}

// makeRoles makes the roles, and the login a member of the owner, where it may.
// Others may do the same in other databases of the cluster: who is too late
// finds it done.
func (s *Store) makeRoles(ctx context.Context) (migrator, error) {
	m, missing, err := s.migrator(ctx)
	for _, role := range missing {
		if err := s.changeRoles(ctx, "CREATE ROLE "+role+" NOLOGIN"); err != nil {
			return m, err
		}
	}
	if len(missing) > 0 {
		m, _, err = s.migrator(ctx)
	}
	if err != nil || !m.roles || m.member {
		return m, err
	}
	if err := s.changeRoles(ctx, "GRANT "+OwnerRole+" TO CURRENT_USER"); err != nil {
		return m, err
	}
	m, _, err = s.migrator(ctx)
	return m, err
}

// changeRoles runs a statement about roles. That it is not allowed, or was done
// by somebody else at the same time, is no error.
func (s *Store) changeRoles(ctx context.Context, statement string) error {
	_, err := s.pool.Exec(ctx, statement)
	if err == nil || Denied(err) || raced(err) {
		return nil
	}
	return fmt.Errorf("make the database roles: %w", err)
}

// migrator looks at the login and at which roles are missing.
func (s *Store) migrator(ctx context.Context) (m migrator, missing []string, err error) {
	err = s.pool.QueryRow(ctx, `
		SELECT current_user,
		       coalesce((SELECT pg_has_role(r.oid, 'USAGE') OR NOT EXISTS (
		                        SELECT FROM pg_class c
		                         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v') AND c.relname = ANY($3) AND c.relowner <> r.oid)
		                   FROM pg_roles r WHERE r.rolname = $1), false),
		       ARRAY(SELECT wanted FROM unnest($2::text[]) wanted WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = wanted))`,
		OwnerRole, []string{OwnerRole, WorkerRole, ReaderRole}, slices.Collect(maps.Keys(relations))).Scan(&m.name, &m.member, &missing)
	m.roles = len(missing) == 0
	if err != nil {
		err = fmt.Errorf("look at the database roles: %w", err)
	}
	return m, missing, err
}

// raced reports whether somebody else did the same to the cluster's roles at
// the same time.
func raced(err error) bool {
	var pg *pgconn.PgError
	// duplicate_object, unique_violation, and "tuple concurrently updated"
	return errors.As(err, &pg) && slices.Contains([]string{"42710", "23505", "XX000"}, pg.Code)
}

// settle runs the statements that are missing, each by itself, so that it holds
// no table's lock while it waits for another's. Of several who do so in one
// database, one works.
func (s *Store) settle(ctx context.Context, missing func(context.Context, *pgxpool.Pool) ([]string, error)) error {
	statements, err := missing(ctx, s.pool)
	if err != nil || len(statements) == 0 {
		return err
	}
	release, err := s.Exclusive(ctx, "roles")
	if err != nil {
		return err
	}
	defer release()
	if statements, err = missing(ctx, s.pool); err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := s.pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// missingEntry lists what lets the roles into the database and its schema.
func missingEntry(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return lines(ctx, pool, `
		SELECT format('GRANT %s ON SCHEMA %I TO %I', privilege, current_schema(), role)
		  FROM (VALUES ($1, 'USAGE'), ($1, 'CREATE'), ($2, 'USAGE'), ($3, 'USAGE')) wanted (role, privilege)
		 WHERE NOT has_schema_privilege(role, current_schema(), privilege)
		UNION ALL
		SELECT format('GRANT %s ON DATABASE %I TO %I', privilege, current_database(), role)
		  FROM (VALUES ($1, 'CONNECT'), ($2, 'CONNECT'), ($2, 'TEMPORARY'), ($3, 'CONNECT')) wanted (role, privilege)
		 WHERE NOT has_database_privilege(role, current_database(), privilege)`, OwnerRole, WorkerRole, ReaderRole)
}

// missingOwnership lists what makes the owner own all tables and views. The
// login needs to be a member of the owner for it; otherwise it goes on owning
// what it made.
func missingOwnership(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return lines(ctx, pool, `
		SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, r.rolname)
		  FROM pg_class c, pg_roles r
		 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v') AND c.relname = ANY($1)
		   AND r.rolname = $2 AND c.relowner <> r.oid AND pg_has_role(c.relowner, 'USAGE') AND pg_has_role(r.oid, 'USAGE')
		 ORDER BY c.relkind, c.relname`, slices.Collect(maps.Keys(relations)), OwnerRole)
}

// excessRights lists what takes from the reader the rights that earlier versions
// gave it. It may take those on columns along, which missingRights gives again.
func excessRights(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	var tables []string
	for table, reader := range relations {
		if !reader.all {
			tables = append(tables, table)
		}
	}
	return lines(ctx, pool, `
		SELECT format('REVOKE SELECT ON %s FROM %I', c.oid::regclass, r.rolname)
		  FROM pg_class c, pg_roles r, aclexplode(c.relacl) given
		 WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1) AND r.rolname = $2
		   AND given.grantee = r.oid AND given.privilege_type = 'SELECT'`, tables, ReaderRole)
}

// missingRights lists what gives worker and reader their rights.
func missingRights(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	var roles, tables, columns, privileges []string
	want := func(role, table, column, privilege string) {
		roles, tables, columns, privileges = append(roles, role), append(tables, table), append(columns, column), append(privileges, privilege)
	}
	for table, reader := range relations {
		want(WorkerRole, table, "", "SELECT")
		if table != versionTable {
			for _, privilege := range []string{"INSERT", "UPDATE", "DELETE"} {
				want(WorkerRole, table, "", privilege)
			}
		}
		if reader.all {
			want(ReaderRole, table, "", "SELECT")
		}
		for _, column := range reader.columns {
			want(ReaderRole, table, column, "SELECT")
		}
	}
	return lines(ctx, pool, `
		SELECT format('GRANT %s ON %s TO %I', string_agg(what, ', '), oid::regclass, role)
		  FROM (SELECT w.role, c.oid, CASE WHEN w.col = '' THEN w.privilege ELSE format('%s (%I)', w.privilege, w.col) END AS what
		          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) w (role, relation, col, privilege)
		          JOIN pg_class c ON c.relname = w.relation AND c.relnamespace = current_schema()::regnamespace
		         WHERE (w.privilege = 'SELECT' OR c.relkind = 'r')
		           AND NOT CASE WHEN w.col = '' THEN has_table_privilege(w.role, c.oid, w.privilege)
		                        ELSE has_column_privilege(w.role, c.oid, w.col, w.privilege) END) missing
		 GROUP BY role, oid
		UNION ALL
		SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, $6::text)
		  FROM pg_class c
		  JOIN pg_depend d ON d.refobjid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
		  JOIN pg_class s ON s.oid = d.objid
		 WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($2) AND c.relname <> $5
		   AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege($6::text, s.oid, 'USAGE') END`,
		roles, tables, columns, privileges, versionTable, WorkerRole)
}

// lines runs a query for texts.
func lines(ctx context.Context, pool *pgxpool.Pool, query string, args ...any) ([]string, error) {
	rows, err := pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
