-- +goose Up
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    chain       TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    at          TEXT NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT NOT NULL,
    actor_name  TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    via         TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    address     TEXT NOT NULL,
    action      TEXT NOT NULL,
    team        TEXT NOT NULL,
    service     TEXT NOT NULL,
    environment TEXT NOT NULL,
    subject     TEXT NOT NULL,
    summary     TEXT NOT NULL,
    detail      TEXT,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL,
    UNIQUE (chain, seq)
);
CREATE INDEX audit_by_team ON audit (team, id DESC);
CREATE INDEX audit_by_service ON audit (service, id DESC);
CREATE INDEX audit_by_environment ON audit (environment, id DESC);
CREATE INDEX audit_by_actor ON audit (actor_id, id DESC);
CREATE INDEX audit_by_action ON audit (action, id DESC);

-- The newest entry of each chain; whoever appends holds this row.
CREATE TABLE audit_heads (
    chain TEXT PRIMARY KEY NOT NULL,
    seq   INTEGER NOT NULL,
    hash  TEXT NOT NULL
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
-- +goose StatementEnd

CREATE TABLE events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    team        TEXT NOT NULL,
    service     TEXT NOT NULL,
    environment TEXT NOT NULL,
    deployment  INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    message     TEXT NOT NULL,
    detail      TEXT
);
CREATE INDEX events_by_deployment ON events (deployment, id);

CREATE TABLE idempotency_keys (
    actor       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer      BLOB NOT NULL,
    at          TEXT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE events;
DROP TRIGGER audit_no_delete;
DROP TRIGGER audit_no_update;
DROP TABLE audit_heads;
DROP TABLE audit;
