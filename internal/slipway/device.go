package slipway

import (
	"context"
	"strings"
	"time"
)

// DeviceState is how far the sign-in of a command line has come.
type DeviceState string

// The states. One that was taken is removed: nothing is signed in twice.
const (
	DeviceWaiting  DeviceState = "waiting"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
)

// DeviceLogin is a command line that asks a person at a browser to sign it in.
// It holds neither the secret that the command line comes back with, whose hash
// is the ID, nor a token: that one is made when it is fetched.
type DeviceLogin struct {
	ID        string
	UserCode  string // that the person types, without its hyphen
	Name      string // what the command line says it is
	Address   string // where it asks from
	Scopes    []Permission
	Lifetime  Duration // of the token
	CreatedAt time.Time
	ExpiresAt time.Time
	State     DeviceState
	UserID    string
	PolledAt  *time.Time
}

// DeviceBook keeps sign-ins of command lines for as long as they may take.
type DeviceBook interface {
	Get(ctx context.Context, id string) (DeviceLogin, error)
	ByCode(ctx context.Context, userCode string) (DeviceLogin, error)
	// Waiting counts those that have not expired, all of them and those of an
	// address.
	Waiting(ctx context.Context, address string, now time.Time) (all, of int, err error)
	Add(ctx context.Context, d DeviceLogin) error // forgets what has expired; a code that is taken: CodeConflict
	Put(ctx context.Context, d DeviceLogin) error // the state, who decided and when it was asked for last
	Remove(ctx context.Context, id string) error
}

// DeviceLetters are those of user codes: no vowels, so that no words come about,
// and nothing that looks like something else.
const DeviceLetters = "BCDFGHJKLMNPQRSTVWXZ"

// DeviceCodeLength is how many letters a user code has: 20^8 in ten minutes are
// more than anybody tries.
const DeviceCodeLength = 8

// ReadDeviceCode takes a code as people type it; empty if it is none.
func ReadDeviceCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(typed)))
	if len(code) != DeviceCodeLength || strings.Trim(code, DeviceLetters) != "" {
		return ""
	}
	return code
}

// ShownDeviceCode is a code as people read it.
func ShownDeviceCode(code string) string {
	if len(code) != DeviceCodeLength {
		return code
	}
	return code[:DeviceCodeLength/2] + "-" + code[DeviceCodeLength/2:]
}
