-- +goose Up
-- Counts the changes of what seldom changes and every page asks for, so that who
-- remembers it can tell whether it still holds. Triggers count, so that nobody can
-- forget to: not the release before this one, and not who changes a row by hand.
CREATE TABLE catalog_changes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    n  INTEGER NOT NULL
);
INSERT INTO catalog_changes (id, n) VALUES (1, 0);

-- +goose StatementBegin
CREATE TRIGGER teams_added AFTER INSERT ON teams
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER teams_changed AFTER UPDATE ON teams
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER teams_removed AFTER DELETE ON teams
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER environments_added AFTER INSERT ON environments
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER environments_changed AFTER UPDATE ON environments
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER environments_removed AFTER DELETE ON environments
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_added AFTER INSERT ON services
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_changed AFTER UPDATE ON services
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_removed AFTER DELETE ON services
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pipelines_added AFTER INSERT ON pipelines
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pipelines_changed AFTER UPDATE ON pipelines
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER pipelines_removed AFTER DELETE ON pipelines
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freezes_added AFTER INSERT ON freezes
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freezes_changed AFTER UPDATE ON freezes
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freezes_removed AFTER DELETE ON freezes
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freeze_calendars_added AFTER INSERT ON freeze_calendars
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freeze_calendars_changed AFTER UPDATE ON freeze_calendars
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER freeze_calendars_removed AFTER DELETE ON freeze_calendars
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER bindings_added AFTER INSERT ON bindings
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER bindings_changed AFTER UPDATE ON bindings
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER bindings_removed AFTER DELETE ON bindings
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stop_the_line_added AFTER INSERT ON stop_the_line
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stop_the_line_changed AFTER UPDATE ON stop_the_line
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stop_the_line_removed AFTER DELETE ON stop_the_line
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secret_proposals_added AFTER INSERT ON secret_proposals
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secret_proposals_changed AFTER UPDATE ON secret_proposals
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secret_proposals_removed AFTER DELETE ON secret_proposals
BEGIN
    UPDATE catalog_changes SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER secret_proposals_removed;
DROP TRIGGER secret_proposals_changed;
DROP TRIGGER secret_proposals_added;
DROP TRIGGER stop_the_line_removed;
DROP TRIGGER stop_the_line_changed;
DROP TRIGGER stop_the_line_added;
DROP TRIGGER bindings_removed;
DROP TRIGGER bindings_changed;
DROP TRIGGER bindings_added;
DROP TRIGGER freeze_calendars_removed;
DROP TRIGGER freeze_calendars_changed;
DROP TRIGGER freeze_calendars_added;
DROP TRIGGER freezes_removed;
DROP TRIGGER freezes_changed;
DROP TRIGGER freezes_added;
DROP TRIGGER pipelines_removed;
DROP TRIGGER pipelines_changed;
DROP TRIGGER pipelines_added;
DROP TRIGGER services_removed;
DROP TRIGGER services_changed;
DROP TRIGGER services_added;
DROP TRIGGER environments_removed;
DROP TRIGGER environments_changed;
DROP TRIGGER environments_added;
DROP TRIGGER teams_removed;
DROP TRIGGER teams_changed;
DROP TRIGGER teams_added;
DROP TABLE catalog_changes;
