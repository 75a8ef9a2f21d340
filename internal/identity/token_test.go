package identity_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

var tokenForm = regexp.MustCompile(`^slp_[0-9A-Za-z]{11}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`)

func TestTokens(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		plain, id, hash := identity.MintToken()
		gotID, gotHash, err := identity.ParseToken(plain)
		if err != nil || gotID != id || gotHash != hash {
			t.Fatalf("%s reads as %s, %s, %v", plain, gotID, gotHash, err)
		}
		if !tokenForm.MatchString(plain) || seen[id] || seen[hash] || strings.Contains(plain, hash) {
			t.Fatalf("token %s, hash %s", plain, hash)
		}
		seen[id], seen[hash] = true, true
	}
}

func TestAMistypedTokenIsNoToken(t *testing.T) {
	t.Parallel()
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_ é"
	rapid.Check(t, func(t *rapid.T) {
		plain, _, _ := identity.MintToken()
		i := rapid.IntRange(0, len(plain)-1).Draw(t, "where")
		letter := rapid.SampledFrom([]rune(letters)).Draw(t, "letter")
		wrong := plain[:i] + string(letter) + plain[i+1:]
		if _, _, err := identity.ParseToken(wrong); wrong != plain && slipway.CodeOf(err) != slipway.CodeUnauthenticated {
			t.Fatalf("%s instead of %s: %v", wrong, plain, err)
		}
	})
}

func TestOtherTextsAreNoTokens(t *testing.T) {
	t.Parallel()
	plain, _, _ := identity.MintToken()
	for _, text := range []string{"", "slp", "slp___", plain + " ", plain + "_", " " + plain, "SLP" + plain[3:], strings.Repeat("_", 5000), plain[:len(plain)-1]} {
		if _, _, err := identity.ParseToken(text); err == nil {
			t.Errorf("%q is a token", text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if _, _, err := identity.ParseToken(rapid.String().Draw(t, "text")); err == nil {
			t.Fatal("that is a token")
		}
	})
}
