-- +goose Up

-- Configuration -------------------------------------------------------------

CREATE TABLE connectors (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    description text NOT NULL DEFAULT '',
    provider    text NOT NULL,
    active      boolean NOT NULL DEFAULT true,
    settings    jsonb NOT NULL DEFAULT '{}',  -- field -> text
    secrets     jsonb NOT NULL DEFAULT '{}',  -- field -> sealed text, or a reference env:NAME or file:PATH
    version     integer NOT NULL DEFAULT 1,   -- grows with every change, so that workers notice
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE connector_checks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connector_id bigint NOT NULL REFERENCES connectors ON DELETE CASCADE,
    at           timestamptz NOT NULL DEFAULT now(),
    kind         text NOT NULL,
    step         text NOT NULL,
    health       text NOT NULL,
    message      text NOT NULL,
    advice       text NOT NULL,
    latency_ms   integer NOT NULL,
    seen         bigint                       -- records the account sees; null when unknown
);
CREATE INDEX connector_checks_latest ON connector_checks (connector_id, at DESC);

-- A version is immutable once it is here.
CREATE TABLE transform_maps (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    version      integer NOT NULL,
    builtin      boolean NOT NULL,
    source_model text NOT NULL,
    target_model text NOT NULL,
    digest       text NOT NULL,
    body         text NOT NULL,               -- the map's YAML
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);

CREATE TABLE profiles (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The name is part of workflow ids ("ingest/NAME").
    name             text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    description      text NOT NULL DEFAULT '',
    connector_id     bigint NOT NULL REFERENCES connectors,
    kind             text NOT NULL,
    asset_types      text[] NOT NULL CHECK (cardinality(asset_types) > 0),
    maps             jsonb NOT NULL,          -- asset type -> transform map name
    active           boolean NOT NULL,
    full_every_hours integer NOT NULL CHECK (full_every_hours > 0),
    retire_after     integer NOT NULL CHECK (retire_after >= 0),
    shrink_percent   integer NOT NULL CHECK (shrink_percent BETWEEN 0 AND 100),
    reject_percent   integer NOT NULL CHECK (reject_percent BETWEEN 0 AND 100),
    absent_findings  text NOT NULL CHECK (absent_findings IN ('fixed', 'preserve')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- Where the next delta run of a profile reads from, per stream.
CREATE TABLE watermarks (
    profile_id bigint NOT NULL REFERENCES profiles ON DELETE CASCADE,
    stream     text NOT NULL,
    clock      timestamptz NOT NULL,          -- the vendor's clock when the last complete run began
    full_at    timestamptz NOT NULL,          -- the same of the last complete full run
    map_id     integer NOT NULL REFERENCES transform_maps,
    PRIMARY KEY (profile_id, stream)
);

-- Runs ----------------------------------------------------------------------

CREATE TABLE runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- A run outlives its profile: the inventory refers to it.
    profile_id    bigint REFERENCES profiles ON DELETE SET NULL,
    profile       text NOT NULL,
    connector_id  bigint REFERENCES connectors ON DELETE SET NULL,
    workflow_id   text NOT NULL,
    -- The first execution of the chain: it stays when a run continues as new.
    first_run_id  text NOT NULL UNIQUE,
    mode          text NOT NULL,              -- full or delta
    mode_reason   text NOT NULL DEFAULT '',
    plan          jsonb NOT NULL DEFAULT '{}',-- what the run goes by; later edits of the profile do not change it
    started_at    timestamptz NOT NULL DEFAULT now(),
    assets_in_at  timestamptz,                -- when all assets were in
    finished_at   timestamptz,
    outcome       text,
    reason        text NOT NULL DEFAULT ''
);
CREATE INDEX runs_by_profile ON runs (profile_id, id DESC);

-- The run that may write for a profile. Run ids only grow, so that the
-- holder's id is the fencing token: who finds another id here is too late.
CREATE TABLE leases (
    profile_id bigint PRIMARY KEY REFERENCES profiles ON DELETE CASCADE,
    run_id     bigint NOT NULL REFERENCES runs ON DELETE CASCADE
);

-- How far a stream has been fetched. token is claimed by each attempt, so that
-- an attempt that was given up and comes back changes nothing.
CREATE TABLE fetch_checkpoints (
    run_id      bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream      text NOT NULL,
    token       integer NOT NULL DEFAULT 0,
    cursor      text NOT NULL DEFAULT '',
    batch       integer NOT NULL DEFAULT 0,   -- the batch being filled, from 1
    chunk       integer NOT NULL DEFAULT 0,   -- chunks in it
    ended       boolean NOT NULL DEFAULT false,
    doubt       text NOT NULL DEFAULT '',
    clock       timestamptz,                  -- the vendor's, at the first answer
    expected    bigint NOT NULL DEFAULT 0,    -- by the vendor's count; 0 when it does not say
    pages       bigint NOT NULL DEFAULT 0,
    records     bigint NOT NULL DEFAULT 0,
    repeated    bigint NOT NULL DEFAULT 0,
    set_aside   bigint NOT NULL DEFAULT 0,
    progress_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, stream)
) WITH (fillfactor = 50);

-- How far it has been written. A table of its own, so that fetching the next
-- batch does not wait for the transaction that writes this one.
CREATE TABLE write_checkpoints (
    run_id bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream text NOT NULL,
    token  integer NOT NULL DEFAULT 0,
    batch  integer NOT NULL DEFAULT 0,        -- the last batch written
    PRIMARY KEY (run_id, stream)
) WITH (fillfactor = 50);

