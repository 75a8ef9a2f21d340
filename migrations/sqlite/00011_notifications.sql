-- +goose Up
-- Who is told of what. The secret signs what is sent and is kept sealed.
CREATE TABLE notification_routes (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL,
    team          TEXT NOT NULL,
    service       TEXT NOT NULL,
    environment   TEXT NOT NULL,
    kinds         TEXT NOT NULL,
    channel       TEXT NOT NULL,
    address       TEXT NOT NULL,
    format        TEXT NOT NULL,
    key_id        TEXT NOT NULL,
    sealed        BLOB,
    owner         TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    after_event   INTEGER NOT NULL,
    failing_since TEXT,
    last_error    TEXT NOT NULL,
    sent_at       TEXT
);

-- One thing to tell in one place. The pair of target and key is what makes each
-- be told once, however many replicas plan it.
CREATE TABLE notification_deliveries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    target        TEXT NOT NULL,
    key           TEXT NOT NULL,
    route         INTEGER NOT NULL,
    person        TEXT NOT NULL,
    channel       TEXT NOT NULL,
    thread        TEXT NOT NULL,
    notice        TEXT NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    next_at       TEXT NOT NULL,
    claim         TEXT NOT NULL,
    claimed_until TEXT,
    status        INTEGER NOT NULL,
    error         TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    sent_at       TEXT,
    UNIQUE (target, key)
);
CREATE INDEX notification_deliveries_pending ON notification_deliveries (target, thread, id) WHERE state = 'pending';
CREATE INDEX notification_deliveries_by_route ON notification_deliveries (route, id DESC);

-- How far the events were read for deliveries: one row.
CREATE TABLE notification_cursor (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    event INTEGER NOT NULL
);
INSERT INTO notification_cursor (id, event) SELECT 1, coalesce(max(id), 0) FROM events;

CREATE TABLE notification_preferences (
    person      TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    preferences TEXT NOT NULL
);

-- +goose Down
DROP TABLE notification_preferences;
DROP TABLE notification_cursor;
DROP TABLE notification_deliveries;
DROP TABLE notification_routes;
