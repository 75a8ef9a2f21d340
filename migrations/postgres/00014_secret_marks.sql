-- +goose Up
-- Keys whose value nobody may see, and from which version on those may be seen
-- that were restricted before. Values are not here.
CREATE TABLE secret_marks (
    service     TEXT COLLATE "C" NOT NULL REFERENCES services (name),
    environment TEXT COLLATE "C" NOT NULL REFERENCES environments (name),
    key         TEXT COLLATE "C" NOT NULL,
    restricted  BOOLEAN NOT NULL,
    open_from   BIGINT NOT NULL,
    pending     BIGINT NOT NULL,
    made_by     TEXT NOT NULL,
    by_name     TEXT NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (service, environment, key)
);

-- +goose Down
DROP TABLE secret_marks;
