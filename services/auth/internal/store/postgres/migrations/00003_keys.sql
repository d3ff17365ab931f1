-- +goose Up

-- When a key began to sign; null: it is published, and does not sign yet. The one that was there signs.
ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz;
UPDATE signing_keys SET signs_from = created_at;
