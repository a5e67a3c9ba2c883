package workflows_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// What a preview says of a run's records is what a run by that map does with
// them, into an inventory that has nothing yet.
func TestAPreviewSaysWhatARunDoes(t *testing.T) {
	t.Parallel()
	for kind := range edits {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, in := newDrawnStage(t, kind)
			_, err := s.run(in)
			require.NoError(t, err)
			fetched, fates := s.lastRun().ID, make(map[transform.Fate]int)
			for seed := range 4 {
				maps := s.drawMaps(seed)
				said := s.preview(fetched, maps)
				s.empty()
				replayed, err := s.replay(activities.ReplayInput{Run: fetched, Maps: maps})
				require.NoError(t, err)
				requireSame(t, said.rows, s.targets())
				requireSame(t, said.rejects, s.rejects(replayed.RunID))
				require.Equal(t, said.assets, replayed.Assets)
				require.Equal(t, said.findings, replayed.Findings)
				for fate, n := range said.fates {
					fates[fate] += n
				}
			}
			for _, fate := range []transform.Fate{transform.Taken, transform.Rejected, transform.Omitted} {
				require.Positive(t, fates[fate], "no record or finding was %s", fate)
			}
		})
	}
}

// saying is what a preview says of all records of a run together.
type saying struct {
	rows             map[string]string // JSON by row and target
	rejects          map[string]string // row of the map and reason, by what is rejected
	assets, findings lifecycle.Counts
	fates            map[transform.Fate]int
}

// preview explains all records that are kept of a run.
func (s *stage) preview(runID int64, maps map[string]string) saying {
	kind, err := kinds.Find(s.with.kind)
	require.NoError(s.t, err)
	said := saying{rows: make(map[string]string), rejects: make(map[string]string), fates: make(map[transform.Fate]int)}
	for _, findings := range []bool{false, true} {
		for _, of := range kind.AssetTypes() {
			if name := maps[of.Name]; name != "" && findings == (of.Role == source.Findings) {
				program, single := s.compiled(name)
				s.kept(runID, of.Name, func(place string, record []byte) {
					said.add(place, of.Class, single, program.Explain(record))
				})
			}
		}
	}
	return said
}

// add adds a record to what is said. An asset that is there is left as it is by
// records of findings.
func (said *saying) add(place, class string, single bool, e *transform.Explanation) {
	said.fates[e.Fate]++
	switch {
	case e.Fate == transform.Rejected && single:
		said.findings.Rejected++
		said.rejects[place+" 0"] = e.Row + ": " + e.Reason
	case e.Fate == transform.Rejected:
		if class != "" { // entries of the knowledge base are not counted
			said.assets.Rejected++
		}
		said.rejects[place+" -1"] = e.Row + ": " + e.Reason
	case e.Fate == transform.Omitted && single:
		said.findings.LeftOut++
	case e.Fate == transform.Omitted && class != "":
		said.assets.LeftOut++
	}
	asset := class + " " + e.ID
	if _, there := said.rows[asset]; !there && e.Fate == transform.Taken {
		said.fill(asset, e.Rows)
		if class != "" {
			said.assets.Created++
		}
	}
	for i, f := range e.Findings {
		said.fates[f.Fate]++
		switch {
		case f.Fate == transform.Taken:
			said.findings.Created++
			said.fill(asset+" finding "+f.ID, f.Rows)
		case f.Fate == transform.Rejected && e.Fate == transform.Taken: // not with its record
			said.findings.Rejected++
			said.rejects[fmt.Sprintf("%s %d", place, i)] = f.Row + ": " + f.Reason
		case f.Fate == transform.Omitted && e.Fate == transform.Taken:
			said.findings.LeftOut++
		}
	}
}

func (said *saying) fill(row string, rows []transform.ExplainedRow) {
	said.rows[row] = ""
	for _, r := range rows {
		if r.Value != "" {
			said.rows[row+" "+r.To] = canonical(r.Value)
		}
	}
}

// canonical makes equal what PostgreSQL writes otherwise: times, and the order
// of an object's names. Previews are printable and have the beginnings of long
// values.
func canonical(text string) string {
	var v any
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	if in.Decode(&v) == nil {
		if s, ok := v.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
				v = at.UTC()
			}
		}
		var b strings.Builder
		out := json.NewEncoder(&b)
		out.SetEscapeHTML(false)
		_ = out.Encode(v) // of what was read from JSON
		text = strings.TrimSpace(b.String())
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	return text[:min(len(text), 200)]
}

