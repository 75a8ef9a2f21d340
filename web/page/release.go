package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// ReleaseView is one immutable release.
type ReleaseView struct {
	Team      string
	Service   string
	Version   string
	State     component.State // Live = runs somewhere, None = not, Frozen = blocked
	Word      string          // "in production", "not deployed"
	CreatedAt time.Time
	CreatedBy string // "CI, acme/billing-api#1841" or a person
	Notes     string

	Blocked   string // reason; "" = it is not
	BlockedBy string
	BlockedAt time.Time
	CanBlock  bool

	Artifacts  []Artifact
	Commit     component.Commit
	Commits    []component.Commit
	More       int
	CommitHelp string // how to send commits, when none are known
	Config     []Fact
	Provenance []component.Check // signature, SBOM, builder
	Reversible string            // "yes" or "no" with the reason
	Undoable   bool
	Previous   string // version to compare with
	Runs       []component.Station
	Recent     []component.Deployment
	Targets    []component.Option // environments to promote to
	CanPromote bool
	WhyNot     []component.Block
	Error      string
	Reason     string // kept from a refused block
	Key        string
}

// Artifact is one thing that a release ships.
type Artifact struct {
	Name      string
	Kind      string // "image", "chart", "module"
	Reference string
	Digest    string
}

func (v ReleaseView) action(what string) string {
	return "/s/" + v.Service + "/r/" + v.Version + "/" + what
}
