-- +goose Up

-- Source models that people have made, of files that no kind knows; those that
-- Sluice ships with are files of its own.
CREATE TABLE data_models (
    name       text PRIMARY KEY,
    body       text NOT NULL,                       -- YAML
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Files that people have sent to be imported: a worker never reads a disk of
-- theirs. One without ended_at was not sent to its end, and is never read.
CREATE TABLE uploads (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile_id bigint NOT NULL REFERENCES profiles ON DELETE CASCADE,
    name       text NOT NULL,                       -- as people know it: "scans.csv"
    reading    jsonb NOT NULL,                      -- how it is read: format, delimiter ...
    bytes      bigint NOT NULL DEFAULT 0,           -- of its text, in UTF-8
    records    bigint NOT NULL DEFAULT 0,           -- that the sender counted
    sha256     text NOT NULL DEFAULT '',            -- of its text
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
);
CREATE INDEX uploads_profile ON uploads (profile_id);

CREATE TABLE upload_parts (
    upload_id bigint NOT NULL REFERENCES uploads ON DELETE CASCADE,
    starts_at bigint NOT NULL,                      -- in the text, in bytes
    bytes     integer NOT NULL,
    data      bytea NOT NULL,                       -- compressed
    PRIMARY KEY (upload_id, starts_at)
);
ALTER TABLE upload_parts ALTER COLUMN data SET STORAGE EXTERNAL;

-- +goose Down

DROP TABLE upload_parts;
DROP TABLE uploads;
DROP TABLE data_models;
