-- +goose Up
CREATE TABLE users (
    id            TEXT PRIMARY KEY NOT NULL,
    issuer        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    name          TEXT NOT NULL,
    email         TEXT NOT NULL,
    groups        TEXT,
    theme         TEXT NOT NULL,
    disabled      BOOLEAN NOT NULL,
    last_seen     TEXT NOT NULL,
    signed_out_at TEXT,
    UNIQUE (issuer, subject)
);

CREATE TABLE service_accounts (
    id          TEXT PRIMARY KEY NOT NULL,
    description TEXT NOT NULL,
    created_at  TEXT NOT NULL
);

CREATE TABLE bindings (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_kind TEXT NOT NULL,
    subject_name TEXT NOT NULL,
    role         TEXT NOT NULL,
    scope_kind   TEXT NOT NULL,
    scope_name   TEXT NOT NULL,
    source       TEXT NOT NULL,
    UNIQUE (subject_kind, subject_name, role, scope_kind, scope_name)
);

CREATE TABLE tokens (
    id           TEXT PRIMARY KEY NOT NULL,
    name         TEXT NOT NULL,
    owner_kind   TEXT NOT NULL,
    owner_id     TEXT NOT NULL,
    secret_hash  TEXT NOT NULL,
    scopes       TEXT,
    created_at   TEXT NOT NULL,
    expires_at   TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at   TEXT
);
CREATE INDEX tokens_by_owner ON tokens (owner_id, created_at DESC);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    data       BLOB NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE tokens;
DROP TABLE bindings;
DROP TABLE service_accounts;
DROP TABLE users;
