package identity

import (
	"crypto/rand"
	"math/big"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// MintDevice makes what a command line signs in by: a secret that it keeps, the
// ID under which it is remembered, and a code that a person types.
func MintDevice() (secret, id, userCode string) {
	secret = base62(random(secretBytes), secretLength)
	letters := make([]byte, slipway.DeviceCodeLength)
	most := big.NewInt(int64(len(slipway.DeviceLetters)))
	for i := range letters {
		n, _ := rand.Int(rand.Reader, most) // never fails: it stops the program instead
		letters[i] = slipway.DeviceLetters[n.Int64()]
	}
	return secret, DeviceID(secret), string(letters)
}

// DeviceID is the ID that belongs to a secret.
func DeviceID(secret string) string { return hashOf(secret) }

// CleanName takes from a text what has no place in a name.
func CleanName(text string) string { return clean(text) }
