package inventory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/testenv"
	"sluice/internal/transform"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var migrated = testenv.NewTemplate(func(ctx context.Context, url string) error {
	_, err := catalog.Migrate(ctx, url)
	return err
})

// estate is a database with a connector and profiles, and the means to write
// batches into it.
type estate struct {
	t     testing.TB
	store *catalog.Store
	scope inventory.Scope
	runs  int
}

func newEstate(t testing.TB) *estate {
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	store, err := catalog.Open(t.Context(), migrated.Database(t))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	connector, err := store.CreateConnector(t.Context(), catalog.Connector{Name: "tas", Provider: "qualys", Active: true, Settings: map[string]string{}},
		func(int64) (map[string]string, error) { return map[string]string{}, nil })
	require.NoError(t, err)
	e := &estate{t: t, store: store, scope: inventory.Scope{ConnectorID: connector.ID, Kind: "qualys-tas", Class: "application", Stream: "APPLICATION", MapID: 1, Nested: true}}
	e.scope.ProfileID = e.profile("first")
	e.run()
	return e
}

func (e *estate) profile(name string) int64 {
	require.NoError(e.t, e.store.CreateProfile(e.t.Context(), catalog.Profile{Name: name, ConnectorID: e.scope.ConnectorID, Kind: "qualys-tas",
		AssetTypes: []string{"APPLICATION"}, Maps: map[string]string{"APPLICATION": "qualys-tas-application"}, Active: true, Policy: catalog.DefaultPolicy}))
	p, err := e.store.Profile(e.t.Context(), name)
	require.NoError(e.t, err)
	return p.ID
}

// run ends the profile's run and begins the next: what is written from here on
// is written by it.
func (e *estate) run() {
	e.runs++
	_, err := e.store.Pool().Exec(e.t.Context(), "UPDATE runs SET finished_at = now() WHERE profile_id = $1 AND finished_at IS NULL", e.scope.ProfileID)
	require.NoError(e.t, err)
	require.NoError(e.t, e.store.Pool().QueryRow(e.t.Context(), `
		INSERT INTO runs (profile_id, profile, connector_id, workflow_id, first_run_id, mode) VALUES ($1, 'p', $2, 'w', $3, 'full') RETURNING id`,
		e.scope.ProfileID, e.scope.ConnectorID, fmt.Sprint(e.runs)).Scan(&e.scope.RunID))
}

func (e *estate) inTx(f func(pgx.Tx) error) {
	require.NoError(e.t, pgx.BeginFunc(e.t.Context(), e.store.Pool(), f))
}

func (e *estate) write(assets ...transform.Asset) inventory.Counts {
	batch := inventory.NewBatch(e.scope.Role)
	for i := range assets {
		batch.Add(&assets[i], nil)
	}
	return e.writeBatch(batch)
}

func (e *estate) writeBatch(batch *inventory.Batch) (counts inventory.Counts) {
	e.inTx(func(tx pgx.Tx) error {
		var err error
		counts, err = inventory.Write(e.t.Context(), tx, e.scope, batch)
		return err
	})
	return counts
}

func (e *estate) reconcile(change func(*inventory.Policy)) (done inventory.Reconciled) {
	policy := inventory.Policy{Full: true, ShrinkPercent: 100, AcceptBy: "sluice run nightly --accept-shrink", RetireAfter: 2, FixAbsent: true}
	if change != nil {
		change(&policy)
	}
	e.inTx(func(tx pgx.Tx) error {
		var err error
		done, err = inventory.Reconcile(e.t.Context(), tx, e.scope, policy)
		return err
	})
	return done
}

func (e *estate) assets() map[string]inventory.AssetRow {
	rows, err := inventory.Assets(e.t.Context(), e.store.Pool(), inventory.Filter{Limit: 5000})
	require.NoError(e.t, err)
	byID := make(map[string]inventory.AssetRow)
	for _, r := range rows {
		byID[r.ExternalID] = r
	}
	return byID
}

func (e *estate) findings() map[string]inventory.FindingRow {
	rows, err := inventory.Findings(e.t.Context(), e.store.Pool(), inventory.Filter{Limit: 5000})
	require.NoError(e.t, err)
	byID := make(map[string]inventory.FindingRow)
	for _, r := range rows {
		byID[r.AssetExternalID+"/"+r.ExternalID] = r
	}
	return byID
}

// versions are the row versions of everything in the inventory: they differ
// when any row was rewritten or so much as locked.
func (e *estate) versions() []string {
	rows, err := e.store.Pool().Query(e.t.Context(), `
		SELECT 'a' || id || ' ' || xmin || ' ' || xmax || ' ' || ctid FROM assets UNION ALL
		SELECT 'f' || id || ' ' || xmin || ' ' || xmax || ' ' || ctid FROM findings UNION ALL
		SELECT 's' || finding_id || ' ' || xmin || ' ' || xmax || ' ' || ctid FROM finding_sightings UNION ALL
		SELECT 'k' || qid || ' ' || xmin || ' ' || xmax || ' ' || ctid FROM knowledge_base ORDER BY 1`)
	require.NoError(e.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(e.t, err)
	return list
}

// versionsOf are those of one table.
func (e *estate) versionsOf(table, id string) []string {
	rows, err := e.store.Pool().Query(e.t.Context(), fmt.Sprintf("SELECT %s || ' ' || xmin || ' ' || xmax || ' ' || ctid FROM %s ORDER BY 1", id, table))
	require.NoError(e.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(e.t, err)
	return list
}

func (e *estate) changes() map[string]int {
	rows, err := e.store.Pool().Query(e.t.Context(),
		"SELECT CASE WHEN finding_id IS NULL THEN 'asset ' ELSE 'finding ' END || change, count(*)::int FROM changes WHERE run_id = $1 GROUP BY 1", e.scope.RunID)
	require.NoError(e.t, err)
	counts := make(map[string]int)
	var what string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&what, &n}, func() error { counts[what] = n; return nil })
	require.NoError(e.t, err)
	return counts
}

func app(id string, findings ...transform.Finding) transform.Asset {
	return transform.Asset{
		ExternalID: id, Name: "Über " + id, BaseURL: "https://" + id + ".example",
		SourceCreatedAt: time.Date(2025, 3, 1, 12, 0, 0, 123_000, time.UTC), SourceUpdatedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Attributes: []byte(`{"tags":["ä","b"]}`), FindingsListed: true, Findings: findings,
	}
}

func finding(id string, severity int16) transform.Finding {
	return transform.Finding{ExternalID: id, Name: "SQL 注入 " + id, Severity: severity}
}
