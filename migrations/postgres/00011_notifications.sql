-- +goose Up
-- Who is told of what. The secret signs what is sent and is kept sealed.
CREATE TABLE notification_routes (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT NOT NULL,
    team          TEXT COLLATE "C" NOT NULL,
    service       TEXT COLLATE "C" NOT NULL,
    environment   TEXT COLLATE "C" NOT NULL,
    kinds         TEXT NOT NULL,
    channel       TEXT NOT NULL,
    address       TEXT NOT NULL,
    format        TEXT NOT NULL,
    key_id        TEXT NOT NULL,
    sealed        BYTEA,
    owner         TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    after_event   BIGINT NOT NULL,
    failing_since TIMESTAMPTZ,
    last_error    TEXT NOT NULL,
    sent_at       TIMESTAMPTZ
);

-- One thing to tell in one place. The pair of target and key is what makes each
-- be told once, however many replicas plan it.
CREATE TABLE notification_deliveries (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target        TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    route         BIGINT NOT NULL,
    person        TEXT COLLATE "C" NOT NULL,
    channel       TEXT NOT NULL,
    thread        TEXT COLLATE "C" NOT NULL,
    notice        TEXT NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    next_at       TIMESTAMPTZ NOT NULL,
    claim         TEXT NOT NULL,
    claimed_until TIMESTAMPTZ,
    status        INTEGER NOT NULL,
    error         TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    sent_at       TIMESTAMPTZ,
    UNIQUE (target, key)
);
CREATE INDEX notification_deliveries_pending ON notification_deliveries (target, thread, id) WHERE state = 'pending';
CREATE INDEX notification_deliveries_by_route ON notification_deliveries (route, id DESC);

-- How far the events were read for deliveries: one row.
CREATE TABLE notification_cursor (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    event BIGINT NOT NULL
);
INSERT INTO notification_cursor (id, event) SELECT 1, coalesce(max(id), 0) FROM events;

CREATE TABLE notification_preferences (
    person      TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id),
    preferences TEXT NOT NULL
);

-- +goose Down
DROP TABLE notification_preferences;
DROP TABLE notification_cursor;
DROP TABLE notification_deliveries;
DROP TABLE notification_routes;
