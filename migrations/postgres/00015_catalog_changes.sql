-- +goose Up
-- Counts the changes of what seldom changes and every page asks for, so that who
-- remembers it can tell whether it still holds. Triggers count, so that nobody can
-- forget to: not the release before this one, and not who changes a row by hand.
CREATE TABLE catalog_changes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    n  BIGINT NOT NULL
);
INSERT INTO catalog_changes (id, n) VALUES (1, 0);

-- The row stays locked until the commit: a count that others saw before what it
-- counts would have them remember what was there before.
-- +goose StatementBegin
CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_changes SET n = n + 1;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER teams_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON teams
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER environments_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON environments
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER services_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON services
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER pipelines_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pipelines
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER freezes_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON freezes
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER freeze_calendars_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON freeze_calendars
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER bindings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bindings
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER stop_the_line_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON stop_the_line
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();
CREATE TRIGGER secret_proposals_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON secret_proposals
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();

-- +goose Down
DROP TRIGGER secret_proposals_changed ON secret_proposals;
DROP TRIGGER stop_the_line_changed ON stop_the_line;
DROP TRIGGER bindings_changed ON bindings;
DROP TRIGGER freeze_calendars_changed ON freeze_calendars;
DROP TRIGGER freezes_changed ON freezes;
DROP TRIGGER pipelines_changed ON pipelines;
DROP TRIGGER services_changed ON services;
DROP TRIGGER environments_changed ON environments;
DROP TRIGGER teams_changed ON teams;
DROP FUNCTION catalog_changed();
DROP TABLE catalog_changes;
