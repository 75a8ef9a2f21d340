-- Names sort by their bytes (COLLATE "C"), as they do in SQLite.

-- +goose Up
CREATE TABLE teams (
    name       TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    title      TEXT NOT NULL,
    on_call    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE environments (
    name  TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    rank  BIGINT NOT NULL,
    tier  TEXT NOT NULL,
    lock  TEXT
);

CREATE TABLE services (
    name        TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    title       TEXT NOT NULL,
    team        TEXT COLLATE "C" NOT NULL REFERENCES teams (name),
    description TEXT NOT NULL,
    repository  TEXT NOT NULL,
    links       TEXT,
    tags        TEXT,
    version     BIGINT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX services_by_team ON services (team, name);

CREATE TABLE pipelines (
    service    TEXT COLLATE "C" NOT NULL REFERENCES services (name),
    revision   BIGINT NOT NULL,
    team       TEXT COLLATE "C" NOT NULL,
    stages     TEXT NOT NULL,
    source     TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (service, revision)
);

CREATE TABLE releases (
    service    TEXT COLLATE "C" NOT NULL REFERENCES services (name),
    version    TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    content    TEXT NOT NULL,
    blocked    TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (service, version),
    UNIQUE (service, seq)
);

-- +goose Down
DROP TABLE releases;
DROP TABLE pipelines;
DROP TABLE services;
DROP TABLE environments;
DROP TABLE teams;
