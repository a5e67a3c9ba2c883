-- +goose Up

-- Records and findings that a map's conditions left out, and records of files
-- that contradict another one of the same asset.
ALTER TABLE batches
    ADD COLUMN assets_left_out   bigint NOT NULL DEFAULT 0,
    ADD COLUMN findings_left_out bigint NOT NULL DEFAULT 0,
    ADD COLUMN conflicting       bigint NOT NULL DEFAULT 0;

-- What records of a file said of which asset, while their run is under way, so
-- that one that says otherwise is noticed.
CREATE TABLE recorded_assets (
    run_id  bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream  text NOT NULL,
    asset   bigint NOT NULL,                  -- the hash of its external id
    content uuid,                             -- the digest; NULL: the record was rejected
    lists   boolean NOT NULL,                 -- the record listed findings
    PRIMARY KEY (run_id, stream, asset)
);

-- +goose Down
DROP TABLE recorded_assets;
ALTER TABLE batches DROP COLUMN assets_left_out, DROP COLUMN findings_left_out, DROP COLUMN conflicting;
