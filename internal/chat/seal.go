package chat

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Seal makes and checks what goes out into a chat and comes back: the values of
// buttons and the links that join accounts. What is sealed can be read by
// everybody and changed by nobody, is for one purpose, and ends.
type Seal struct{ keys [][]byte }

// The ways in which something sealed is not taken.
var (
	ErrForged  = errors.New("it was not made by this Slipway, or it was changed")
	ErrExpired = errors.New("it has expired")
)

// sealBytes is how much a key to derive from has at least.
const sealBytes = 32

// NewSeal derives its key from the portal's secret key; the first one seals, the
// others, of before, are good for checking.
func NewSeal(keys ...[]byte) (*Seal, error) {
	s := &Seal{}
	for _, key := range keys {
		if len(key) < sealBytes {
			return nil, fmt.Errorf("chat: a key has at least %d bytes, this one %d", sealBytes, len(key))
		}
		derived, err := hkdf.Key(sha256.New, key, nil, "slipway chat: seal", sha256.Size)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, derived)
	}
	if len(s.keys) == 0 {
		return nil, errors.New("chat: there is no key to seal with")
	}
	return s, nil
}

type envelope struct {
	Ends int64           `json:"e"`
	What json.RawMessage `json:"w"`
}

// Seal encodes a value for a purpose, until a time. The result is safe within
// addresses.
func (s *Seal) Seal(purpose string, what any, until time.Time) (string, error) {
	encoded, err := json.Marshal(what)
	if err != nil {
		return "", fmt.Errorf("chat: seal %T: %w", what, err)
	}
	body, err := json.Marshal(envelope{Ends: until.Unix(), What: encoded})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(mac(s.keys[0], purpose, body)), nil
}

// Open decodes what was sealed for the purpose into a pointer. The error is
// ErrForged or ErrExpired; of what is expired the content is decoded all the
// same, for an answer that says what it was.
func (s *Seal) Open(purpose, sealed string, now time.Time, into any) error {
	left, right, _ := strings.Cut(sealed, ".")
	body, err := base64.RawURLEncoding.Strict().DecodeString(left)
	if err != nil {
		return ErrForged
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(right)
	if err != nil {
		return ErrForged
	}
	genuine := false
	for _, key := range s.keys {
		genuine = hmac.Equal(given, mac(key, purpose, body)) || genuine
	}
	if !genuine {
		return ErrForged
	}
	var e envelope
	if json.Unmarshal(body, &e) != nil || json.Unmarshal(e.What, into) != nil {
		return ErrForged // of a version that sealed something else
	}
	if now.Unix() >= e.Ends {
		return ErrExpired
	}
	return nil
}

func mac(key []byte, purpose string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}

// marks are the marks for a purpose, under every key.
func (s *Seal) marks(purpose string) []string {
	var out []string
	for _, key := range s.keys {
		out = append(out, base64.RawURLEncoding.EncodeToString(mac(key, "mark of "+purpose, nil)))
	}
	return out
}

func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
