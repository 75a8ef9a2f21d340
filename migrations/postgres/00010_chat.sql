-- +goose Up
-- Which chat user is which person.
CREATE TABLE chat_accounts (
    platform  TEXT COLLATE "C" NOT NULL,
    workspace TEXT COLLATE "C" NOT NULL,
    chat_user TEXT COLLATE "C" NOT NULL,
    user_id   TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    name      TEXT NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (platform, workspace, chat_user)
);
CREATE INDEX chat_accounts_by_user ON chat_accounts (user_id, linked_at);

-- What chat systems have asked: each signed request once, until it is too old to
-- come again.
CREATE TABLE chat_requests (
    digest     TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    body       BYTEA NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    claimed_at TIMESTAMPTZ -- by whoever does the work; nothing once it is done
);
CREATE INDEX chat_requests_by_age ON chat_requests (at);
CREATE INDEX chat_requests_undone ON chat_requests (claimed_at) WHERE claimed_at IS NOT NULL;

-- The one message that tells a channel of a deployment.
CREATE TABLE chat_announcements (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    platform   TEXT COLLATE "C" NOT NULL,
    workspace  TEXT COLLATE "C" NOT NULL,
    channel    TEXT COLLATE "C" NOT NULL,
    message    TEXT NOT NULL,
    shown      TEXT NOT NULL,
    told       BIGINT NOT NULL,
    next_at    TIMESTAMPTZ,
    failed     INTEGER NOT NULL,
    fault      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (deployment, platform, workspace, channel)
);
CREATE INDEX chat_announcements_due ON chat_announcements (next_at) WHERE next_at IS NOT NULL;

-- +goose Down
DROP TABLE chat_announcements;
DROP TABLE chat_requests;
DROP TABLE chat_accounts;
