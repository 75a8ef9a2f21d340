// Package sealed is the built-in secret store: documents sealed with AES-256-GCM
// in Slipway's own database. Each version has a key of its own, which is sealed
// under the key that the configuration gives (envelope encryption), so rotating
// that key re-seals small keys and no values.
package sealed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Store implements slipway.SecretStore.
type Store struct {
	rows  slipway.Store
	ring  keyring
	clock slipway.Clock
}

var _ slipway.SecretStore = (*Store)(nil)

// KeySize is the length of a key in bytes.
const KeySize = 32

// New makes a store. The first key seals; the others, which came before it, only
// open.
func New(rows slipway.Store, clock slipway.Clock, keys ...[]byte) (*Store, error) {
	ring, err := newKeyring(keys)
	if err != nil {
		return nil, err
	}
	return &Store{rows: rows, ring: ring, clock: clock}, nil
}

const name = "The built-in secret store"

// Health implements slipway.SecretStore.
func (s *Store) Health(ctx context.Context) error {
	return s.rows.Read(ctx, func(tx slipway.Tx) error {
		_, err := tx.Sealed().NotUnder(ctx, s.ring.id(), 1)
		return err
	})
}

// History implements slipway.SecretReader.
func (s *Store) History(ctx context.Context, path string) (h slipway.SecretHistory, err error) {
	err = s.rows.Read(ctx, func(tx slipway.Tx) error {
		rows, err := tx.Sealed().Versions(ctx, path)
		h = slipway.SecretHistory{}
		for _, r := range rows {
			h.Current = max(h.Current, r.Version)
			h.Versions = append(h.Versions, slipway.SecretVersion{Version: r.Version, At: r.At, DeletedAt: r.DeletedAt, Destroyed: r.Destroyed})
		}
		return err
	})
	return h, err
}

// Keys implements slipway.SecretReader. Names are kept in clear, so it opens nothing.
func (s *Store) Keys(ctx context.Context, path string, version int) ([]string, error) {
	row, err := s.row(ctx, path, version)
	return row.Keys, err
}

// Read implements slipway.SecretReader.
func (s *Store) Read(ctx context.Context, path string, version int) (slipway.SecretDocument, error) {
	row, err := s.row(ctx, path, version)
	if err != nil {
		return slipway.SecretDocument{}, err
	}
	values, err := s.open(row)
	return slipway.SecretDocument{Version: row.Version, Values: values}, err
}

// row loads a version that can be read.
func (s *Store) row(ctx context.Context, path string, version int) (row slipway.SealedRow, err error) {
	err = s.rows.Read(ctx, func(tx slipway.Tx) (err error) {
		row, err = readable(ctx, tx, path, version)
		return err
	})
	return row, err
}

func readable(ctx context.Context, tx slipway.Tx, path string, version int) (slipway.SealedRow, error) {
	at := version
	if version == 0 {
		rows, err := tx.Sealed().Versions(ctx, path)
		if err != nil {
			return slipway.SealedRow{}, err
		}
		if len(rows) == 0 {
			return slipway.SealedRow{}, slipway.SecretVersionGone(slipway.SecretNone, path, 0)
		}
		at = rows[0].Version
	}
	row, err := tx.Sealed().Get(ctx, path, at)
	switch {
	case slipway.IsNotFound(err):
		return row, slipway.SecretVersionGone(slipway.SecretNone, path, version)
	case err != nil:
		return row, err
	case row.Destroyed:
		return row, slipway.SecretVersionGone(slipway.SecretDestroyed, path, version)
	case row.DeletedAt != nil:
		return row, slipway.SecretVersionGone(slipway.SecretDeleted, path, version)
	}
	return row, nil
}

// Patch implements slipway.SecretWriter.
func (s *Store) Patch(ctx context.Context, path string, changes map[string]*slipway.Secret, over int) (int, error) {
	return s.write(ctx, path, over, func(tx slipway.Tx) (map[string]slipway.Secret, error) {
		values := map[string]slipway.Secret{}
		row, err := readable(ctx, tx, path, over)
		switch {
		case over == 0 || slipway.SecretFaultOf(err) != "": // nothing to keep
		case err != nil:
			return nil, err
		default:
			if values, err = s.open(row); err != nil {
				return nil, err
			}
		}
		for key, value := range changes {
			if delete(values, key); value != nil {
				values[key] = *value
			}
		}
		return values, nil
	})
}

