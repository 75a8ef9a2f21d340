-- +goose Up
-- Which chat user is which person.
CREATE TABLE chat_accounts (
    platform  TEXT NOT NULL,
    workspace TEXT NOT NULL,
    chat_user TEXT NOT NULL,
    user_id   TEXT NOT NULL REFERENCES users (id),
    name      TEXT NOT NULL,
    linked_at TEXT NOT NULL,
    PRIMARY KEY (platform, workspace, chat_user)
);
CREATE INDEX chat_accounts_by_user ON chat_accounts (user_id, linked_at);

-- What chat systems have asked: each signed request once, until it is too old to
-- come again.
CREATE TABLE chat_requests (
    digest     TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    body       BLOB NOT NULL,
    at         TEXT NOT NULL,
    claimed_at TEXT -- by whoever does the work; nothing once it is done
);
CREATE INDEX chat_requests_by_age ON chat_requests (at);
CREATE INDEX chat_requests_undone ON chat_requests (claimed_at) WHERE claimed_at IS NOT NULL;

-- The one message that tells a channel of a deployment.
CREATE TABLE chat_announcements (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch      INTEGER NOT NULL,
    deployment INTEGER NOT NULL REFERENCES deployments (id),
    platform   TEXT NOT NULL,
    workspace  TEXT NOT NULL,
    channel    TEXT NOT NULL,
    message    TEXT NOT NULL,
    shown      TEXT NOT NULL,
    told       INTEGER NOT NULL,
    next_at    TEXT,
    failed     INTEGER NOT NULL,
    fault      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (deployment, platform, workspace, channel)
);
CREATE INDEX chat_announcements_due ON chat_announcements (next_at) WHERE next_at IS NOT NULL;

-- +goose Down
DROP TABLE chat_announcements;
DROP TABLE chat_requests;
DROP TABLE chat_accounts;
