-- +goose Up
-- What gates that ask outside have last heard, and a release that has a part of
-- a stage beside what is live.
ALTER TABLE deployments ADD COLUMN probes TEXT;
ALTER TABLE stage_states ADD COLUMN partial TEXT;

-- +goose Down
ALTER TABLE stage_states DROP COLUMN partial;
ALTER TABLE deployments DROP COLUMN probes;
