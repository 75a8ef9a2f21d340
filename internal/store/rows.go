package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// Reading goes past gorm: it builds a statement for every query and takes as
// long over small rows as the database does, and a page has a dozen queries.

// many reads rows. NULL leaves a field as it is only where the field is a
// pointer or decodes itself.
func many[R any](ctx context.Context, t *tx, what, query string, args ...any) ([]R, error) {
	query, args = t.placed(query, args)
	found, err := t.reads.QueryContext(ctx, query, cleanArgs(args)...)
	if err != nil {
		return nil, fault(what, err)
	}
	defer func() { _ = found.Close() }()
	rows, err := scanAll[R](found, t.s)
	return rows, fault(what, err)
}

func scanAll[R any](found *sql.Rows, s *Store) ([]R, error) {
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	fields, err := s.layouts.fields(reflect.TypeFor[R](), columns)
	if err != nil {
		return nil, err
	}
	var rows []R
	into := make([]any, len(columns))
	for found.Next() {
		var zero R
		rows = append(rows, zero)
		row := reflect.ValueOf(&rows[len(rows)-1]).Elem()
		for i, field := range fields {
			into[i] = row.FieldByIndex(field).Addr().Interface()
			if column, ok := into[i].(interface{ remember(*decoded) }); ok {
				column.remember(&s.decoded)
			}
		}
		if err := found.Scan(into...); err != nil && !spoiled(row.Addr().Interface(), err) {
			return nil, err
		}
	}
	return rows, found.Err()
}

// layouts remember which field of a row takes which column.
type layouts struct{ known sync.Map } // layout → [][]int

type layout struct {
	row     reflect.Type
	columns string
}

// fields names columns as gorm does, which writes the same rows. Those of a row
// that is part of another are among the others.
func (l *layouts) fields(row reflect.Type, columns []string) ([][]int, error) {
	key := layout{row, strings.Join(columns, ",")}
	if known, ok := l.known.Load(key); ok {
		return known.([][]int), nil
	}
	byName := map[string][]int{}
	for _, field := range reflect.VisibleFields(row) {
		if field.IsExported() && !field.Anonymous {
			byName[schema.NamingStrategy{}.ColumnName("", field.Name)] = field.Index
		}
	}
	fields := make([][]int, len(columns))
	for i, column := range columns {
		field, ok := byName[column]
		if !ok {
			return nil, fmt.Errorf("%s has no field for the column %s", row, column)
		}
		fields[i] = field
	}
	l.known.Store(key, fields)
	return fields, nil
}

// placed gives each ? its value: a list becomes (?, ?), and PostgreSQL's are
// numbered. None of our queries has a ? within a text.
func (t *tx) placed(query string, args []any) (string, []any) {
	var b strings.Builder
	b.Grow(len(query) + 8*len(args))
	out := make([]any, 0, len(args))
	place := func(arg any) {
		out = append(out, arg)
		if !t.s.postgres {
			b.WriteByte('?')
			return
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(len(out)))
	}
	for _, arg := range args {
		before, after, _ := strings.Cut(query, "?")
		b.WriteString(before)
		query = after
		list := reflect.ValueOf(arg)
		if _, own := arg.(driver.Valuer); own || list.Kind() != reflect.Slice || list.Type().Elem().Kind() == reflect.Uint8 {
			place(arg)
			continue
		}
		b.WriteByte('(')
		for i := range list.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			place(list.Index(i).Interface())
		}
		b.WriteByte(')')
	}
	b.WriteString(query)
	return b.String(), out
}
