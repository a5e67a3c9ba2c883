package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// APIRow is an API as people see it (view api_list).
type APIRow struct {
	ID              int64   `db:"id" json:"id"`
	Connector       string  `db:"connector" json:"connector"`
	Kind            string  `db:"kind" json:"kind"`
	ExternalID      string  `db:"external_id" json:"externalId"`
	Name            *string `db:"name" json:"name"`
	Status          string  `db:"status" json:"status"` // active, stale or retired
	URL             *string `db:"url" json:"url"`
	Type            *string `db:"type" json:"type"` // http, soap, graphql ...
	Service         *string `db:"service" json:"service"`
	ResourceGroup   *string `db:"resource_group" json:"resourceGroup"`
	SubscriptionID  *string `db:"subscription_id" json:"subscriptionId"`
	Revision        *string `db:"revision" json:"revision"`
	Ready           *bool   `db:"ready" json:"ready"` // to be scanned; nil: nothing is known
	ReadinessReason any     `db:"readiness_reasons" json:"readinessReasons"`
	Flags           any     `db:"flags" json:"flags"` // on the specification's quality
	// SpecificationReason says why there is no specification.
	SpecificationReason *string         `db:"specification_reason" json:"specificationReason"`
	SpecificationHash   *string         `db:"specification_hash" json:"specificationHash"`
	Format              *string         `db:"format" json:"format"`
	Bytes               *int64          `db:"bytes" json:"bytes"`
	Endpoints           int64           `db:"endpoints" json:"endpoints"`
	SourceUpdatedAt     *time.Time      `db:"source_updated_at" json:"sourceUpdatedAt"`
	FirstSeen           time.Time       `db:"first_seen" json:"firstSeen"`
	LastSeen            *time.Time      `db:"last_seen" json:"lastSeen"`
	Attributes          json.RawMessage `db:"attributes" json:"attributes,omitempty"`
	RunID               int64           `db:"run_id" json:"runId"`
	Map                 string          `db:"map" json:"map"`
	MapVersion          int32           `db:"map_version" json:"mapVersion"`
}

// APIs lists APIs. Of the filter it takes Connector, Kind, Status, Name,
// Service, Type and Ready.
func APIs(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]APIRow, error) {
	where, args := f.where("name")
	rows, err := pool.Query(ctx, "SELECT * FROM api_list WHERE "+where+" ORDER BY id LIMIT @limit", args)
	if err != nil {
		return nil, fmt.Errorf("list APIs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[APIRow])
}

// API returns the API with that id.
func API(ctx context.Context, pool *pgxpool.Pool, id int64) (APIRow, error) {
	return one[APIRow](ctx, pool, "api", "SELECT * FROM api_list WHERE id = $1", id)
}
