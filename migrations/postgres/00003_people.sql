-- +goose Up
CREATE TABLE users (
    id            TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    issuer        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    email         TEXT NOT NULL,
    groups        TEXT,
    theme         TEXT NOT NULL,
    disabled      BOOLEAN NOT NULL,
    last_seen     TIMESTAMPTZ NOT NULL,
    signed_out_at TIMESTAMPTZ,
    UNIQUE (issuer, subject)
);

CREATE TABLE service_accounts (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    description TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);

CREATE TABLE bindings (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_kind TEXT NOT NULL,
    subject_name TEXT COLLATE "C" NOT NULL,
    role         TEXT NOT NULL,
    scope_kind   TEXT NOT NULL,
    scope_name   TEXT NOT NULL,
    source       TEXT NOT NULL,
    UNIQUE (subject_kind, subject_name, role, scope_kind, scope_name)
);

CREATE TABLE tokens (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    owner_kind   TEXT NOT NULL,
    owner_id     TEXT NOT NULL,
    secret_hash  TEXT NOT NULL,
    scopes       TEXT,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX tokens_by_owner ON tokens (owner_id, created_at DESC);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    data       BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE tokens;
DROP TABLE bindings;
DROP TABLE service_accounts;
DROP TABLE users;
