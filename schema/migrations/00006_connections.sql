-- +goose Up

-- What tests found before settings or secrets changed says nothing of now.
ALTER TABLE connectors ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
UPDATE connectors SET changed_at = updated_at;
-- How often a connector is tested by itself, such as 6h; empty: never.
ALTER TABLE connectors ADD COLUMN test_every text NOT NULL DEFAULT '';

-- Tests are of a vendor's applications, some of which no kind reads.
ALTER TABLE connector_checks RENAME COLUMN kind TO application;
UPDATE connector_checks SET application = CASE application
    WHEN 'qualys-tas' THEN 'TAS' WHEN 'qualys-was' THEN 'WAS' WHEN 'qualys-vm' THEN 'VMDR'
    WHEN 'azure-apim' THEN 'API Management' ELSE application END;

-- The run that read everything for the last time: vendors' clocks are too coarse
-- to tell which of two runs was the later one.
ALTER TABLE watermarks ADD COLUMN full_run bigint;
UPDATE watermarks w SET full_run = (
    SELECT max(r.id) FROM runs r JOIN fetch_checkpoints f ON f.run_id = r.id AND f.stream = w.stream
     WHERE r.profile_id = w.profile_id AND r.mode = 'full' AND coalesce(f.clock, r.started_at) <= w.full_at);

-- What workers share of a connector's credentials. A row is of a version of the
-- connector, and worth nothing after it.
CREATE TABLE credentials (
    connector_id  bigint NOT NULL REFERENCES connectors ON DELETE CASCADE,
    name          text NOT NULL,
    version       integer NOT NULL,
    token         text NOT NULL DEFAULT '',         -- sealed; empty: none
    token_ends_at timestamptz,
    accepted      boolean NOT NULL DEFAULT false,   -- by the vendor, once
    refusal       jsonb,                            -- the error
    refused_until timestamptz,
    PRIMARY KEY (connector_id, name)
);

-- What the governor knows of a subscription's limits of an API, and who makes
-- calls: see package governor. Rows change with every call.
CREATE TABLE governor (
    subscription text NOT NULL,
    api          text NOT NULL,
    state        jsonb NOT NULL,
    PRIMARY KEY (subscription, api)
) WITH (fillfactor = 50);

-- +goose Down

DROP TABLE governor;
DROP TABLE credentials;
UPDATE connector_checks SET application = CASE application
    WHEN 'TAS' THEN 'qualys-tas' WHEN 'WAS' THEN 'qualys-was' WHEN 'VMDR' THEN 'qualys-vm'
    WHEN 'API Management' THEN 'azure-apim' ELSE application END;
ALTER TABLE connector_checks RENAME COLUMN application TO kind;
ALTER TABLE watermarks DROP COLUMN full_run;
ALTER TABLE connectors DROP COLUMN test_every;
ALTER TABLE connectors DROP COLUMN changed_at;