// Put implements slipway.SecretWriter.
func (s *Store) Put(ctx context.Context, path string, values map[string]slipway.Secret, over int) (int, error) {
	return s.write(ctx, path, over, func(slipway.Tx) (map[string]slipway.Secret, error) { return values, nil })
}

// write adds a version in one transaction; two that write over the same version
// meet at the primary key.
func (s *Store) write(ctx context.Context, path string, over int, of func(slipway.Tx) (map[string]slipway.Secret, error)) (version int, err error) {
	err = s.rows.Write(ctx, func(tx slipway.Tx) error {
		rows, err := tx.Sealed().Versions(ctx, path)
		if err != nil {
			return err
		}
		newest := 0
		if len(rows) > 0 {
			newest = rows[0].Version
		}
		if newest != over {
			return slipway.SecretsMoved(path, over)
		}
		values, err := of(tx)
		if err != nil {
			return err
		}
		row := slipway.SealedRow{Path: path, Version: newest + 1, Keys: slices.Sorted(maps.Keys(values)), At: s.clock().UTC().Truncate(time.Microsecond)}
		if err := s.seal(&row, values); err != nil {
			return err
		}
		version = row.Version
		if err := tx.Sealed().Add(ctx, row); slipway.CodeOf(err) == slipway.CodeConflict {
			return slipway.SecretsMoved(path, over)
		} else if err != nil {
			return err
		}
		return nil
	})
	return version, err
}

func (s *Store) seal(row *slipway.SealedRow, values map[string]slipway.Secret) error {
	plain := make(map[string]string, len(values))
	for key, value := range values {
		plain[key] = value.Reveal()
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return errors.New("sealed: the values cannot be encoded") // its own error might quote one
	}
	return s.ring.seal(row, text)
}

func (s *Store) open(row slipway.SealedRow) (map[string]slipway.Secret, error) {
	text, err := s.ring.open(row)
	if err != nil {
		return nil, slipway.SecretStoreDown(slipway.SecretDenied, name, time.Time{}, err)
	}
	var plain map[string]string
	if json.Unmarshal(text, &plain) != nil {
		return nil, fmt.Errorf("sealed: what was sealed at %s version %d is not a document", row.Path, row.Version)
	}
	values := make(map[string]slipway.Secret, len(plain))
	for key, value := range plain {
		values[key] = slipway.NewSecret(value)
	}
	return values, nil
}

// Delete implements slipway.SecretRemover.
func (s *Store) Delete(ctx context.Context, path string, versions []int) error {
	now := s.clock().UTC().Truncate(time.Microsecond)
	return s.mark(ctx, path, versions, func(r *slipway.SealedRow) { r.DeletedAt = cmp.Or(r.DeletedAt, &now) })
}

// Undelete implements slipway.SecretRemover.
func (s *Store) Undelete(ctx context.Context, path string, versions []int) error {
	return s.mark(ctx, path, versions, func(r *slipway.SealedRow) { r.DeletedAt = nil })
}

// Destroy implements slipway.SecretRemover.
func (s *Store) Destroy(ctx context.Context, path string, versions []int) error {
	return s.mark(ctx, path, versions, func(r *slipway.SealedRow) { r.Destroyed = true })
}

func (s *Store) mark(ctx context.Context, path string, versions []int, how func(*slipway.SealedRow)) error {
	return s.rows.Write(ctx, func(tx slipway.Tx) error {
		rows, err := tx.Sealed().Versions(ctx, path)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !slices.Contains(versions, row.Version) {
				continue
			}
			how(&row)
			if err := tx.Sealed().Mark(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rewrap seals under the first key whatever is sealed under one of the others,
// and says how many versions that were. Those keys may be forgotten after it.
func (s *Store) Rewrap(ctx context.Context) (n int, err error) {
	for {
		var rows []slipway.SealedRow
		err := s.rows.Write(ctx, func(tx slipway.Tx) (err error) {
			if rows, err = tx.Sealed().NotUnder(ctx, s.ring.id(), rewrapTogether); err != nil {
				return err
			}
			for _, row := range rows {
				if err := s.ring.rewrap(&row); err != nil {
					return slipway.SecretStoreDown(slipway.SecretDenied, name, time.Time{}, err)
				}
				if err := tx.Sealed().Rewrap(ctx, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(rows) == 0 {
			return n, err
		}
		n += len(rows)
	}
}

const rewrapTogether = 100
