-- +goose Up

-- What a replay writes was seen when the replayed run asked the vendor.
CREATE OR REPLACE VIEW asset_list AS
SELECT a.id, c.name AS connector, a.kind, a.class, a.external_id, coalesce(a.name, a.dns_name, a.ip_address) AS name,
       a.base_url, a.specification_url, a.ip_address, a.dns_name, a.operating_system,
       CASE WHEN a.retired_at IS NOT NULL THEN 'retired' WHEN a.stale_since IS NOT NULL THEN 'stale' ELSE 'active' END AS status,
       a.source_created_at, a.source_updated_at, a.last_scanned_at, first.started_at AS first_seen,
       (SELECT max(coalesce(asked.started_at, seen.started_at))
          FROM profile_assets p JOIN runs seen ON seen.id = p.seen_run
          LEFT JOIN runs asked ON asked.id = (seen.plan->'replay'->>'run')::bigint
         WHERE p.asset_id = a.id) AS last_seen,
       a.stale_since, a.attributes, a.run_id, m.name AS map, m.version AS map_version
  FROM assets a
  JOIN connectors c ON c.id = a.connector_id
  JOIN runs first ON first.id = a.first_run_id
  JOIN transform_maps m ON m.id = a.map_id;

-- +goose Down
CREATE OR REPLACE VIEW asset_list AS
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
