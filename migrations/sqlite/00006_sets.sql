-- +goose Up
-- Releases of several services that go to an environment together. Only active
-- ones have no end.
CREATE TABLE release_sets (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch       INTEGER NOT NULL,
    name        TEXT NOT NULL,
    environment TEXT NOT NULL REFERENCES environments (name),
    state       TEXT NOT NULL,
    ending      TEXT NOT NULL,
    items       TEXT NOT NULL,
    on_failure  TEXT NOT NULL,
    asked       TEXT NOT NULL,
    stop        TEXT,
    note        TEXT NOT NULL,
    message     TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    ended_at    TEXT
);
CREATE INDEX release_sets_active ON release_sets (id) WHERE ended_at IS NULL;

CREATE TABLE release_set_deployments (
    deployment  INTEGER PRIMARY KEY NOT NULL REFERENCES deployments (id),
    release_set INTEGER NOT NULL REFERENCES release_sets (id)
);

-- +goose Down
DROP TABLE release_set_deployments;
DROP TABLE release_sets;
