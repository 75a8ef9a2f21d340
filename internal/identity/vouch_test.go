package identity_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// What is said of a person is checked by the published keys alone, is for one
// system and for a minute, and outlives a new key as long as the old one is known.
func TestVouching(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	first, next := bytes.Repeat([]byte("a"), 32), bytes.Repeat([]byte("b"), 32)
	voucher := func(keys ...[]byte) (*identity.Voucher, jose.JSONWebKeySet) {
		t.Helper()
		v, err := identity.NewVoucher("https://slipway.example.com", "vault", clock, keys...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := v.Keys()
		var set jose.JSONWebKeySet
		if err != nil || json.Unmarshal(text, &set) != nil {
			t.Fatal(err, string(text))
		}
		if strings.Contains(string(text), `"d"`) {
			t.Fatal("a private key is published")
		}
		return v, set
	}
	one, old := voucher(first)
	said, err := one.Vouch(slipway.SecretPerson{ID: "u-1", Name: "Ana", Groups: []string{"sre"}})
	if err != nil {
		t.Fatal(err)
	}
	check := func(set jose.JSONWebKeySet) (claims map[string]any, known bool) {
		t.Helper()
		token, err := jwt.ParseSigned(said, []jose.SignatureAlgorithm{jose.EdDSA})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Key(token.Headers[0].KeyID) {
			known = token.Claims(key, &claims) == nil
		}
		return claims, known
	}
	claims, known := check(old)
	if !known || claims["iss"] != "https://slipway.example.com" || claims["aud"] != "vault" || claims["sub"] != "u-1" || claims["name"] != "Ana" ||
		claims["exp"].(float64) != float64(now.Add(time.Minute).Unix()) || len(claims["jti"].(string)) < 20 {
		t.Errorf("said %v", claims)
	}
	if _, both := voucher(next, first); len(both.Keys) != 2 {
		t.Errorf("%d keys", len(both.Keys))
	} else if _, known := check(both); !known {
		t.Error("what the key of before has signed is not known any more")
	}
	if _, alone := voucher(next); len(alone.Keys) != 1 {
		t.Errorf("%d keys", len(alone.Keys))
	} else if _, known := check(alone); known {
		t.Error("it is known by a key that did not sign it")
	}
	if _, again := voucher(first); again.Keys[0].KeyID != old.Keys[0].KeyID {
		t.Error("another replica has another key")
	}
	if _, err := one.Vouch(slipway.SecretPerson{}); err == nil {
		t.Error("it vouches for nobody")
	}
	if _, err := identity.NewVoucher("https://slipway.example.com", "vault", clock, []byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}
