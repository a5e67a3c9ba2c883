-- +goose Up

-- What a profile is narrowed by: filter name -> values.
ALTER TABLE profiles ADD COLUMN filters jsonb NOT NULL DEFAULT '{}';
-- What the last full run was narrowed by: a delta run by other filters misses
-- what was outside of those.
ALTER TABLE watermarks ADD COLUMN filters jsonb NOT NULL DEFAULT '{}';

-- Hosts, and findings with a state of their own ------------------------------

ALTER TABLE assets
    ADD COLUMN last_scanned_at  timestamptz,  -- moves at every scan: no part of the content
    ADD COLUMN ip_address       text,
    ADD COLUMN dns_name         text,
    ADD COLUMN operating_system text;

ALTER TABLE findings
    ADD COLUMN qid            integer,        -- its entry in the knowledge base
    ADD COLUMN first_found_at timestamptz,
    ADD COLUMN status         text;           -- the source's own: NEW, ACTIVE, REOPENED, PROTECTED, RETEST, FIXED

-- What moves at every scan of a finding. A narrow table of its own, so that a
-- scan that finds the same again rewrites no finding. No foreign key, for the
-- reason that findings have none.
CREATE TABLE finding_sightings (
    finding_id     bigint PRIMARY KEY,
    last_found_at  timestamptz,
    last_tested_at timestamptz,
    times_found    integer
) WITH (fillfactor = 70);

-- What findings refer to by their QID. Joined where findings are shown, so
-- that a changed entry rewrites no finding.
CREATE TABLE knowledge_base (
    connector_id bigint NOT NULL REFERENCES connectors ON DELETE CASCADE,
    first_run_id bigint NOT NULL,
    run_id       bigint NOT NULL,             -- the run that wrote this content, by the map below
    modified_at  timestamptz,                 -- by the source
    qid          integer NOT NULL,
    map_id       integer NOT NULL,
    severity     smallint,
    digest       uuid NOT NULL,               -- of the content
    title        text,
    attributes   jsonb,
    PRIMARY KEY (connector_id, qid)
);

-- The findings that a full run's records had, where a stream brings findings
-- apart from their assets: what its assets have beside these is gone. Without
-- finding_ids all findings of the asset count as seen.
CREATE TABLE seen_findings (
    run_id      bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream      text NOT NULL,
    asset_id    bigint NOT NULL,
    finding_ids bigint[]
);
CREATE INDEX seen_findings_by_stream ON seen_findings (run_id, stream);

-- What people see ------------------------------------------------------------

DROP VIEW finding_list, asset_list;

CREATE VIEW asset_list AS
SELECT a.id, c.name AS connector, a.kind, a.class, a.external_id, coalesce(a.name, a.dns_name, a.ip_address) AS name,
       a.base_url, a.specification_url, a.ip_address, a.dns_name, a.operating_system,
       CASE WHEN a.retired_at IS NOT NULL THEN 'retired' WHEN a.stale_since IS NOT NULL THEN 'stale' ELSE 'active' END AS status,
       a.source_created_at, a.source_updated_at, a.last_scanned_at, first.started_at AS first_seen,
       (SELECT max(seen.started_at) FROM profile_assets p JOIN runs seen ON seen.id = p.seen_run WHERE p.asset_id = a.id) AS last_seen,
       a.stale_since, a.attributes, a.run_id, m.name AS map, m.version AS map_version
  FROM assets a
  JOIN connectors c ON c.id = a.connector_id
  JOIN runs first ON first.id = a.first_run_id
  JOIN transform_maps m ON m.id = a.map_id;

-- The parts of an entry that lists of findings show are those that its map puts
-- under these names; what has another shape under such a name is none. The CVSS
-- score is that of version 3 where there is one.
CREATE VIEW knowledge_entries AS
SELECT k.*,
       k.attributes->>'category' AS category,
       k.attributes->'cves' AS cves,
       coalesce(CASE jsonb_typeof(k.attributes->'cvss3') WHEN 'number' THEN (k.attributes->>'cvss3')::float8 END,
                CASE jsonb_typeof(k.attributes->'cvss') WHEN 'number' THEN (k.attributes->>'cvss')::float8 END) AS cvss,
       CASE jsonb_typeof(k.attributes->'patchable') WHEN 'boolean' THEN (k.attributes->>'patchable')::boolean END AS patchable,
       k.attributes->>'solution' AS solution,
       k.attributes->'threatIntelligence' AS threat_intelligence
  FROM knowledge_base k;

