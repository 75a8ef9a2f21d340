package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// keyring holds the keys that keys are sealed under; the first one seals.
type keyring []ringKey

type ringKey struct {
	id   string
	aead cipher.AEAD
}

func newKeyring(keys [][]byte) (keyring, error) {
	var ring keyring
	for _, key := range keys {
		if len(key) != KeySize {
			return nil, fmt.Errorf("a key has %d bytes, this one %d", KeySize, len(key))
		}
		// Both are derived, so that the name of a key says nothing about it and the
		// key itself stays free for other uses.
		sealing, err := hkdf.Key(sha256.New, key, nil, "slipway sealed secrets: sealing", KeySize)
		if err != nil {
			return nil, err
		}
		id, err := hkdf.Key(sha256.New, key, nil, "slipway sealed secrets: name", 8)
		if err != nil {
			return nil, err
		}
		aead, err := newAEAD(sealing)
		if err != nil {
			return nil, err
		}
		ring = append(ring, ringKey{hex.EncodeToString(id), aead})
	}
	if len(ring) == 0 {
		return nil, errors.New("there is no key to seal with")
	}
	return ring, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (r keyring) id() string { return r[0].id }

// bound is the associated data: what is sealed opens only as the path and version
// it was sealed for, and a wrapped key is never taken for a document.
func bound(what string, row slipway.SealedRow) []byte {
	return []byte(what + "\x00" + row.Path + "\x00" + strconv.Itoa(row.Version))
}

func (r keyring) seal(row *slipway.SealedRow, text []byte) error {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	row.Sealed = aead.Seal(nil, nil, text, bound("document", *row))                     //nolint:gosec // the AEAD makes its own nonce, at random
	row.KeyID, row.Wrapped = r[0].id, r[0].aead.Seal(nil, nil, key, bound("key", *row)) //nolint:gosec // the AEAD makes its own nonce, at random
	return nil
}

func (r keyring) unwrap(row slipway.SealedRow) ([]byte, error) {
	for _, k := range r {
		if k.id != row.KeyID {
			continue
		}
		key, err := k.aead.Open(nil, nil, row.Wrapped, bound("key", row))
		if err != nil {
			return nil, fmt.Errorf("sealed: the key of %s version %d was tampered with", row.Path, row.Version)
		}
		return key, nil
	}
	return nil, fmt.Errorf("sealed: %s version %d is sealed under key %s, which is not among those given", row.Path, row.Version, row.KeyID)
}

func (r keyring) open(row slipway.SealedRow) ([]byte, error) {
	key, err := r.unwrap(row)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, row.Sealed, bound("document", row))
	if err != nil {
		return nil, fmt.Errorf("sealed: the values of %s version %d were tampered with", row.Path, row.Version)
	}
	return text, nil
}

func (r keyring) rewrap(row *slipway.SealedRow) error {
	if row.Destroyed {
		row.KeyID = r[0].id
		return nil
	}
	key, err := r.unwrap(*row)
	if err != nil {
		return err
	}
	row.KeyID, row.Wrapped = r[0].id, r[0].aead.Seal(nil, nil, key, bound("key", *row)) //nolint:gosec // the AEAD makes its own nonce, at random
	return nil
}
