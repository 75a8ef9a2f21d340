-- +goose Up
-- AUTOINCREMENT: an id never comes back, because generations that deployers
-- have seen are made of it.
CREATE TABLE deployments (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch             INTEGER NOT NULL,
    team              TEXT NOT NULL,
    service           TEXT NOT NULL REFERENCES services (name),
    environment       TEXT NOT NULL REFERENCES environments (name),
    version           TEXT NOT NULL,
    cause             TEXT NOT NULL,
    state             TEXT NOT NULL,
    plan              TEXT NOT NULL,
    plan_digest       TEXT NOT NULL,
    replaced          TEXT,
    requested_by_kind TEXT NOT NULL,
    requested_by      TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    note              TEXT NOT NULL,
    runs              TEXT,
    phase             INTEGER NOT NULL,
    ending            TEXT NOT NULL,
    verdicts          TEXT,
    message           TEXT NOT NULL,
    superseded_by     INTEGER NOT NULL,
    created_at        TEXT NOT NULL,
    started_at        TEXT,
    ended_at          TEXT,
    next_wake_at      TEXT,
    FOREIGN KEY (service, version) REFERENCES releases (service, version)
);
-- At most one active deployment per stage, whatever the code above believes.
CREATE UNIQUE INDEX deployments_one_active ON deployments (service, environment)
    WHERE state IN ('waiting', 'running', 'paused', 'reverting');
-- Only active deployments have a time to be looked at.
CREATE INDEX deployments_due ON deployments (next_wake_at)
    WHERE next_wake_at IS NOT NULL;
CREATE INDEX deployments_by_stage ON deployments (service, environment, id DESC);
CREATE INDEX deployments_by_service ON deployments (service, id DESC);
CREATE INDEX deployments_by_release ON deployments (service, version, id DESC);
CREATE INDEX deployments_by_environment ON deployments (environment, id DESC);
CREATE INDEX deployments_by_team ON deployments (team, id DESC);
CREATE INDEX deployments_by_state ON deployments (state, id DESC);
CREATE INDEX deployments_by_requester ON deployments (requested_by, id DESC);

CREATE TABLE stage_states (
    service         TEXT NOT NULL REFERENCES services (name),
    environment     TEXT NOT NULL REFERENCES environments (name),
    team            TEXT NOT NULL,
    live_deployment INTEGER,
    live_spec       TEXT,
    live_since      TEXT,
    observed        TEXT,
    observed_at     TEXT,
    hold            TEXT,
    failure         TEXT,
    PRIMARY KEY (service, environment)
) WITHOUT ROWID;

CREATE TABLE votes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    deployment  INTEGER NOT NULL REFERENCES deployments (id),
    plan_digest TEXT NOT NULL,
    decision    TEXT NOT NULL,
    voter       TEXT NOT NULL,
    voter_name  TEXT NOT NULL,
    groups      TEXT,
    comment     TEXT NOT NULL,
    via         TEXT NOT NULL,
    at          TEXT NOT NULL
);
CREATE INDEX votes_by_deployment ON votes (deployment, id);

CREATE TABLE freezes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    environment TEXT NOT NULL REFERENCES environments (name),
    reason      TEXT NOT NULL,
    from_at     TEXT NOT NULL,
    until_at    TEXT NOT NULL,
    made_by     TEXT NOT NULL
);
CREATE INDEX freezes_by_end ON freezes (until_at);

CREATE TABLE deployment_logs (
    deployment INTEGER NOT NULL REFERENCES deployments (id),
    number     INTEGER NOT NULL,
    at         TEXT NOT NULL,
    source     TEXT NOT NULL,
    stream     TEXT NOT NULL,
    line       TEXT NOT NULL,
    PRIMARY KEY (deployment, number)
) WITHOUT ROWID;

CREATE TABLE log_cursors (
    deployment INTEGER PRIMARY KEY NOT NULL REFERENCES deployments (id),
    position   TEXT NOT NULL,
    lines      INTEGER NOT NULL
);

-- +goose Down
DROP TABLE log_cursors;
DROP TABLE deployment_logs;
DROP TABLE freezes;
DROP TABLE votes;
DROP TABLE stage_states;
DROP TABLE deployments;
