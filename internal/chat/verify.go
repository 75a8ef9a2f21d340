package chat

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Window is how old a request may be, and how far ahead of our clock.
const Window = 5 * time.Minute

// The ways in which a request is not taken.
var (
	ErrUnsigned = errors.New("the request is not signed by the chat system")
	ErrLate     = errors.New("the request is too old, or from the future")
)

// VerifySlack checks the signature of a request over its whole body, and its
// age, before anybody reads what is in it. The signature is checked first: an
// age that nobody signed says nothing.
func VerifySlack(secret slipway.Secret, timestamp, signature string, body []byte, now time.Time) error {
	if secret.Reveal() == "" {
		return ErrUnsigned // an empty key would be known to everybody
	}
	hexed, ours := strings.CutPrefix(signature, "v0=")
	given, err := hex.DecodeString(hexed)
	if err != nil || !ours {
		return ErrUnsigned
	}
	if !hmac.Equal(given, signSlack(secret, timestamp, body)) {
		return ErrUnsigned
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrUnsigned
	}
	return within(time.Unix(seconds, 0), now)
}

func signSlack(secret slipway.Secret, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	h.Write([]byte("v0:" + timestamp + ":"))
	h.Write(body)
	return h.Sum(nil)
}

// SignSlack signs as Slack does: for stand-ins, in tests.
func SignSlack(secret slipway.Secret, at time.Time, body []byte) (timestamp, signature string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	return timestamp, "v0=" + hex.EncodeToString(signSlack(secret, timestamp, body))
}

func within(at, now time.Time) error {
	if age := now.Sub(at); age > Window || age < -Window {
		return ErrLate
	}
	return nil
}

// VerifyMattermost checks the token that a slash command comes with. Every
// command has one of its own, so there may be several.
func VerifyMattermost(tokens []slipway.Secret, authorization string) error {
	given, ours := strings.CutPrefix(authorization, "Token ")
	known := 0
	for _, token := range tokens {
		if token.Reveal() != "" {
			known |= subtle.ConstantTimeCompare([]byte(given), []byte(token.Reveal()))
		}
	}
	if !ours || given == "" || known != 1 {
		return ErrUnsigned
	}
	return nil
}

// MattermostTime reads when a trigger id was given out, and checks its age. The
// id is "client:user:milliseconds:signature" in base64. It is Mattermost's own
// word only within a request that is proven otherwise.
func MattermostTime(trigger string, now time.Time) error {
	decoded, err := base64.StdEncoding.DecodeString(trigger)
	if err != nil {
		return ErrLate
	}
	parts := strings.SplitN(string(decoded), ":", 4)
	if len(parts) != 4 {
		return ErrLate
	}
	ms, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return ErrLate
	}
	return within(time.UnixMilli(ms), now)
}

// Digest names a request by what it says: the same, sent again, has the same.
func Digest(door string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(door))
	h.Write([]byte{0})
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
