package inventory_test

import (
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/testenv"
	"sluice/internal/transform"
	"sluice/schema"
)

// written is what the version of migration 3 stored for an asset with two
// findings and for an asset of which only the id is known.
const written = `
	INSERT INTO connectors (name, provider) VALUES ('tas', 'qualys');
	INSERT INTO transform_maps (name, version, builtin, source_model, target_model, digest, body) VALUES ('old', 1, false, 'x', 'inventory', '', '');
	INSERT INTO profiles (name, connector_id, kind, asset_types, maps, active, full_every_hours, retire_after, shrink_percent, reject_percent, absent_findings)
	VALUES ('first', 1, 'qualys-tas', '{APPLICATION}', '{}', true, 1, 1, 1, 1, 'fixed');
	INSERT INTO runs (profile_id, profile, connector_id, workflow_id, first_run_id, mode) VALUES (1, 'first', 1, 'w', '1', 'full');
	INSERT INTO assets (connector_id, kind, class, external_id, first_run_id, run_id, map_id, digest,
	                    source_created_at, source_updated_at, name, base_url, attributes) VALUES
	(1, 'qualys-tas', 'application', '1', 1, 1, 1, '3da8b385-2382-4c3b-cd8f-4ee6149ed27f',
	 '2025-03-01T12:00:00.000123Z', '2026-03-01T12:00:00Z', 'Über 1', 'https://1.example', '{"tags":["ä","b"]}'),
	(1, 'qualys-tas', 'application', '2', 1, 1, 1, '44a5f789-1570-e563-1e8c-91c85186e663', NULL, NULL, NULL, NULL, NULL);
	INSERT INTO findings (asset_id, external_id, first_run_id, run_id, map_id, digest, severity, name, attributes)
	SELECT id, '10', 1, 1, 1, 'e1cf6b8c-468f-cbd0-f4e3-2497da0a846b'::uuid, 5::smallint, 'SQL 注入 10', NULL::jsonb FROM assets WHERE external_id = '1' UNION ALL
	SELECT id, '11', 1, 1, 1, 'da03a21c-96a2-8758-2b6e-341eb01c95e4', NULL, NULL, '{"cvss":9.8}' FROM assets WHERE external_id = '1';
	INSERT INTO profile_assets (profile_id, asset_id, seen_run) SELECT 1, id, 1 FROM assets;`

func TestAnUpgradeRewritesNoRow(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	store, err := catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	db := stdlib.OpenDBFromPool(store.Pool())
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	migrations, err := goose.NewProvider(goose.DialectPostgres, db, schema.Migrations())
	require.NoError(t, err)
	_, err = migrations.UpTo(t.Context(), 3)
	require.NoError(t, err)
	_, err = store.Pool().Exec(t.Context(), written)
	require.NoError(t, err)
	_, err = catalog.Migrate(t.Context(), url)
	require.NoError(t, err)

	e := &estate{t: t, store: store, runs: 1, scope: inventory.Scope{
		ConnectorID: 1, ProfileID: 1, Kind: "qualys-tas", Class: "application", Stream: "APPLICATION", MapID: 1, Nested: true}}
	before := e.versions()
	require.Len(t, before, 4)
	e.run()
	counts := e.write(app("1", finding("10", 5), transform.Finding{ExternalID: "11", Attributes: []byte(`{"cvss":9.8}`)}), transform.Asset{ExternalID: "2"})
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, counts.Findings)
	require.Equal(t, before, e.versions())

	e.run()
	counts = e.write(app("1", withStatus(finding("10", 5), "NEW"), transform.Finding{ExternalID: "11", QID: 1, Attributes: []byte(`{"cvss":9.8}`)}),
		transform.Asset{ExternalID: "2", DNSName: "two.example"})
	require.Equal(t, lifecycle.Counts{Unchanged: 1, Updated: 1}, counts.Assets, "a value in a new column is a change")
	require.Equal(t, lifecycle.Counts{Updated: 2}, counts.Findings)

	_, err = migrations.DownTo(t.Context(), 3)
	require.NoError(t, err)
	_, err = store.Pool().Exec(t.Context(), "SELECT FROM asset_list, finding_list")
	require.NoError(t, err, "back again")
}
