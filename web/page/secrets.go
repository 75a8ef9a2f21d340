package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// SecretsView is which keys of a service are set where.
type SecretsView struct {
	Team    string
	Service string
	Columns []SecretColumn
	Rows    []SecretRow
	Changes []SecretChange // that people have to approve first, newest first
	Error   string
	// ErrorNote is the rest of what is said about it.
	ErrorNote string
	Refusal   *SecretRefusal

	// Chosen is the environment whose versions and forms are shown below.
	Chosen   string
	Versions []SecretVersion
	Over     string // the version that the forms are about
	CanWrite bool
	WhyNot   string
	Name     component.Field
	Value    component.Field
	Paste    component.Field
	Preview  *SecretPreview
	Restrict []component.Option // keys that can still be seen

	VersionDiff *SecretVersionDiff

	Revealed *RevealedSecret
	Key      string
}

// SecretRefusal is the secret store's own no to who asked.
type SecretRefusal struct {
	Title   string
	In      []string // environments
	Reasons []string
	Do      string
}

// closed reports that the asker sees none of the environments, and why not.
func (v SecretsView) closed() (why string, closed bool) {
	for _, c := range v.Columns {
		if c.Hidden == "" {
			return "", false
		}
		why = c.Hidden
	}
	return why, len(v.Columns) > 0
}

// SecretColumn is one environment of the table.
type SecretColumn struct {
	Environment string
	Href        string
	Path        string
	Version     string
	By          string
	At          time.Time
	Problem     string // why it tells of earlier
	Hidden      string // why the asker may not see it
	Rotation    *SecretRotation
}

// SecretRotation says that what runs was given other values than there are now.
type SecretRotation struct {
	Keys   string
	Note   string
	Offer  bool // to roll them out
	Run    component.Link
	WhyNot string
}

// SecretRow is one key.
type SecretRow struct {
	Key   string
	Cells []SecretCell
}

// SecretCell is one key in one environment.
type SecretCell struct {
	Environment string
	State       component.State
	Word        string
	Note        string
	CanReveal   bool
	Restricted  bool // nobody can see it
}

// SecretVersion is one version in the chosen environment.
type SecretVersion struct {
	Number  string
	At      time.Time
	Word    string // "there", "deleted", "destroyed"
	How     string
	Keys    string
	Runs    bool
	Restore bool

	ChangesHref string // what it changed
	Delete      bool
	Undelete    bool
	Destroy     bool
}

// SecretVersionDiff is which keys a version changed.
type SecretVersionDiff struct {
	Title string
	Keys  []SecretKeyChange
}

// SecretKeyChange is what was done to one key: "new", "removed", "changed",
// "same", "in both" where values may not be compared, or "restricted".
type SecretKeyChange struct {
	Key, What string
}

// SecretChange is a change that people have to approve first.
type SecretChange struct {
	ID          string
	Environment string
	What        string // "sets STRIPE_KEY"
	Over        string
	AskedBy     string
	AskedAt     time.Time
	State       component.State
	Word        string
	Need        string // "1 of 2 approvals. 1 more from sre."
	Expires     time.Time
	Digest      string
	DigestShort string
	CanApprove  bool
	CanReject   bool
	CanWithdraw bool
	WhyNot      string
}

// SecretPreview is what an import would do.
type SecretPreview struct {
	New, Replace, Keep string
}

// RevealedSecret is a value, for as long as the page stays.
type RevealedSecret struct {
	Key, Environment, Value string
	Seconds                 string
}
