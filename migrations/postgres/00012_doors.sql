-- +goose Up
-- CI jobs that come in without a key, and which of their tokens were used.
CREATE TABLE trust_rules (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    issuer       TEXT COLLATE "C" NOT NULL,
    audience     TEXT NOT NULL,
    claims       TEXT NOT NULL,
    immutable    TEXT NOT NULL,
    scope_kind   TEXT NOT NULL,
    scope_name   TEXT COLLATE "C" NOT NULL,
    permissions  TEXT NOT NULL,
    environments TEXT,
    lifetime     TEXT NOT NULL,
    made_by      TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX trust_rules_by_issuer ON trust_rules (issuer, id);

CREATE TABLE trust_uses (
    key        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX trust_uses_by_end ON trust_uses (expires_at);

-- Command lines that ask a person at a browser to sign them in.
CREATE TABLE device_logins (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    user_code  TEXT COLLATE "C" NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    scopes     TEXT,
    lifetime   TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    state      TEXT NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    polled_at  TIMESTAMPTZ
);
CREATE INDEX device_logins_by_end ON device_logins (expires_at);

-- +goose Down
DROP TABLE device_logins;
DROP TABLE trust_uses;
DROP TABLE trust_rules;
