package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// AssetRow is an asset as people see it (view asset_list).
type AssetRow struct {
	ID               int64           `db:"id" json:"id"`
	Connector        string          `db:"connector" json:"connector"`
	Kind             string          `db:"kind" json:"kind"`
	Class            string          `db:"class" json:"class"`
	ExternalID       string          `db:"external_id" json:"externalId"`
	Name             *string         `db:"name" json:"name"` // of a host without one its DNS name or address
	BaseURL          *string         `db:"base_url" json:"baseUrl"`
	SpecificationURL *string         `db:"specification_url" json:"specificationUrl"`
	IPAddress        *string         `db:"ip_address" json:"ipAddress"`
	DNSName          *string         `db:"dns_name" json:"dnsName"`
	OperatingSystem  *string         `db:"operating_system" json:"operatingSystem"`
	Status           string          `db:"status" json:"status"` // active, stale or retired
	SourceCreatedAt  *time.Time      `db:"source_created_at" json:"sourceCreatedAt"`
	SourceUpdatedAt  *time.Time      `db:"source_updated_at" json:"sourceUpdatedAt"`
	LastScannedAt    *time.Time      `db:"last_scanned_at" json:"lastScannedAt"`
	FirstSeen        time.Time       `db:"first_seen" json:"firstSeen"`
	LastSeen         *time.Time      `db:"last_seen" json:"lastSeen"`
	StaleSince       *time.Time      `db:"stale_since" json:"staleSince"`
	Attributes       json.RawMessage `db:"attributes" json:"attributes,omitempty"`
	RunID            int64           `db:"run_id" json:"runId"`
	Map              string          `db:"map" json:"map"`
	MapVersion       int32           `db:"map_version" json:"mapVersion"`
}

// FindingRow is a finding as people see it (view finding_list). Name and
// Severity are the knowledge base's where the finding has none of its own.
type FindingRow struct {
	ID              int64      `db:"id" json:"id"`
	AssetID         int64      `db:"asset_id" json:"assetId"`
	Connector       string     `db:"connector" json:"connector"`
	Kind            string     `db:"kind" json:"kind"`
	Class           string     `db:"class" json:"class"`
	AssetExternalID string     `db:"asset_external_id" json:"assetExternalId"`
	AssetName       *string    `db:"asset_name" json:"assetName"`
	ExternalID      string     `db:"external_id" json:"externalId"`
	Name            *string    `db:"name" json:"name"`
	Severity        *int16     `db:"severity" json:"severity"`
	Status          string     `db:"status" json:"status"` // open or fixed
	VendorStatus    *string    `db:"vendor_status" json:"vendorStatus"`
	FirstSeen       time.Time  `db:"first_seen" json:"firstSeen"`
	FixedAt         *time.Time `db:"fixed_at" json:"fixedAt"` // when it was found to be gone; nil where the source says that it is fixed
	FirstFoundAt    *time.Time `db:"first_found_at" json:"firstFoundAt"`
	LastFoundAt     *time.Time `db:"last_found_at" json:"lastFoundAt"`
	LastTestedAt    *time.Time `db:"last_tested_at" json:"lastTestedAt"`
	TimesFound      *int32     `db:"times_found" json:"timesFound"`
	QID             *int32     `db:"qid" json:"qid"`
	// Known says whether the knowledge base has the QID; nil without one.
	// What follows is from there.
	Known              *bool           `db:"known" json:"known"`
	Category           *string         `db:"category" json:"category"`
	CVEs               json.RawMessage `db:"cves" json:"cves,omitempty"`
	CVSS               *float64        `db:"cvss" json:"cvss"`
	Patchable          *bool           `db:"patchable" json:"patchable"`
	Solution           *string         `db:"solution" json:"solution"`
	ThreatIntelligence json.RawMessage `db:"threat_intelligence" json:"threatIntelligence,omitempty"`
	Attributes         json.RawMessage `db:"attributes" json:"attributes,omitempty"`
	RunID              int64           `db:"run_id" json:"runId"`
	Map                string          `db:"map" json:"map"`
	MapVersion         int32           `db:"map_version" json:"mapVersion"`
}

// ErrNotFound says that the inventory has no such thing.
var ErrNotFound = errors.New("not in the inventory")

