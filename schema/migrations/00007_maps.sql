-- +goose Up

-- What a version was made from other than by a person's hand, such as the
-- version of a map that it is a copy of.
ALTER TABLE transform_maps ADD COLUMN origin text NOT NULL DEFAULT '';
-- The versions of a deleted map stay, marked: runs went by them, and the
-- inventory says which of them wrote each row.
ALTER TABLE transform_maps ADD COLUMN deleted_at timestamptz;

-- +goose Down
-- What was deleted goes, but for what is referred to: that is there again.
DELETE FROM transform_maps m WHERE deleted_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM assets a WHERE a.map_id = m.id)
   AND NOT EXISTS (SELECT FROM findings f WHERE f.map_id = m.id)
   AND NOT EXISTS (SELECT FROM knowledge_base k WHERE k.map_id = m.id)
   AND NOT EXISTS (SELECT FROM watermarks w WHERE w.map_id = m.id);
ALTER TABLE transform_maps DROP COLUMN deleted_at, DROP COLUMN origin;
