package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// KnowledgeRow is an entry of a connector's knowledge base as people see it
// (view knowledge_list).
type KnowledgeRow struct {
	ID                 int64           `db:"id" json:"id"` // in the order of connector and QID
	Connector          string          `db:"connector" json:"connector"`
	QID                int32           `db:"qid" json:"qid"`
	Title              *string         `db:"title" json:"title"`
	Severity           *int16          `db:"severity" json:"severity"`
	Category           *string         `db:"category" json:"category"`
	CVEs               json.RawMessage `db:"cves" json:"cves,omitempty"`
	CVSS               *float64        `db:"cvss" json:"cvss"`
	Patchable          *bool           `db:"patchable" json:"patchable"`
	Solution           *string         `db:"solution" json:"solution"`
	ThreatIntelligence json.RawMessage `db:"threat_intelligence" json:"threatIntelligence,omitempty"`
	ModifiedAt         *time.Time      `db:"modified_at" json:"modifiedAt"`
	FirstSeen          time.Time       `db:"first_seen" json:"firstSeen"`
	Attributes         json.RawMessage `db:"attributes" json:"attributes,omitempty"`
	RunID              int64           `db:"run_id" json:"runId"`
	Map                string          `db:"map" json:"map"`
	MapVersion         int32           `db:"map_version" json:"mapVersion"`
}

// Knowledge lists entries of knowledge bases. Of the filter it takes
// Connector, Name (of the title), MinSeverity, QID, CVE and ModifiedSince.
func Knowledge(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]KnowledgeRow, error) {
	where, args := f.where("title")
	rows, err := pool.Query(ctx, "SELECT * FROM knowledge_list WHERE "+where+" ORDER BY id LIMIT @limit", args)
	if err != nil {
		return nil, fmt.Errorf("list knowledge base: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[KnowledgeRow])
}

// UnknownQID is a QID that findings have and the knowledge base does not.
type UnknownQID struct {
	QID      int32 `db:"qid" json:"qid"`
	Findings int64 `db:"findings" json:"findings"` // open ones with it
}

// UnknownQIDs lists the QIDs of a connector's open findings that its knowledge
// base has no entry for, those of most findings first, at most limit.
func UnknownQIDs(ctx context.Context, pool *pgxpool.Pool, connectorID int64, limit int) ([]UnknownQID, error) {
	rows, err := pool.Query(ctx, `
		SELECT counted.qid, counted.findings FROM (
		       SELECT f.qid, count(*) AS findings FROM assets a JOIN findings f ON f.asset_id = a.id
		        WHERE a.connector_id = $1 AND f.qid IS NOT NULL AND f.absent_since IS NULL AND f.status IS DISTINCT FROM 'FIXED'
		        GROUP BY f.qid) counted
		  LEFT JOIN knowledge_base k ON k.connector_id = $1 AND k.qid = counted.qid
		 WHERE k.qid IS NULL ORDER BY counted.findings DESC, counted.qid LIMIT $2`, connectorID, limit)
	if err != nil {
		return nil, fmt.Errorf("look for QIDs without an entry in the knowledge base: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[UnknownQID])
}