// Filter narrows a list; empty fields do not. Lists are in the order of ids,
// a page of Limit rows after the id After.
type Filter struct {
	Connector   string
	Kind        string
	Class       string
	Status      string
	Name        string // part of the name, in any case
	AssetID     int64  // findings only
	MinSeverity int    // not of assets
	QID         int32  // not of assets
	IPAddress   string // assets only
	CVE         string // an identifier, such as "CVE-2024-3094"; not of assets
	// ModifiedSince narrows a knowledge base to what its source has changed
	// since then.
	ModifiedSince time.Time
	Service       string // APIs only, as the next two
	Type          string
	Ready         *bool
	After         int64
	Limit         int
}

func (f Filter) where(name string) (string, pgx.NamedArgs) {
	conditions := []string{"id > @after"}
	args := pgx.NamedArgs{"after": f.After, "limit": f.Limit}
	add := func(set bool, condition, arg string, value any) {
		if set {
			conditions = append(conditions, condition)
			args[arg] = value
		}
	}
	add(f.Connector != "", "connector = @connector", "connector", f.Connector)
	add(f.Kind != "", "kind = @kind", "kind", f.Kind)
	add(f.Class != "", "class = @class", "class", f.Class)
	add(f.Status != "", "status = @status", "status", f.Status)
	add(f.Name != "", name+" ILIKE @name", "name", "%"+likeEscaper.Replace(f.Name)+"%")
	add(f.AssetID != 0, "asset_id = @asset", "asset", f.AssetID)
	add(f.MinSeverity != 0, "severity >= @severity", "severity", f.MinSeverity)
	add(f.QID != 0, "qid = @qid", "qid", f.QID)
	add(f.IPAddress != "", "ip_address = @ip", "ip", f.IPAddress)
	// A map may keep identifiers, or objects that have them.
	add(f.CVE != "", "jsonb_path_exists(cves, '$.** ? (@ == $cve)', jsonb_build_object('cve', @cve::text))", "cve", f.CVE)
	add(!f.ModifiedSince.IsZero(), "modified_at >= @modified", "modified", f.ModifiedSince)
	add(f.Service != "", "service = @service", "service", f.Service)
	add(f.Type != "", "type = @type", "type", f.Type)
	add(f.Ready != nil, "ready = @ready", "ready", f.Ready)
	return strings.Join(conditions, " AND "), args
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Assets lists assets.
func Assets(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]AssetRow, error) {
	where, args := f.where("name")
	rows, err := pool.Query(ctx, "SELECT * FROM asset_list WHERE "+where+" ORDER BY id LIMIT @limit", args)
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[AssetRow])
}

// Findings lists findings.
func Findings(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]FindingRow, error) {
	where, args := f.where("name")
	rows, err := pool.Query(ctx, "SELECT * FROM finding_list WHERE "+where+" ORDER BY id LIMIT @limit", args)
	if err != nil {
		return nil, fmt.Errorf("list findings: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[FindingRow])
}

// Asset returns the asset with that id.
func Asset(ctx context.Context, pool *pgxpool.Pool, id int64) (AssetRow, error) {
	return one[AssetRow](ctx, pool, "asset", "SELECT * FROM asset_list WHERE id = $1", id)
}

// FindingByID returns the finding with that id.
func FindingByID(ctx context.Context, pool *pgxpool.Pool, id int64) (FindingRow, error) {
	return one[FindingRow](ctx, pool, "finding", "SELECT * FROM finding_list WHERE id = $1", id)
}

func one[T any](ctx context.Context, pool *pgxpool.Pool, what, query string, id int64) (T, error) {
	var none T
	rows, err := pool.Query(ctx, query, id)
	if err != nil {
		return none, fmt.Errorf("read %s %d: %w", what, id, err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return none, fmt.Errorf("%s %d: %w: 'sluice %ss list' shows what there is", what, id, ErrNotFound, what)
	}
	return row, err
}

// Change is one thing that happened to an asset or one of its findings.
type Change struct {
	At        time.Time       `db:"at" json:"at"`
	RunID     int64           `db:"run_id" json:"runId"`
	AssetID   int64           `db:"asset_id" json:"assetId"`
	FindingID *int64          `db:"finding_id" json:"findingId"`
	Change    string          `db:"change" json:"change"`
	Before    json.RawMessage `db:"before" json:"before,omitempty"`
}

// Changes lists what happened to an asset and its findings, newest first.
func Changes(ctx context.Context, pool *pgxpool.Pool, assetID int64, limit int) ([]Change, error) {
	rows, err := pool.Query(ctx, "SELECT * FROM changes WHERE asset_id = $1 ORDER BY at DESC, finding_id NULLS FIRST LIMIT $2", assetID, limit)
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Change])
}
