package slipway

import (
	"context"
	"time"
)

// SealedRow is one version of a document of the built-in store as the database
// keeps it: the values are sealed under a key of their own, and that key under
// the one named by KeyID.
type SealedRow struct {
	Path      string
	Version   int
	Keys      []string // names only
	KeyID     string
	Wrapped   []byte // the key, sealed
	Sealed    []byte // the values, sealed under it
	At        time.Time
	DeletedAt *time.Time
	Destroyed bool // Wrapped and Sealed are gone
}

// SealedRows keeps what the built-in store has sealed.
type SealedRows interface {
	// Versions lists a path's versions, newest first, without what is sealed.
	Versions(ctx context.Context, path string) ([]SealedRow, error)
	Get(ctx context.Context, path string, version int) (SealedRow, error)
	Add(ctx context.Context, r SealedRow) error // version taken: CodeConflict
	// Mark saves DeletedAt and Destroyed, and drops what is sealed if destroyed.
	Mark(ctx context.Context, r SealedRow) error
	// NotUnder lists rows wrapped under other keys than this one.
	NotUnder(ctx context.Context, keyID string, limit int) ([]SealedRow, error)
	Rewrap(ctx context.Context, r SealedRow) error // saves KeyID and Wrapped
}
