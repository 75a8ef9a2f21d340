-- +goose Up
-- The line is stopped while there is a row.
CREATE TABLE stop_the_line (
    id         BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    owner      TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    reason     TEXT NOT NULL,
    since      TIMESTAMPTZ NOT NULL
);

CREATE TABLE bypasses (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment  BIGINT NOT NULL REFERENCES deployments (id),
    plan_digest TEXT NOT NULL,
    gate        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    by_name     TEXT NOT NULL,
    via         TEXT NOT NULL,
    at          TIMESTAMPTZ NOT NULL
);
CREATE INDEX bypasses_by_deployment ON bypasses (deployment, id);

-- +goose StatementBegin
CREATE FUNCTION bypasses_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a bypass is never changed or removed';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER bypasses_no_change BEFORE UPDATE OR DELETE ON bypasses
    FOR EACH ROW EXECUTE FUNCTION bypasses_refuse();
CREATE TRIGGER bypasses_no_truncate BEFORE TRUNCATE ON bypasses
    FOR EACH STATEMENT EXECUTE FUNCTION bypasses_refuse();

-- Without an environment a calendar is for all.
CREATE TABLE freeze_calendars (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment TEXT COLLATE "C" REFERENCES environments (name),
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    rule        TEXT NOT NULL,
    duration    TEXT NOT NULL,
    zone        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE freeze_calendars;
DROP TABLE bypasses;
DROP FUNCTION bypasses_refuse();
DROP TABLE stop_the_line;