// compiled is a map, and whether its records are single findings.
func (s *stage) compiled(name string) (program *transform.Program, single bool) {
	version, err := s.store.LatestMap(s.t.Context(), name)
	require.NoError(s.t, err)
	m, err := transform.ParseMap(name, []byte(version.Body))
	require.NoError(s.t, err)
	models, err := s.store.Models(s.t.Context())
	require.NoError(s.t, err)
	program, err = transform.Compile(m, models)
	require.NoError(s.t, err)
	return program, models.Get(m.Source).Records == transform.RecordsAreFindings
}

// kept reads the records that are kept of a run's stream.
func (s *stage) kept(runID int64, stream string, use func(place string, record []byte)) {
	batches, err := s.store.KeptBatchesOf(s.t.Context(), runID, stream)
	require.NoError(s.t, err)
	for _, ref := range batches {
		ordinal := 0
		require.NoError(s.t, s.store.Chunks(s.t.Context(), ref, func(c catalog.Chunk) error {
			raw, err := s2.Decode(nil, c.Data)
			for record := range bytes.Lines(raw) {
				use(fmt.Sprintf("%s %d %d", stream, ref.Batch, ordinal), record)
				ordinal++
			}
			return err
		}))
	}
}

// empty leaves nothing in the inventory.
func (s *stage) empty() {
	_, err := s.store.Pool().Exec(s.t.Context(), "TRUNCATE assets, findings, finding_sightings, knowledge_base, profile_assets CASCADE")
	require.NoError(s.t, err)
}

// targets is what the inventory has, by row and target field.
func (s *stage) targets() map[string]string {
	rows, err := s.store.Pool().Query(s.t.Context(), `
		SELECT concat_ws(' ', class, external_id), class, 'asset.assetDetail.attributes.', attributes, jsonb_strip_nulls(jsonb_build_object(
		       'asset.assetHeader.externalAssetId', external_id, 'asset.assetDetail.name', name,
		       'asset.assetDetail.sourceCreatedAt', source_created_at, 'asset.assetDetail.sourceUpdatedAt', source_updated_at,
		       'asset.assetDetail.lastScannedAt', last_scanned_at, 'asset.assetDetail.' || class || 'AssetClass.' || CASE class WHEN 'api' THEN 'url' ELSE 'baseUrl' END, base_url,
		       'asset.assetDetail.apiCollectionAssetClass.specificationUrl', specification_url,
		       'asset.assetDetail.apiAssetClass.specificationHash', specification_hash, 'asset.assetDetail.hostAssetClass.ipAddress', ip_address,
		       'asset.assetDetail.hostAssetClass.dnsName', dns_name, 'asset.assetDetail.hostAssetClass.operatingSystem', operating_system))
		  FROM assets
		UNION ALL
		SELECT concat_ws(' ', a.class, a.external_id, 'finding', f.external_id), a.class, 'findingGroup.findings[].attributes.', f.attributes, jsonb_strip_nulls(jsonb_build_object(
		       'findingGroup.findings[].externalFindingId', f.external_id, 'findingGroup.findings[].name', f.name,
		       'findingGroup.findings[].severity', f.severity, 'findingGroup.findings[].qid', f.qid, 'findingGroup.findings[].status', f.status,
		       'findingGroup.findings[].firstFoundAt', f.first_found_at, 'findingGroup.findings[].lastFoundAt', s.last_found_at,
		       'findingGroup.findings[].lastTestedAt', s.last_tested_at, 'findingGroup.findings[].timesFound', s.times_found))
		  FROM findings f JOIN assets a ON a.id = f.asset_id LEFT JOIN finding_sightings s ON s.finding_id = f.id
		UNION ALL
		SELECT ' ' || qid, '', 'vulnerability.attributes.', attributes, jsonb_strip_nulls(jsonb_build_object(
		       'vulnerability.qid', qid, 'vulnerability.title', title, 'vulnerability.severity', severity, 'vulnerability.modifiedAt', modified_at))
		  FROM knowledge_base`)
	require.NoError(s.t, err)
	targets := make(map[string]string)
	var row, class, prefix string
	var attributes, columns map[string]json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&row, &class, &prefix, &attributes, &columns}, func() error {
		targets[row] = ""
		for name, v := range columns {
			targets[row+" "+name] = canonical(string(v))
		}
		for name, v := range attributes {
			targets[row+" "+prefix+name] = canonical(string(v))
		}
		columns, attributes = nil, nil
		return nil
	})
	require.NoError(s.t, err)
	return targets
}

// rejects are a run's, by what was rejected.
func (s *stage) rejects(runID int64) map[string]string {
	list, err := s.store.Rejects(s.t.Context(), runID, 10_000, 0)
	require.NoError(s.t, err)
	rejects := make(map[string]string)
	for _, r := range list {
		rejects[fmt.Sprintf("%s %d %d %d", r.Stream, r.Batch, r.Ordinal, r.Finding)] = r.MapRow + ": " + r.Reason
	}
	return rejects
}
