package chat_test

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func at() time.Time { return time.Unix(1_531_420_618, 0) }

// TestSlacksOwnExample is the example of Slack's documentation, to the letter.
func TestSlacksOwnExample(t *testing.T) {
	t.Parallel()
	secret := slipway.NewSecret("8f742231b10e8888abcd99yyyzzz85a5")
	body := []byte("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c")
	const signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	if err := chat.VerifySlack(secret, "1531420618", signature, body, at()); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"another body": func() error { return chat.VerifySlack(secret, "1531420618", signature, append(body, '&'), at()) },
		"another time": func() error { return chat.VerifySlack(secret, "1531420619", signature, body, at()) },
		"no signature": func() error { return chat.VerifySlack(secret, "1531420618", "", body, at()) },
		"no version": func() error {
			return chat.VerifySlack(secret, "1531420618", strings.TrimPrefix(signature, "v0="), body, at())
		},
		"an empty secret":  func() error { return signedWith("", body) },
		"another secret":   func() error { return signedWith("other", body) },
		"half a signature": func() error { return chat.VerifySlack(secret, "1531420618", signature[:20], body, at()) },
		"no hex":           func() error { return chat.VerifySlack(secret, "1531420618", "v0=zz", body, at()) },
	} {
		if err := try(); !errors.Is(err, chat.ErrUnsigned) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, late := range []time.Duration{chat.Window + time.Second, -chat.Window - time.Second, 10 * time.Minute} {
		if err := chat.VerifySlack(secret, "1531420618", signature, body, at().Add(late)); !errors.Is(err, chat.ErrLate) {
			t.Errorf("%s late: %v", late, err)
		}
	}
}

// signedWith checks a request that is signed with a secret, against one that is
// empty or another.
func signedWith(secret string, body []byte) error {
	signed := slipway.NewSecret(secret)
	timestamp, signature := chat.SignSlack(signed, at(), body)
	if secret == "" {
		return chat.VerifySlack(signed, timestamp, signature, body, at())
	}
	return chat.VerifySlack(slipway.NewSecret("mine"), timestamp, signature, body, at())
}

func TestMattermostTokens(t *testing.T) {
	t.Parallel()
	tokens := []slipway.Secret{slipway.NewSecret("one"), slipway.NewSecret(""), slipway.NewSecret("two")}
	for header, fine := range map[string]bool{"Token one": true, "Token two": true, "Token ": false, "Token three": false, "one": false, "": false, "Bearer one": false, "Token one ": false} {
		if err := chat.VerifyMattermost(tokens, header); (err == nil) != fine {
			t.Errorf("%q: %v", header, err)
		}
	}
	trigger := func(at time.Time) string {
		return base64.StdEncoding.EncodeToString([]byte("client:user:" + strconv.FormatInt(at.UnixMilli(), 10) + ":c2ln"))
	}
	if err := chat.MattermostTime(trigger(at()), at().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	for what, id := range map[string]string{"old": trigger(at().Add(-10 * time.Minute)), "of the future": trigger(at().Add(10 * time.Minute)), "none": "", "no base64": "%%%", "too short": base64.StdEncoding.EncodeToString([]byte("a:b"))} {
		if err := chat.MattermostTime(id, at()); !errors.Is(err, chat.ErrLate) {
			t.Errorf("a trigger id that is %s: %v", what, err)
		}
	}
}

func key(b byte) []byte { return []byte(strings.Repeat(string(b), 32)) }

type sealedThing struct {
	Deployment int64
	Plan       string
}

func newSeal(t *testing.T, keys ...[]byte) *chat.Seal {
	t.Helper()
	s, err := chat.NewSeal(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSealed(t *testing.T) {
	t.Parallel()
	old, rotated, other := newSeal(t, key('a')), newSeal(t, key('b'), key('a')), newSeal(t, key('c'))
	want := sealedThing{42, "sha256:abc"}
	sealed, err := old.Seal("button", want, at().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var got sealedThing
	for _, s := range []*chat.Seal{old, rotated} {
		if err := s.Open("button", sealed, at(), &got); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if err := other.Open("button", sealed, at(), &got); !errors.Is(err, chat.ErrForged) {
		t.Errorf("another portal's: %v", err)
	}
	if err := old.Open("link", sealed, at(), &got); !errors.Is(err, chat.ErrForged) {
		t.Errorf("for another purpose: %v", err)
	}
	got = sealedThing{}
	if err := old.Open("button", sealed, at().Add(time.Hour), &got); !errors.Is(err, chat.ErrExpired) || got != want {
		t.Errorf("at its end: %v, %+v", err, got)
	}
	if _, err := chat.NewSeal(); err == nil {
		t.Error("without a key it seals")
	}
	if _, err := chat.NewSeal([]byte("short")); err == nil {
		t.Error("it seals with a short key")
	}
}

// TestNoChangeIsOverlooked changes a byte anywhere: it is never taken.
func TestNoChangeIsOverlooked(t *testing.T) {
	t.Parallel()
	s := newSeal(t, key('a'))
	rapid.Check(t, func(t *rapid.T) {
		sealed, err := s.Seal("button", sealedThing{rapid.Int64().Draw(t, "id"), rapid.String().Draw(t, "plan")}, at().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		changed := []byte(sealed)
		i := rapid.IntRange(0, len(changed)-1).Draw(t, "where")
		changed[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "how"))
		var got sealedThing
		if err := s.Open("button", string(changed), at(), &got); !errors.Is(err, chat.ErrForged) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	})
}
