-- +goose Up
-- The line is stopped while there is a row.
CREATE TABLE stop_the_line (
    id         INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    owner      TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    reason     TEXT NOT NULL,
    since      TEXT NOT NULL
);

CREATE TABLE bypasses (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deployment  INTEGER NOT NULL REFERENCES deployments (id),
    plan_digest TEXT NOT NULL,
    gate        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    by_name     TEXT NOT NULL,
    via         TEXT NOT NULL,
    at          TEXT NOT NULL
);
CREATE INDEX bypasses_by_deployment ON bypasses (deployment, id);

-- +goose StatementBegin
CREATE TRIGGER bypasses_no_update BEFORE UPDATE ON bypasses
BEGIN
    SELECT RAISE(ABORT, 'a bypass is never changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER bypasses_no_delete BEFORE DELETE ON bypasses
BEGIN
    SELECT RAISE(ABORT, 'a bypass is never removed');
END;
-- +goose StatementEnd

-- Without an environment a calendar is for all.
CREATE TABLE freeze_calendars (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    environment TEXT REFERENCES environments (name),
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    rule        TEXT NOT NULL,
    duration    TEXT NOT NULL,
    zone        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    created_at  TEXT NOT NULL
);

-- +goose Down
DROP TABLE freeze_calendars;
DROP TRIGGER bypasses_no_delete;
DROP TRIGGER bypasses_no_update;
DROP TABLE bypasses;
DROP TABLE stop_the_line;
