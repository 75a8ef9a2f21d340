-- +goose Up
CREATE TABLE audit (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain       TEXT COLLATE "C" NOT NULL,
    seq         BIGINT NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT NOT NULL,
    actor_name  TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    via         TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    address     TEXT NOT NULL,
    action      TEXT NOT NULL,
    team        TEXT COLLATE "C" NOT NULL,
    service     TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
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
    chain TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    seq   BIGINT NOT NULL,
    hash  TEXT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE events (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          TIMESTAMPTZ NOT NULL,
    kind        TEXT NOT NULL,
    team        TEXT COLLATE "C" NOT NULL,
    service     TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    deployment  BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    message     TEXT NOT NULL,
    detail      TEXT
);
CREATE INDEX events_by_deployment ON events (deployment, id);

CREATE TABLE idempotency_keys (
    actor       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer      BYTEA NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE events;
DROP TABLE audit_heads;
DROP TABLE audit;
DROP FUNCTION audit_refuse();
