-- +goose Up
-- The audit by the first word of the action, newest first: whoever asks for all
-- that was done to secrets, say, must not wait for everything else to be read.
CREATE INDEX audit_by_area ON audit (substr(action, 1, strpos(action, '.')), id DESC);

-- +goose Down
DROP INDEX audit_by_area;
