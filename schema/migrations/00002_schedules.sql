-- +goose Up

-- When the profile runs by itself, as package schedule writes it; null: only
-- when it is told to. Temporal keeps the schedule that follows from it.
ALTER TABLE profiles ADD COLUMN schedule jsonb;

-- +goose Down
ALTER TABLE profiles DROP COLUMN schedule;
