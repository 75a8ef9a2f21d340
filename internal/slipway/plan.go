package slipway

import (
	"encoding/json"
	"strings"
	"time"
)

// Spec is everything that decides what runs: the same spec is the same
// behaviour. Secrets are named by version, never by value.
type Spec struct {
	Version    string            `json:"version"`
	Seq        int64             `json:"seq"` // of the release
	Artifacts  []Artifact        `json:"artifacts"`
	Config     map[string]string `json:"config,omitempty"`
	Deployer   DeployerRef       `json:"deployer"`
	Replicas   int               `json:"replicas"`
	Secrets    map[string]int    `json:"secrets,omitempty"` // key → pinned version; 0: it was not set
	SecretPath string            `json:"secretPath,omitempty"`
	Reversible bool              `json:"reversible"`
	Sites      []SiteSpec        `json:"sites,omitempty"` // in the order of the waves; none: one nameless site
}

// SiteSpec is what differs at one site of several.
type SiteSpec struct {
	Site     string          `json:"site"`
	Config   json.RawMessage `json:"config"` // the deployer config that holds there
	Replicas int             `json:"replicas"`
}

// ID names the spec's content: the version, for people, and a piece of the
// digest, because a version with other settings is another thing to run.
func (s Spec) ID() string {
	digest := strings.TrimPrefix(digestJSON(s), "sha256:")
	return s.Version + "-" + digest[:8]
}

// SiteNames lists where the spec runs, in the order of its waves. A spec
// without waves runs at the one nameless site.
func (s Spec) SiteNames() []string {
	if len(s.Sites) == 0 {
		return []string{""}
	}
	names := make([]string, len(s.Sites))
	for i, site := range s.Sites {
		names[i] = site.Site
	}
	return names
}

// At returns the deployer config and the replicas of a site; false if the spec
// does not run there.
func (s Spec) At(site string) (json.RawMessage, int, bool) {
	if len(s.Sites) == 0 {
		return s.Deployer.Config, s.Replicas, site == ""
	}
	for _, at := range s.Sites {
		if at.Site == site {
			return at.Config, at.Replicas, true
		}
	}
	return nil, 0, false
}

func (s Spec) side(site string) (side, bool) {
	_, replicas, ok := s.At(site)
	return side{id: s.ID(), version: s.Version, replicas: replicas}, ok
}

// Plan is exactly what a deployment is going to do, frozen when it is asked
// for. Its digest is what people approve.
type Plan struct {
	Service          string      `json:"service"`
	Environment      string      `json:"environment"`
	Cause            Cause       `json:"cause"`
	PipelineRevision int         `json:"pipelineRevision"`
	Rotates          []string    `json:"rotates,omitempty"` // keys whose new values it brings
	From             *Spec       `json:"from,omitempty"`    // what is live
	To               Spec        `json:"to"`
	Strategy         Strategy    `json:"strategy"`
	Phases           []Desired   `json:"phases"`
	Gates            []Gate      `json:"gates"`
	Verify           []Check     `json:"verify,omitempty"`
	Rollback         []Hook      `json:"rollback,omitempty"`  // hooks of the way back
	NotBefore        *time.Time  `json:"notBefore,omitempty"` // scheduled
	Part             *Part       `json:"part,omitempty"`      // asked for instead of the stage's own
	Beside           *Partial    `json:"beside,omitempty"`    // a partial release that this plan ends or widens
	Deadline         Duration    `json:"deadline"`
	OnFailure        FailureRule `json:"onFailure"`
	Preview          string      `json:"preview,omitempty"`  // the deployer's own words
	Prepared         []byte      `json:"prepared,omitempty"` // its artefact for Apply
}

// Digest is the SHA-256 of the plan's canonical JSON.
func (p Plan) Digest() string { return digestJSON(p) }

// Intent digests the plan without the deployer's evidence and without the
// number of the pipeline revision: what Slipway would freeze again from the
// same facts. A revision that leaves this stage as it was is no change of it.
func (p Plan) Intent() string {
	p.Preview, p.Prepared, p.PipelineRevision = "", nil, 0
	return p.Digest()
}

// ShortDigest is the part of a plan digest that people compare by eye.
func ShortDigest(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(4, len(digest))]
}
