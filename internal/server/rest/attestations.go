package rest

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Attestation is what a signed statement that came with a release says of
// itself.
type Attestation struct {
	PredicateType string   `json:"predicateType,omitempty" example:"https://slsa.dev/provenance/v1"`
	Builder       string   `json:"builder,omitempty"`
	Source        string   `json:"source,omitempty"`
	Subjects      []string `json:"subjects" doc:"Digests that it speaks of."`
	Problem       string   `json:"problem,omitempty" doc:"Why it cannot be read."`
}

func attestation(s slipway.Statement) Attestation {
	return Attestation{PredicateType: s.PredicateType, Builder: s.Builder, Source: s.Source, Subjects: each(s.Subjects, itself), Problem: s.Problem}
}

func itself(text string) string { return text }

// Verified is what a provenance gate found when it verified a release.
type Verified struct {
	Environment string    `json:"environment"`
	Deployment  int64     `json:"deployment"`
	Result      string    `json:"result" enum:"pass,fail,unknown"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// verified takes the newest deployment of each environment whose provenance
// gates were asked. The deployments come newest first.
func verified(deployments []slipway.Deployment) []Verified {
	out, seen := []Verified{}, map[string]bool{}
	for _, d := range deployments {
		found := d.Verified()
		if seen[d.Environment] || len(found) == 0 {
			continue
		}
		seen[d.Environment] = true
		for _, p := range found {
			out = append(out, Verified{Environment: d.Environment, Deployment: d.ID, Result: string(p.Result), Reason: p.Reason, At: at(p.At)})
		}
	}
	return out
}
