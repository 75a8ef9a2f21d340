package sealed

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Box seals single short texts under the same keys: what signs a webhook, say.
// It is safe for concurrent use.
type Box struct{ ring keyring }

var _ slipway.Sealer = (*Box)(nil)

// NewBox makes a box. The first key seals; the others only open.
func NewBox(keys ...[]byte) (*Box, error) {
	ring, err := newKeyring(keys)
	return &Box{ring}, err
}

// Fresh reports whether a text is sealed under the key that seals today.
func (b *Box) Fresh(sealed slipway.SealedText) bool { return sealed.KeyID == b.ring.id() }

// placed is the associated data: no text opens where another was sealed for, nor
// for a document of the store.
func placed(place string) []byte { return []byte("text\x00" + place) }

// Seal implements slipway.Sealer.
func (b *Box) Seal(place string, text slipway.Secret) (slipway.SealedText, error) {
	k := b.ring[0]
	return slipway.SealedText{KeyID: k.id, Data: k.aead.Seal(nil, nil, []byte(text.Reveal()), placed(place))}, nil //nolint:gosec // the AEAD makes its own nonce, at random
}

// Open implements slipway.Sealer.
func (b *Box) Open(place string, sealed slipway.SealedText) (slipway.Secret, error) {
	for _, k := range b.ring {
		if k.id != sealed.KeyID {
			continue
		}
		text, err := k.aead.Open(nil, nil, sealed.Data, placed(place))
		if err != nil {
			return slipway.Secret{}, fmt.Errorf("sealed: the secret of the %s was tampered with", place)
		}
		return slipway.NewSecret(string(text)), nil
	}
	return slipway.Secret{}, fmt.Errorf("sealed: the secret of the %s is sealed under key %s, which is not among those given", place, sealed.KeyID)
}
