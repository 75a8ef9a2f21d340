-- +goose Up
-- The zone that somebody reads times in; empty: UTC.
ALTER TABLE users ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE users DROP COLUMN zone;
