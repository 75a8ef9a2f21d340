package store

import "strings"

// where gathers the conditions of a list.
type where struct {
	terms []string
	args  []any
}

func (w *where) and(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

// equal adds a condition unless the value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}

// anyOf adds a condition unless there are no values.
func (w *where) anyOf(column string, values []string) {
	if len(values) > 0 {
		w.and(column+" IN ?", values)
	}
}

// contains adds "part of either column, whatever the case" unless part is empty.
func (w *where) contains(part string, columns ...string) {
	if part == "" {
		return
	}
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(part)
	var terms []string
	var args []any
	for _, column := range columns {
		terms = append(terms, "lower("+column+`) LIKE lower(?) ESCAPE '\'`)
		args = append(args, "%"+escaped+"%")
	}
	w.and("("+strings.Join(terms, " OR ")+")", args...)
}

func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}
