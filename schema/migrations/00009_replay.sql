-- +goose Up

-- Assets and findings that a replay found written by newer runs, and left as
-- they are.
ALTER TABLE batches ADD COLUMN left_alone bigint NOT NULL DEFAULT 0;

-- What a dry run has seen, batch by batch, since what it wrote of it is rolled
-- back: it says at its end what would be gone.
CREATE TABLE dry_seen (
    run_id      bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    stream      text NOT NULL,
    what        text NOT NULL CHECK (what IN ('asset', 'findings', 'vanished')),
    id          bigint NOT NULL,              -- of the asset; of what vanished, the finding
    finding_ids bigint[]                      -- of 'findings', as in seen_findings
);
CREATE INDEX dry_seen_by_stream ON dry_seen (run_id, stream);

-- +goose Down
DROP TABLE dry_seen;
ALTER TABLE batches DROP COLUMN left_alone;