-- What the vendor sent, compressed, until its retention ends.
CREATE TABLE chunks (
    run_id    bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream    text NOT NULL,
    batch     integer NOT NULL,
    chunk     integer NOT NULL,
    records   integer NOT NULL,
    raw_bytes integer NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (run_id, stream, batch, chunk)
);
ALTER TABLE chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- What each written batch did to the inventory; a run's counts are its sums.
CREATE TABLE batches (
    run_id             bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream             text NOT NULL,
    batch              integer NOT NULL,
    written_at         timestamptz NOT NULL DEFAULT now(),
    assets_created     bigint NOT NULL,
    assets_updated     bigint NOT NULL,
    assets_unchanged   bigint NOT NULL,
    assets_returned    bigint NOT NULL,
    assets_rejected    bigint NOT NULL,
    findings_created   bigint NOT NULL,
    findings_updated   bigint NOT NULL,
    findings_unchanged bigint NOT NULL,
    findings_returned  bigint NOT NULL,
    findings_rejected  bigint NOT NULL,
    PRIMARY KEY (run_id, stream, batch)
);

-- Records, and findings of records, that did not get into the inventory.
CREATE TABLE rejects (
    run_id     bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream     text NOT NULL,
    batch      integer NOT NULL,
    stage      text NOT NULL,                 -- fetch (could not be read) or transform
    ordinal    bigint NOT NULL,               -- the record's place in its batch and stage
    finding    integer NOT NULL,              -- the finding's place in the record; -1: the whole record
    asset_id   text NOT NULL,                 -- external ids, as far as known
    finding_id text NOT NULL,
    map_row    text NOT NULL,
    value      text NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (run_id, stream, batch, stage, ordinal, finding)
);

CREATE TABLE log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    connector_id bigint REFERENCES connectors ON DELETE CASCADE,
    run_id       bigint REFERENCES runs ON DELETE CASCADE,
    level        text NOT NULL,
    message      text NOT NULL,
    fields       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX log_by_run ON log (run_id, id);
CREATE INDEX log_by_connector ON log (connector_id, id);

-- Inventory -----------------------------------------------------------------

CREATE TABLE assets (
    id                bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 1000) PRIMARY KEY,
    connector_id      bigint NOT NULL REFERENCES connectors,
    first_run_id      bigint NOT NULL,        -- the run that created it
    run_id            bigint NOT NULL,        -- the run that wrote this content, by the map below
    source_created_at timestamptz,
    source_updated_at timestamptz,
    stale_since       timestamptz,            -- no profile sees it any more
    retired_at        timestamptz,            -- nor did for some further full runs
    map_id            integer NOT NULL,
    digest            uuid NOT NULL,          -- of the content
    kind              text NOT NULL,
    class             text NOT NULL,
    external_id       text NOT NULL,
    name              text,
    base_url          text,
    specification_url text,
    attributes        jsonb,
    UNIQUE (connector_id, kind, class, external_id)
);

-- asset_id has no foreign key on purpose: checking it row by row costs more
-- than a third of a first load, and the one writer inserts a finding only in
-- the transaction that has its asset in hand.
CREATE TABLE findings (
    id           bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 1000) PRIMARY KEY,
    asset_id     bigint NOT NULL,
    first_run_id bigint NOT NULL,
    run_id       bigint NOT NULL,
    absent_since timestamptz,                 -- its asset no longer has it: fixed
    map_id       integer NOT NULL,
    severity     smallint,
    digest       uuid NOT NULL,
    external_id  text NOT NULL,
    name         text,
    attributes   jsonb,
    UNIQUE (asset_id, external_id)
);

-- Which profiles see which assets, and for how many complete full runs not.
CREATE TABLE profile_assets (
    profile_id bigint NOT NULL REFERENCES profiles ON DELETE CASCADE,
    asset_id   bigint NOT NULL REFERENCES assets ON DELETE CASCADE,
    seen_run   bigint NOT NULL,
    missed     integer NOT NULL DEFAULT 0,    -- complete full runs since
    missed_run bigint,                        -- the last of them
    PRIMARY KEY (profile_id, asset_id)
) WITH (fillfactor = 70);
CREATE INDEX profile_assets_by_asset ON profile_assets (asset_id);

-- Findings that a run's records did not have any more: candidates, applied
-- when the run's stream turns out to be complete.
CREATE TABLE vanished_findings (
    run_id     bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream     text NOT NULL,
    finding_id bigint NOT NULL,
    PRIMARY KEY (run_id, stream, finding_id)
);

-- What happened to things after they were created. Creation is on the thing
-- itself (first_run_id), so that a first load writes every row once; the view
-- changes below shows both.
CREATE TABLE change_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    run_id     bigint NOT NULL,
    asset_id   bigint NOT NULL,
    finding_id bigint,                        -- null: the asset itself
    change     text NOT NULL CHECK (change IN ('updated', 'stale', 'retired', 'returned', 'fixed', 'reopened')),
    before     jsonb                          -- of an update: the columns it replaced
);
CREATE INDEX change_log_by_run ON change_log (run_id);
CREATE INDEX change_log_by_asset ON change_log (asset_id);

CREATE VIEW changes AS
SELECT at, run_id, asset_id, finding_id, change, before FROM change_log
UNION ALL
SELECT r.started_at, a.first_run_id, a.id, NULL, 'created', NULL FROM assets a JOIN runs r ON r.id = a.first_run_id
UNION ALL
SELECT r.started_at, f.first_run_id, f.asset_id, f.id, 'created', NULL FROM findings f JOIN runs r ON r.id = f.first_run_id;

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

-- +goose Down
DROP VIEW finding_list, asset_list, changes;
DROP TABLE change_log, vanished_findings, profile_assets, findings, assets, log, rejects, batches, chunks,
    write_checkpoints, fetch_checkpoints, leases, runs, watermarks, profiles, transform_maps, connector_checks, connectors;
