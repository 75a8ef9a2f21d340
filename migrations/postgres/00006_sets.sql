-- +goose Up
-- Releases of several services that go to an environment together. Only active
-- ones have no end.
CREATE TABLE release_sets (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch       BIGINT NOT NULL,
    name        TEXT NOT NULL,
    environment TEXT COLLATE "C" NOT NULL REFERENCES environments (name),
    state       TEXT NOT NULL,
    ending      TEXT NOT NULL,
    items       TEXT NOT NULL,
    on_failure  TEXT NOT NULL,
    asked       TEXT NOT NULL,
    stop        TEXT,
    note        TEXT NOT NULL,
    message     TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ
);
CREATE INDEX release_sets_active ON release_sets (id) WHERE ended_at IS NULL;

CREATE TABLE release_set_deployments (
    deployment  BIGINT PRIMARY KEY NOT NULL REFERENCES deployments (id),
    release_set BIGINT NOT NULL REFERENCES release_sets (id)
);

-- +goose Down
DROP TABLE release_set_deployments;
DROP TABLE release_sets;
