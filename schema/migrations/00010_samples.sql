-- +goose Up

-- Records that were fetched to be looked at, until whoever asked for them takes
-- them: they are part of no run.
CREATE TABLE samples (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile_id bigint NOT NULL REFERENCES profiles ON DELETE CASCADE,
    records    bytea NOT NULL,                -- compressed (s2): a record a line
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE samples ALTER COLUMN records SET STORAGE EXTERNAL;

-- +goose Down
DROP TABLE samples;
