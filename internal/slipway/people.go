package slipway

import "time"

// ActorKind says what is acting.
type ActorKind string

// The kinds of actor. System is Slipway itself: timers, automation, recovery.
const (
	ActorUser           ActorKind = "user"
	ActorServiceAccount ActorKind = "serviceaccount"
	ActorSystem         ActorKind = "system"
)

// Channel is the door a request came through.
type Channel string

// The channels.
const (
	ViaBrowser    Channel = "browser"
	ViaREST       Channel = "rest"
	ViaSlack      Channel = "slack"
	ViaMattermost Channel = "mattermost"
	ViaEngine     Channel = "engine"
)

// Actor is who does something, made by a surface from a session, a token or a
// signature and never from what the request says of itself.
type Actor struct {
	Kind      ActorKind
	ID        string
	Name      string
	Groups    []string
	TokenID   string       // set when a token was used
	Scopes    []Permission // of that token; they only ever narrow
	Via       Channel
	RequestID string
	Address   string // network address of the caller
}

// System is Slipway acting by itself.
func System(reason string) Actor {
	return Actor{Kind: ActorSystem, ID: "slipway", Name: "Slipway", Via: ViaEngine, RequestID: reason}
}

// InGroup reports whether the actor belongs to one of the groups.
func (a Actor) InGroup(groups []string) bool {
	for _, have := range a.Groups {
		for _, want := range groups {
			if have == want {
				return true
			}
		}
	}
	return false
}

// User is a person, known by issuer and subject; the rest is what the provider
// said at the last sign-in.
type User struct {
	ID       string    `json:"id"`
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Groups   []string  `json:"groups"`
	Theme    string    `json:"-"` // "light", "dark" or empty for the system's
	Zone     string    `json:"-"` // that times are read in, "Europe/Stockholm"; empty for UTC
	Disabled bool      `json:"disabled"`
	LastSeen time.Time `json:"lastSeen"`
	// SignedOutAt ends every session that began before it: sign-out everywhere,
	// and sign-out by the provider.
	SignedOutAt *time.Time `json:"-"`
}

// ServiceAccount is a machine that acts in its own name, through tokens.
type ServiceAccount struct {
	ID          string    `json:"id"`
	Description string    `json:"description"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Token is an API token. Only the hash of its secret is kept.
type Token struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	OwnerKind  ActorKind    `json:"ownerKind"`
	OwnerID    string       `json:"ownerId"`
	SecretHash string       `json:"-"`      // hex SHA-256 of the secret part
	Scopes     []Permission `json:"scopes"` // empty: all that the owner may
	CreatedAt  time.Time    `json:"createdAt"`
	ExpiresAt  time.Time    `json:"expiresAt"`
	LastUsedAt *time.Time   `json:"lastUsedAt,omitempty"`
	RevokedAt  *time.Time   `json:"revokedAt,omitempty"`
}

// Usable says whether the token opens anything at now.
func (t Token) Usable(now time.Time) bool {
	return t.RevokedAt == nil && now.Before(t.ExpiresAt)
}
