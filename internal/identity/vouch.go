package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Voucher says of a person who they are, to a system that trusts Slipway's keys:
// a JWT that is good for a minute and for that system alone. Its keys are derived
// from the portal's, so all replicas have the same and none is kept anywhere.
type Voucher struct {
	issuer   string
	audience string
	signer   jose.Signer
	public   jose.JSONWebKeySet
	now      slipway.Clock
}

// VouchFor is how long what is said of a person stands; it is used at once.
const VouchFor = time.Minute

// NewVoucher derives its keys from the portal's secret key. The first one signs;
// those from before are published as well, so what they signed is good until then.
func NewVoucher(issuer, audience string, now slipway.Clock, keys ...[]byte) (*Voucher, error) {
	if issuer == "" || audience == "" || len(keys) == 0 {
		return nil, errors.New("identity: vouching needs an issuer, an audience and a key")
	}
	v := &Voucher{issuer: issuer, audience: audience, now: now}
	for i, key := range keys {
		if len(key) < sha256.Size {
			return nil, fmt.Errorf("identity: a key has at least %d bytes, this one %d", sha256.Size, len(key))
		}
		seed, err := hkdf.Key(sha256.New, key, nil, "slipway identity: vouch for people", ed25519.SeedSize)
		if err != nil {
			return nil, err
		}
		private := ed25519.NewKeyFromSeed(seed)
		public := private.Public().(ed25519.PublicKey)
		sum := sha256.Sum256(public)
		id := base64.RawURLEncoding.EncodeToString(sum[:12])
		v.public.Keys = append(v.public.Keys, jose.JSONWebKey{Key: public, KeyID: id, Algorithm: string(jose.EdDSA), Use: "sig"})
		if i > 0 {
			continue
		}
		signing := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: id}}
		if v.signer, err = jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT")); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Vouch says who a person is.
func (v *Voucher) Vouch(p slipway.SecretPerson) (string, error) {
	if p.ID == "" {
		return "", errors.New("identity: nobody to vouch for")
	}
	now := v.now()
	groups := p.Groups
	if groups == nil {
		groups = []string{}
	}
	return jwt.Signed(v.signer).Claims(map[string]any{
		"iss": v.issuer, "aud": v.audience, "sub": p.ID, "name": p.Name, "groups": groups, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(VouchFor).Unix(),
	}).Serialize()
}

// Keys are the public keys as the world may have them: a JSON Web Key Set.
func (v *Voucher) Keys() ([]byte, error) { return json.Marshal(v.public) }
