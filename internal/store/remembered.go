package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// standing is how the database stands, as a transaction that reads sees it.
type standing struct {
	Changes int64 // of the catalog, as triggers count them
	News    int64 // id of the newest event
}

// standing is read once in a transaction, all of it at once.
func (t *tx) standing(ctx context.Context) (standing, error) {
	if t.stands != nil {
		return *t.stands, nil
	}
	rows, err := many[standing](ctx, t, "read how things stand",
		`SELECT n AS changes, (SELECT coalesce(max(id), 0) FROM events) AS news FROM catalog_changes`)
	if err == nil && len(rows) == 0 {
		err = fault("read how things stand", sql.ErrNoRows)
	}
	if err != nil {
		return standing{}, err
	}
	t.stands = &rows[0]
	return rows[0], nil
}

// remembered is lists for what seldom changes and nearly every page asks for: who
// may do what, the environments, what is frozen. It is only read if anything in
// those tables has changed since, whoever changed it, and so is never older than
// the transaction: the count of changes is part of what it sees. A transaction that
// writes reads for itself.
//
// All tables that the query names have to be counted, see the migration.
func remembered[R, D any](ctx context.Context, t *tx, convert func(R) D, what, query string, args ...any) ([]D, error) {
	if t.write || t.raw == nil {
		return lists(ctx, t, convert, what, query, args...)
	}
	stands, err := t.standing(ctx)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(append([]any{stands.Changes, query}, args...))
	if err != nil {
		return nil, fault(what, err)
	}
	if known, ok := find[[]D](&t.s.decoded, string(name)); ok {
		return copyOf(&t.s.decoded, *known), nil
	}
	list, err := lists(ctx, t, convert, what, query, args...)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(list) // for its length, which is about that of what is kept
	if err != nil {
		return nil, fault(what, err)
	}
	keep(&t.s.decoded, string(name), list, len(name)+len(text))
	return list, nil
}

// rememberedOne is remembered for what there is one of, or none.
func rememberedOne[R, D any](ctx context.Context, t *tx, convert func(R) D, kind, name, query string, args ...any) (D, error) {
	list, err := remembered(ctx, t, convert, "read "+kind, query, args...)
	if err == nil && len(list) == 0 {
		err = slipway.NotFound(kind, name)
	}
	if err != nil {
		var none D
		return none, err
	}
	return list[0], nil
}

// asIs is the row for rows that nobody else has another form of.
func asIs[R any](row R) R { return row }
