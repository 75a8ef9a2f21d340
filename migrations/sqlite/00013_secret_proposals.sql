-- +goose Up
-- Changes of secrets that wait for approval, and what became of them. The values
-- are not here: they are sealed, and destroyed once it has ended.
CREATE TABLE secret_proposals (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch       INTEGER NOT NULL,
    service     TEXT NOT NULL REFERENCES services (name),
    environment TEXT NOT NULL REFERENCES environments (name),
    proposal    TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    ended_at    TEXT
);
CREATE INDEX secret_proposals_open ON secret_proposals (id) WHERE ended_at IS NULL;
CREATE INDEX secret_proposals_by_service ON secret_proposals (service, id);

-- +goose Down
DROP TABLE secret_proposals;