CREATE VIEW knowledge_list AS
SELECT k.connector_id * 4294967296 + k.qid AS id, -- in the order of connector and QID
       c.name AS connector, k.qid, k.title, k.severity, k.category, k.cves, k.cvss, k.patchable, k.solution, k.threat_intelligence,
       k.modified_at, first.started_at AS first_seen, k.attributes, k.run_id, m.name AS map, m.version AS map_version
  FROM knowledge_entries k
  JOIN connectors c ON c.id = k.connector_id
  JOIN runs first ON first.id = k.first_run_id
  JOIN transform_maps m ON m.id = k.map_id;

CREATE VIEW finding_list AS
SELECT f.id, f.asset_id, c.name AS connector, a.kind, a.class, a.external_id AS asset_external_id,
       coalesce(a.name, a.dns_name, a.ip_address) AS asset_name,
       f.external_id, coalesce(f.name, k.title) AS name, coalesce(f.severity, k.severity) AS severity,
       CASE WHEN f.absent_since IS NOT NULL OR f.status = 'FIXED' THEN 'fixed' ELSE 'open' END AS status,
       f.status AS vendor_status, f.qid,
       CASE WHEN f.qid IS NOT NULL THEN k.qid IS NOT NULL END AS known,
       k.category, k.cves, k.cvss, k.patchable, k.solution, k.threat_intelligence,
       first.started_at AS first_seen, f.absent_since AS fixed_at, f.first_found_at, s.last_found_at, s.last_tested_at, s.times_found,
       f.attributes, f.run_id, m.name AS map, m.version AS map_version
  FROM findings f
  JOIN assets a ON a.id = f.asset_id
  JOIN connectors c ON c.id = a.connector_id
  JOIN runs first ON first.id = f.first_run_id
  JOIN transform_maps m ON m.id = f.map_id
  LEFT JOIN finding_sightings s ON s.finding_id = f.id
  LEFT JOIN knowledge_entries k ON k.connector_id = a.connector_id AND k.qid = f.qid;

-- +goose Down
DROP VIEW finding_list, knowledge_list, knowledge_entries, asset_list;
DROP TABLE seen_findings, knowledge_base, finding_sightings;
ALTER TABLE findings DROP COLUMN status, DROP COLUMN first_found_at, DROP COLUMN qid;
ALTER TABLE assets DROP COLUMN operating_system, DROP COLUMN dns_name, DROP COLUMN ip_address, DROP COLUMN last_scanned_at;
ALTER TABLE watermarks DROP COLUMN filters;
ALTER TABLE profiles DROP COLUMN filters;

CREATE VIEW asset_list AS
SELECT a.id, c.name AS connector, a.kind, a.class, a.external_id, a.name, a.base_url, a.specification_url,
       CASE WHEN a.retired_at IS NOT NULL THEN 'retired' WHEN a.stale_since IS NOT NULL THEN 'stale' ELSE 'active' END AS status,
       a.source_created_at, a.source_updated_at, first.started_at AS first_seen,
       (SELECT max(seen.started_at) FROM profile_assets p JOIN runs seen ON seen.id = p.seen_run WHERE p.asset_id = a.id) AS last_seen,
       a.stale_since, a.attributes, a.run_id, m.name AS map, m.version AS map_version
  FROM assets a
  JOIN connectors c ON c.id = a.connector_id
  JOIN runs first ON first.id = a.first_run_id
  JOIN transform_maps m ON m.id = a.map_id;

CREATE VIEW finding_list AS
SELECT f.id, f.asset_id, c.name AS connector, a.kind, a.class, a.external_id AS asset_external_id, a.name AS asset_name,
       f.external_id, f.name, f.severity,
       CASE WHEN f.absent_since IS NULL THEN 'open' ELSE 'fixed' END AS status,
       first.started_at AS first_seen, f.absent_since AS fixed_at, f.attributes, f.run_id, m.name AS map, m.version AS map_version
  FROM findings f
  JOIN assets a ON a.id = f.asset_id
  JOIN connectors c ON c.id = a.connector_id
  JOIN runs first ON first.id = f.first_run_id
  JOIN transform_maps m ON m.id = f.map_id;
