package slipway

import (
	"context"
	"time"
)

// ChatPlatform is a chat system.
type ChatPlatform string

// The chat systems.
const (
	Slack      ChatPlatform = "slack"
	Mattermost ChatPlatform = "mattermost"
)

// Title is how its makers write it.
func (p ChatPlatform) Title() string {
	switch p {
	case Slack:
		return "Slack"
	case Mattermost:
		return "Mattermost"
	default:
		return string(p)
	}
}

// Channel is the door that requests of the chat system come through.
func (p ChatPlatform) Channel() Channel {
	if p == Mattermost {
		return ViaMattermost
	}
	return ViaSlack
}

// ChatUser is somebody as a chat system knows them. Nothing less than all three
// names a person: ids repeat between workspaces, and names change hands.
type ChatUser struct {
	Platform  ChatPlatform `json:"platform"`
	Workspace string       `json:"workspace"`
	ID        string       `json:"id"`
}

// ChatAccount says which person a chat user is. It was linked by that person,
// signed in at the portal.
type ChatAccount struct {
	ChatUser
	UserID   string    `json:"userId"` // of ours
	Name     string    `json:"name"`   // as the chat system had it then: for people to recognise, never to decide by
	LinkedAt time.Time `json:"linkedAt"`
}

// ChatAccounts keeps which chat user is which person.
type ChatAccounts interface {
	Get(ctx context.Context, u ChatUser) (ChatAccount, error)
	Of(ctx context.Context, userID string) ([]ChatAccount, error) // oldest first
	Add(ctx context.Context, a ChatAccount) error                 // linked already: CodeConflict
	Remove(ctx context.Context, u ChatUser) error
}

// ChatRequest is a signed request of a chat system that was taken in, and is
// answered after it was acknowledged.
type ChatRequest struct {
	Digest string // of what was signed: the same request has the same, whenever it comes
	Kind   string // which door it came through, for whoever does the work
	Body   []byte // nothing once it is done
	At     time.Time
	Aside  bool // whoever takes it has no time for it
}

// ChatRequests remembers what chat systems have asked, so that a request that
// comes again is not done again, whichever replica it comes to, and one whose
// replica died is done by another.
type ChatRequests interface {
	// Take keeps the requests that never came before, and says of each whether it
	// is new. The caller does the work of those, but of what it lays aside.
	Take(ctx context.Context, requests []ChatRequest, now time.Time) (fresh []bool, err error)
	// Claim gives out, to one caller only, what was laid aside, and then what was
	// taken or claimed before a time and is not done.
	Claim(ctx context.Context, before, now time.Time, limit int) ([]ChatRequest, error)
	// Finish says that the requests are done; what they held is forgotten.
	Finish(ctx context.Context, digests []string) error
	// Forget drops requests that came before a time, and says how many it were. A
	// request that old has to be refused for its age.
	Forget(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Place is where in a chat system something is said.
type Place struct {
	Platform  ChatPlatform `json:"platform"`
	Workspace string       `json:"workspace"`
	Channel   string       `json:"channel"`
}

// Announcement is the one message that tells a channel of a deployment, from
// when it was asked for to its end. Whoever keeps it up to date claims it by
// saving it with a later NextAt before it speaks to the chat system.
type Announcement struct {
	ID         int64
	Epoch      int64
	Deployment int64
	Place      Place
	Message    string     // its id in the chat system; empty: it was never posted
	Shown      string     // digest of what the message shows
	Told       int64      // newest event of the deployment that its thread tells of
	NextAt     *time.Time // when to look at it again; nil: it has said its last
	Failed     int        // attempts in a row
	Fault      string     // of the last one, for people
	CreatedAt  time.Time
}

// Announcements keeps them.
type Announcements interface {
	// Add keeps an announcement. The same deployment in the same place again
	// changes nothing, and added is false.
	Add(ctx context.Context, a Announcement) (added bool, err error)
	Of(ctx context.Context, deployment int64) ([]Announcement, error) // oldest first
	// Due lists those to be looked at, longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]Announcement, error)
	// Save writes over the epoch that was read, else CodeConflict, and returns the
	// announcement with its new epoch.
	Save(ctx context.Context, a Announcement) (Announcement, error)
}
