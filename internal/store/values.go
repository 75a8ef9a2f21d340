package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// stampFormat has one width for every year from 0 to 9999, so that in SQLite,
// where times are text, they compare as they follow one another.
const stampFormat = "2006-01-02T15:04:05.000000Z"

// stamp is a time as both databases keep it: UTC, cut to microseconds.
type stamp struct{ time.Time }

func stampOf(t time.Time) stamp { return stamp{t.UTC().Truncate(time.Microsecond)} }

func stampOrNil(t *time.Time) *stamp {
	if t == nil {
		return nil
	}
	s := stampOf(*t)
	return &s
}

func (s *stamp) orNil() *time.Time {
	if s == nil {
		return nil
	}
	return &s.Time
}

// Value is text for SQLite, which PostgreSQL reads as well.
func (s stamp) Value() (driver.Value, error) {
	return s.UTC().Truncate(time.Microsecond).Format(stampFormat), nil
}

// Scan reads text (SQLite) and times (PostgreSQL).
func (s *stamp) Scan(from any) error {
	switch v := from.(type) {
	case time.Time:
		s.Time = v.UTC()
	case string:
		t, err := time.Parse(stampFormat, v)
		if err != nil {
			return fmt.Errorf("a time in the database is no time: %w", err)
		}
		s.Time = t
	default:
		return fmt.Errorf("a time in the database has the type %T", from)
	}
	return nil
}

// doc is a column of JSON text. What encodes as null is kept as NULL.
type doc[T any] struct {
	V     T
	size  int      // of the text
	known *decoded // nil: is decoded every time
}

func docOf[T any](v T) doc[T] { return doc[T]{V: v} }

// remember has the content looked up before it is decoded.
func (d *doc[T]) remember(known *decoded) { d.known = known }

// Value encodes the content.
func (d doc[T]) Value() (driver.Value, error) {
	encoded, err := json.Marshal(d.V)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", d.V, err)
	}
	if string(encoded) == "null" {
		return nil, nil
	}
	return string(encoded), nil
}

// GormDataType keeps gorm from taking the content for a related table.
func (doc[T]) GormDataType() string { return "text" }

// Scan decodes the content.
func (d *doc[T]) Scan(from any) error {
	var zero T
	d.V = zero
	switch v := from.(type) {
	case nil:
		return nil
	case string:
		d.size = len(v)
		if err := decode(d.known, v, v, &d.V); err != nil {
			return undecodable{err}
		}
		return nil
	case []byte:
		return d.Scan(string(v))
	default:
		return fmt.Errorf("a JSON column has the type %T", from)
	}
}

// clean makes text that both databases can keep. PostgreSQL takes neither the
// NUL character nor broken UTF-8, and one line from a strange workload must
// not stop the deployment that reports it.
func clean(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// cleanArgs cleans the text among the arguments of a statement, in place.
func cleanArgs(args []any) []any {
	for i, arg := range args {
		switch v := arg.(type) {
		case nil, driver.Valuer, []byte, int64, int, bool:
		case string:
			args[i] = clean(v)
		default:
			if r := reflect.ValueOf(arg); r.Kind() == reflect.String {
				args[i] = clean(r.String())
			}
		}
	}
	return args
}
