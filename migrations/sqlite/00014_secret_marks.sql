-- +goose Up
-- Keys whose value nobody may see, and from which version on those may be seen
-- that were restricted before. Values are not here.
CREATE TABLE secret_marks (
    service     TEXT NOT NULL REFERENCES services (name),
    environment TEXT NOT NULL REFERENCES environments (name),
    key         TEXT NOT NULL,
    restricted  BOOLEAN NOT NULL,
    open_from   INTEGER NOT NULL,
    pending     INTEGER NOT NULL,
    made_by     TEXT NOT NULL,
    by_name     TEXT NOT NULL,
    at          TEXT NOT NULL,
    PRIMARY KEY (service, environment, key)
);

-- +goose Down
DROP TABLE secret_marks;
