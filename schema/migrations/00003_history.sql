-- +goose Up
-- Who started a run: cli, schedule, or ui (whoever typed it in).
ALTER TABLE runs ADD COLUMN started_by text NOT NULL DEFAULT '';
-- For cleaning up by age.
CREATE INDEX log_by_age ON log (at);
CREATE INDEX runs_by_end ON runs (finished_at);

-- +goose Down
DROP INDEX runs_by_end, log_by_age;
ALTER TABLE runs DROP COLUMN started_by;
