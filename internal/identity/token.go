package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// An API token is slp_<id>_<secret>_<checksum>. The prefix lets scanners find
// it where it should not be, the ID finds its row, and the checksum tells a
// mistyped token from a wrong one without asking the database.
const (
	tokenPrefix  = "slp"
	idBytes      = 8
	idLength     = 11 // of 8 bytes in base 62
	secretBytes  = 32
	secretLength = 43
	sumLength    = 6
)

// MintToken makes a new token. plain is shown once and never kept; hash, of its
// secret part, is what is kept.
func MintToken() (plain, id, hash string) {
	id = base62(random(idBytes), idLength)
	secret := base62(random(secretBytes), secretLength)
	body := tokenPrefix + "_" + id + "_" + secret
	return body + "_" + checksum(body), id, hashOf(secret)
}

// ParseToken takes a token apart. It says only that the text is well formed:
// Matches says whether it is the token with that ID.
func ParseToken(plain string) (id, hash string, err error) {
	parts := strings.Split(plain, "_")
	if len(parts) != 4 || parts[0] != tokenPrefix ||
		!isBase62(parts[1], idLength) || !isBase62(parts[2], secretLength) ||
		checksum(strings.Join(parts[:3], "_")) != parts[3] {
		return "", "", &slipway.Error{
			Code: slipway.CodeUnauthenticated, Message: "That is no Slipway API token.",
			Affected: "Nothing was changed.", Do: "Check that it was copied whole; it begins with slp_.",
		}
	}
	return parts[1], hashOf(parts[2]), nil
}

// hashOf needs no salt and no stretching: the secret is random and long.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it stops the program instead
	return b
}

func base62(b []byte, length int) string {
	digits := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", length-len(digits)) + digits
}

func isBase62(s string, length int) bool {
	return len(s) == length && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	return base62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, sumLength)
}
