package slipway

import (
	"context"
	"slices"
	"time"
)

// SecretView is what was last seen of the secrets of a service in an
// environment: names and versions, never values. Plans and gates are made from
// it, because within a transaction no store can be asked.
type SecretView struct {
	Path     string          `json:"path"`
	Version  int             `json:"version"` // the newest that can be read; 0: none
	Keys     []string        `json:"keys"`    // of that version
	Versions []SecretVersion `json:"versions"`
	Turn     *SecretTurn     `json:"turn,omitempty"` // what is new for what is live
	At       time.Time       `json:"at"`             // of the last look that succeeded

	Fault   SecretFault `json:"fault,omitempty"` // of the last look, if it failed
	Problem string      `json:"problem,omitempty"`
	Since   *time.Time  `json:"since,omitempty"` // when looks began to fail
	Refusal *Refusal    `json:"-"`               // the store refused just who asked; it is not kept
}

// Refusal is the store's own no to one person, in words.
type Refusal struct{ Message, Do string }

// pins are the needed keys with the version that has them; 0: it is not set.
func (v SecretView) pins(needed []string) map[string]int {
	pins := make(map[string]int, len(needed))
	for _, key := range needed {
		if pins[key] = 0; slices.Contains(v.Keys, key) {
			pins[key] = v.Version
		}
	}
	return pins
}

// knows reports whether the view is of just this version. A store that was made
// anew counts from one again, at another time.
func (v SecretView) knows(path string, is SecretVersion) bool {
	was, ok := SecretHistory{Versions: v.Versions}.Find(is.Version)
	return ok && v.Path == path && v.Version == is.Version && was.At.Equal(is.At)
}

// SecretChange is one change that was made through Slipway.
type SecretChange struct {
	Service     string
	Environment string
	Path        string
	Version     int
	Action      string // set, imported, restored, deleted, undeleted, destroyed
	Keys        []string
	By          string // user or service account
	ByName      string
	At          time.Time
}

// SeenSecrets is a view with whose it is.
type SeenSecrets struct {
	Team        string
	Service     string
	Environment string
	View        SecretView
}

// SecretBook keeps what is known about secrets, and no secret.
type SecretBook interface {
	View(ctx context.Context, service, environment string) (SecretView, error) // zero if nobody has looked yet
	// Views lists all that was seen, by service and rank of the environment.
	Views(ctx context.Context) ([]SeenSecrets, error)
	PutView(ctx context.Context, service, environment string, v SecretView) error
	AddChange(ctx context.Context, c SecretChange) error
	// Changes lists those of a path, newest first.
	Changes(ctx context.Context, path string, limit int) ([]SecretChange, error)
}

// Err is why the view tells what was, not what is; nil if it is fresh.
func (v SecretView) Err() error {
	if v.Fault == "" {
		return nil
	}
	return &Error{Code: CodeUnavailable, Message: v.Problem, Err: &secretFaultError{fault: v.Fault}}
}
