-- +goose Up
-- Changes of secrets that wait for approval, and what became of them. The values
-- are not here: they are sealed, and destroyed once it has ended.
CREATE TABLE secret_proposals (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch       BIGINT NOT NULL,
    service     TEXT COLLATE "C" NOT NULL REFERENCES services (name),
    environment TEXT COLLATE "C" NOT NULL REFERENCES environments (name),
    proposal    TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    ended_at    TIMESTAMPTZ
);
CREATE INDEX secret_proposals_open ON secret_proposals (id) WHERE ended_at IS NULL;
CREATE INDEX secret_proposals_by_service ON secret_proposals (service, id);

-- +goose Down
DROP TABLE secret_proposals;
