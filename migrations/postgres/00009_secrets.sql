-- +goose Up
-- The built-in secret store. Names of keys are in clear, values never.
CREATE TABLE sealed_secrets (
    path       TEXT COLLATE "C" NOT NULL,
    version    INTEGER NOT NULL,
    keys       TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    wrapped    BYTEA,
    sealed     BYTEA,
    at         TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    destroyed  BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (path, version)
);
CREATE INDEX sealed_secrets_by_key ON sealed_secrets (key_id);

-- What was last seen of secrets, wherever they are kept: names and versions.
CREATE TABLE secret_views (
    service     TEXT COLLATE "C" NOT NULL REFERENCES services (name),
    environment TEXT COLLATE "C" NOT NULL REFERENCES environments (name),
    seen        TEXT NOT NULL,
    PRIMARY KEY (service, environment)
);

CREATE TABLE secret_changes (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service     TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    path        TEXT COLLATE "C" NOT NULL,
    version     INTEGER NOT NULL,
    action      TEXT NOT NULL,
    keys        TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    by_name     TEXT NOT NULL,
    at          TIMESTAMPTZ NOT NULL
);
CREATE INDEX secret_changes_by_path ON secret_changes (path, id);

-- +goose Down
DROP TABLE secret_changes;
DROP TABLE secret_views;
DROP TABLE sealed_secrets;
