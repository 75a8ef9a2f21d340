-- Times are TEXT of one fixed width in UTC (2006-01-02T15:04:05.000000Z), so
-- that they sort as they follow one another.

-- +goose Up
CREATE TABLE teams (
    name       TEXT PRIMARY KEY NOT NULL,
    title      TEXT NOT NULL,
    on_call    TEXT NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE environments (
    name  TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    rank  INTEGER NOT NULL,
    tier  TEXT NOT NULL,
    lock  TEXT
) WITHOUT ROWID;

CREATE TABLE services (
    name        TEXT PRIMARY KEY NOT NULL,
    title       TEXT NOT NULL,
    team        TEXT NOT NULL REFERENCES teams (name),
    description TEXT NOT NULL,
    repository  TEXT NOT NULL,
    links       TEXT,
    tags        TEXT,
    version     INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
CREATE UNIQUE INDEX services_by_team ON services (team, name);

CREATE TABLE pipelines (
    service    TEXT NOT NULL REFERENCES services (name),
    revision   INTEGER NOT NULL,
    team       TEXT NOT NULL,
    stages     TEXT NOT NULL,
    source     TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    PRIMARY KEY (service, revision)
);

CREATE TABLE releases (
    service    TEXT NOT NULL REFERENCES services (name),
    version    TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    content    TEXT NOT NULL,
    blocked    TEXT,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (service, version),
    UNIQUE (service, seq)
);

-- +goose Down
DROP TABLE releases;
DROP TABLE pipelines;
DROP TABLE services;
DROP TABLE environments;
DROP TABLE teams;
