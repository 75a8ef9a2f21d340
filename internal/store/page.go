package store

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Bounds of a page: what is given if nothing is asked for, and at most.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func limitOf(page slipway.Page) int {
	if page.Limit <= 0 {
		return defaultLimit
	}
	return min(page.Limit, maxLimit)
}

// encodeCursor names the last row of a page by its sort key. The list's name
// goes with it, so that a cursor of one list is not taken by another.
func encodeCursor(list string, key ...string) string {
	encoded, _ := json.Marshal(append([]string{list}, key...)) // strings always encode
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// decodeCursor returns the key of n parts; nil for an empty cursor.
func decodeCursor(list, cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	var parts []string
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(raw, &parts)
	}
	if err != nil || len(parts) != n+1 || parts[0] != list {
		return nil, badCursor()
	}
	return parts[1:], nil
}

func badCursor() error {
	return slipway.Invalid("The page", []slipway.FieldError{
		{Field: "cursor", Message: "is not one that this list gave out; leave it empty to begin"},
	})
}

func encodeID(list string, id int64) string {
	return encodeCursor(list, strconv.FormatInt(id, 10))
}

// decodeID returns the id in a cursor; 0 for an empty cursor.
func decodeID(list, cursor string) (int64, error) {
	key, err := decodeCursor(list, cursor, 1)
	if err != nil || key == nil {
		return 0, err
	}
	id, err := strconv.ParseInt(key[0], 10, 64)
	if err != nil || id <= 0 {
		return 0, badCursor()
	}
	return id, nil
}

// cut returns the first limit rows of rows, which were asked for one more to
// learn whether there are any, and whether there are.
func cut[T any](rows []T, limit int) ([]T, bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}
