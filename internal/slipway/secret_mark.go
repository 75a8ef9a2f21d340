package slipway

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// SecretMark says that a key is restricted, or has been: its value may be set,
// brought back and delivered, and nobody may see it. Without a mark a key is open.
type SecretMark struct {
	Service     string
	Environment string
	Key         string
	// Restricted closes every version, those before the mark included: the value
	// of today is in them, too.
	Restricted bool
	// OpenFrom is the first version that is open once the mark is lifted: the one
	// that was written with that. Those before it stay closed for good.
	OpenFrom int
	// Pending is the newest version that somebody set out to write while the key
	// was restricted. Until it is known whose that version is, nothing is lifted.
	Pending int
	By      string
	ByName  string
	At      time.Time
}

// Closed reports whether nobody may see the key in a version; 0 is the newest.
func (m SecretMark) Closed(version int) bool {
	return m.Restricted || version > 0 && version < m.OpenFrom
}

// Lifted opens the key from a version on, which was written to lift the mark. It
// does not while another may be on its way to write a value that nobody is to see.
func (m SecretMark) Lifted(version int) (SecretMark, bool) {
	if m.Pending > version {
		return m, false
	}
	m.Restricted, m.OpenFrom = false, max(version, m.OpenFrom)
	return m, true
}

// SecretMarks are those of a service in an environment.
type SecretMarks []SecretMark

// Of is the mark of a key; the zero mark is open.
func (s SecretMarks) Of(key string) SecretMark {
	if at := slices.IndexFunc(s, func(m SecretMark) bool { return m.Key == key }); at >= 0 {
		return s[at]
	}
	return SecretMark{Key: key}
}

// Closed lists the keys that nobody may see in a version, sorted.
func (s SecretMarks) Closed(version int) []string {
	var keys []string
	for _, m := range s {
		if m.Closed(version) {
			keys = append(keys, m.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// SecretMarkBook keeps marks. None is ever taken away: of a key that was
// restricted once, old versions stay closed.
type SecretMarkBook interface {
	Of(ctx context.Context, service, environment string) (SecretMarks, error) // by key
	Put(ctx context.Context, m SecretMark) error
}

// SecretRestricted says why a value is not shown.
func SecretRestricted(key, place string, version int, now bool) *Error {
	e := &Error{Code: CodeDenied, Message: key + " of " + place + " is restricted: it can be set, brought back and delivered, and nobody can see it.",
		Affected: "No value was shown, and the audit says that you asked.",
		Do:       "Where it is needed, deliver it by a deployment. Who may reveal there can lift the restriction, together with a new value and for no older one."}
	if !now {
		e.Message = key + " of " + place + " was restricted when it got the value of version " + strconv.Itoa(version) + ": nobody can see that one."
		e.Do = "Look at the newest version, or set a new value."
	}
	return e
}
