-- +goose Up

-- What records refer to by its content and is too large to be a field, such as
-- the specification of an API. Kept once, however many refer to it.
CREATE TABLE documents (
    hash       text PRIMARY KEY,              -- SHA-256 of the document, in hexadecimal digits
    format     text NOT NULL,                 -- as package source says: openapi+json, wsdl ...
    bytes      bigint NOT NULL,               -- uncompressed
    data       bytea NOT NULL,                -- compressed (zstd)
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE documents ALTER COLUMN data SET STORAGE EXTERNAL;

-- What a specification says can be called. It follows from the document alone.
CREATE TABLE document_endpoints (
    hash         text NOT NULL REFERENCES documents ON DELETE CASCADE,
    position     integer NOT NULL,            -- in the document, from 0
    method       text NOT NULL,
    path         text NOT NULL,
    operation_id text NOT NULL,               -- empty: it has none
    deprecated   boolean NOT NULL,
    parameters   integer NOT NULL,
    security     text NOT NULL,               -- required, none or unknown
    PRIMARY KEY (hash, position)
);

ALTER TABLE assets ADD COLUMN specification_hash text; -- documents.hash

-- What a kind remembers of a source's records from run to run, such as their
-- ETags. A run's own is added when its stream turns out to be complete: what
-- was fetched and not written must be fetched again.
CREATE TABLE memory (
    profile_id bigint NOT NULL REFERENCES profiles ON DELETE CASCADE,
    stream     text NOT NULL,
    key        text NOT NULL,
    value      text NOT NULL,
    PRIMARY KEY (profile_id, stream, key)
);
CREATE TABLE remembered (
    run_id bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream text NOT NULL,
    key    text NOT NULL,
    value  text NOT NULL,
    PRIMARY KEY (run_id, stream, key)
);

-- Parts of the source that a stream could not read: [{"id", "reason"}].
ALTER TABLE fetch_checkpoints ADD COLUMN unread jsonb NOT NULL DEFAULT '[]';

-- APIs as people see them. What maps put under these names is shown; what has
-- another shape under such a name is not.
CREATE VIEW api_list AS
SELECT a.id, a.connector, a.kind, a.external_id, a.name, a.status, a.base_url AS url,
       a.attributes->>'type' AS type, a.attributes->>'service' AS service, a.attributes->>'resourceGroups' AS resource_group,
       a.attributes->>'subscriptionId' AS subscription_id, a.attributes->>'revision' AS revision,
       -- What is not there any more is not to be scanned.
       CASE WHEN jsonb_typeof(a.attributes->'ready') = 'boolean' THEN (a.attributes->>'ready')::boolean AND a.status = 'active' END AS ready,
       a.attributes->'notReadyReasons' AS readiness_reasons, a.attributes->'flags' AS flags,
       a.attributes->>'specificationReason' AS specification_reason,
       b.specification_hash, d.format, d.bytes,
       (SELECT count(*) FROM document_endpoints e WHERE e.hash = b.specification_hash) AS endpoints,
       a.source_updated_at, a.first_seen, a.last_seen, a.attributes, a.run_id, a.map, a.map_version
  FROM asset_list a
  JOIN assets b ON b.id = a.id
  LEFT JOIN documents d ON d.hash = b.specification_hash
 WHERE a.class = 'api';

-- +goose Down
DROP VIEW api_list;
ALTER TABLE fetch_checkpoints DROP COLUMN unread;
DROP TABLE remembered, memory;
ALTER TABLE assets DROP COLUMN specification_hash;
DROP TABLE document_endpoints, documents;
