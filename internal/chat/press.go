package chat

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Press is what a button does when it is pressed. It names a deployment with
// exactly one plan, or what would become one. It is no permission: who presses
// is asked for theirs then.
type Press struct {
	Do          Deed   `json:"a"`
	Deployment  int64  `json:"d,omitempty"`
	Plan        string `json:"p,omitempty"` // digest of the plan that the message shows
	Service     string `json:"s,omitempty"`
	Environment string `json:"e,omitempty"`
	Version     string `json:"v,omitempty"`
	Reason      string `json:"r,omitempty"`
	Accept      bool   `json:"i,omitempty"` // that what goes cannot be undone
	Key         string `json:"k,omitempty"` // pressed twice, it is done once
	For         string `json:"u,omitempty"` // the one chat user who may press; empty: anybody
	Answer      string `json:"w,omitempty"` // where the answer goes, if it comes from a dialog
}

// Deed is what is done.
type Deed string

// The deeds.
const (
	DoApprove  Deed = "approve"
	DoReject   Deed = "reject"
	DoPromote  Deed = "promote"
	DoRollback Deed = "rollback"
	DoNothing  Deed = "nothing" // the message goes away
)

// ButtonFor is how long a button in a message may be pressed. Gates wait for
// days at most; whoever comes later opens the page.
const ButtonFor = 7 * 24 * time.Hour

func pressPurpose(p slipway.ChatPlatform) string { return "button of " + string(p) }

// SealPress makes the value of a button in a message of one chat system: what is
// pressed in another is not taken.
func (s *Seal) SealPress(on slipway.ChatPlatform, p Press, until time.Time) (string, error) {
	return s.Seal(pressPurpose(on), p, until)
}

// OpenPress reads the value of a button. With ErrExpired it says what it was.
func (s *Seal) OpenPress(on slipway.ChatPlatform, value string, now time.Time) (p Press, err error) {
	err = s.Open(pressPurpose(on), value, now, &p)
	return p, err
}

// Link is an offer to join a chat account to whoever opens it, signed in.
type Link struct {
	User slipway.ChatUser `json:"u"`
	Name string           `json:"n"` // as the chat system shows it
	Once string           `json:"o"` // names this link
}

// LinkFor is how long a link is good for.
const LinkFor = 15 * time.Minute

const linkPurpose = "link of an account"

// SealLink makes what the address of a link carries.
func (s *Seal) SealLink(l Link, until time.Time) (string, error) {
	return s.Seal(linkPurpose, l, until)
}

// OpenLink reads it.
func (s *Seal) OpenLink(sealed string, now time.Time) (l Link, err error) {
	err = s.Open(linkPurpose, sealed, now, &l)
	return l, err
}

// Mark is a proof that ends never and says nothing but that we made it: the
// address that a chat system reports to carries one.
func (s *Seal) Mark(purpose string) string { return s.marks(purpose)[0] }

// Marked reports whether a mark is ours, of this key or one before.
func (s *Seal) Marked(purpose, mark string) bool {
	ours := false
	for _, m := range s.marks(purpose) {
		ours = equal(m, mark) || ours
	}
	return ours
}
