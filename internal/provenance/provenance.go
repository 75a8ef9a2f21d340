// Package provenance verifies where the artifacts of a release come from: that
// for each of them a trusted signer states, in SLSA provenance, that a trusted
// builder made it from what the service registered. It asks nothing of the
// network; whom it trusts comes from the configuration and from the gate.
package provenance

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Verifier answers provenance gates. It keeps no state between questions and
// may be asked by several at once.
type Verifier struct {
	authorities []authority
}

// New reads the trusted root: which authorities issue certificates of signers,
// and which logs and clocks bear witness. It is JSON in the form of sigstore's
// trusted_root.json; several may follow one another, and each is trusted for its
// own certificates only. Without one (nil), signatures by certificate cannot be
// judged, those by the gate's own keys can.
func New(trustedRoot []byte) (*Verifier, error) {
	if trustedRoot == nil {
		return &Verifier{}, nil
	}
	authorities, err := parseRoots(trustedRoot)
	if err != nil {
		return nil, err
	}
	return &Verifier{authorities: authorities}, nil
}

// Verify compares the attestations of a release with what a gate registers. The
// answer is Unknown only if something is missing here: there is no trusted root
// to judge a certificate by, or ctx ended first. Whatever is wrong with the
// release, or missing from it, is Fail.
func (v *Verifier) Verify(ctx context.Context, gate slipway.ProvenanceGate, release slipway.Release) (slipway.Result, string) {
	if faults := gate.Check(); len(faults) > 0 {
		return slipway.Fail, fmt.Sprintf("The gate registers what could never be met: provenance%s %s.", faults[0].Field, faults[0].Message)
	}
	artifacts := release.Content.Artifacts
	if len(artifacts) == 0 {
		return slipway.Fail, "The release has no artifacts, so nothing says what would run."
	}
	w, err := newWork(v, gate, release)
	if err != nil {
		return slipway.Fail, "The gate's keys cannot be used: " + err.Error() + "."
	}
	result, reasons := slipway.Pass, []string(nil)
	signers := map[string]bool{}
	for _, a := range artifacts {
		if ctx.Err() != nil {
			return slipway.Unknown, "Verifying the signatures took too long and was ended; it will be tried again."
		}
		best := w.judge(a)
		if best.result == slipway.Pass {
			signers[best.signer] = true
			continue
		}
		if best.result == slipway.Fail && result != slipway.Fail {
			result, reasons = slipway.Fail, nil // what is missing here does not matter any more
		} else if result == slipway.Pass {
			result = best.result
		}
		if best.result == result {
			reasons = append(reasons, named(a)+": "+best.reason)
		}
	}
	if result == slipway.Pass {
		return slipway.Pass, fmt.Sprintf("Provenance of %s is signed by %s, and says what the service registered.",
			count(len(artifacts), "artifact"), strings.Join(sorted(signers), " and "))
	}
	return result, limited(reasons, "artifact")
}

// finding is what one attestation is worth to one artifact. The farther an
// attestation came, the better its reason says what to change.
type finding struct {
	result slipway.Result
	signer string // if it passed
	reason string
	far    int
}

// How far an attestation came before it was refused.
const (
	farNowhere = iota
	farSigned
	farIdentified
)

// work is one question: a gate, a release, and its attestations, of which each
// is verified at most once however many artifacts it speaks of.
type work struct {
	verifier    *Verifier
	expect      slipway.ProvenanceGate
	keys        []keyVerifier
	attestation []slipway.Attestation
	claims      []slipway.Statement
	verified    []*verified // by attestation; nil until asked for
}

func newWork(v *Verifier, gate slipway.ProvenanceGate, release slipway.Release) (*work, error) {
	keys, err := keyVerifiers(gate.Keys)
	if err != nil {
		return nil, err
	}
	return &work{
		verifier: v, expect: expanded(gate, release.Version), keys: keys,
		attestation: release.Content.Attestations, claims: release.Content.Statements(),
		verified: make([]*verified, len(release.Content.Attestations)),
	}, nil
}

// judge looks for an attestation that vouches for an artifact. What does not
// even claim to is passed over unverified, so others cost nothing and do no
// harm.
func (w *work) judge(a slipway.Artifact) finding {
	var best finding
	tried := 0
	for i, claim := range w.claims {
		if !speaksOf(claim, a) {
			continue
		}
		f := w.weigh(i, a)
		if f.result == slipway.Pass {
			return f
		}
		if tried == 0 || best.result == slipway.Fail && (f.result == slipway.Unknown || f.far > best.far) {
			best = f // what cannot be judged might be good
		}
		tried++
	}
	if tried == 0 {
		return finding{result: slipway.Fail, reason: w.nothing()}
	}
	if tried > 1 {
		best.reason += fmt.Sprintf(" %s on it came no further.", count(tried-1, "other statement"))
	}
	return best
}

func (w *work) weigh(i int, a slipway.Artifact) finding {
	if w.verified[i] == nil {
		v := w.verifier.open(w.attestation[i], w.claims[i], w.expect, w.keys)
		w.verified[i] = &v
	}
	v := w.verified[i]
	if v.refused.reason != "" {
		return v.refused
	}
	faults := mismatches(v.statement, w.expect, a)
	if len(faults) > 0 {
		return finding{result: slipway.Fail, far: farIdentified, reason: limited(faults, "difference")}
	}
	return finding{result: slipway.Pass, signer: v.signer}
}

// nothing says why no attestation speaks of an artifact.
func (w *work) nothing() string {
	others := map[string]bool{}
	unread := map[string]bool{}
	elsewhere := 0
	for _, c := range w.claims {
		switch {
		case c.Problem != "":
			unread[c.Problem] = true
		case c.PredicateType == slipway.SLSAProvenance:
			elsewhere++
		default:
			others[shown(c.PredicateType)] = true
		}
	}
	var found []string
	if elsewhere > 0 {
		found = append(found, count(elsewhere, "statement")+" on how other digests were built")
	}
	if len(others) > 0 {
		found = append(found, "statements of other types, which are no provenance ("+firstOf(sorted(others), 3)+")")
	}
	if len(unread) > 0 {
		found = append(found, "attestations that cannot be read ("+firstOf(sorted(unread), 3)+")")
	}
	if len(found) == 0 {
		return "expected a signed statement on how it was built, found no attestation at all. Create the release with --attestation."
	}
	return "expected a signed statement on how it was built, found none. The release has " + strings.Join(found, " and ") + "."
}

func speaksOf(claim slipway.Statement, a slipway.Artifact) bool {
	if claim.PredicateType != slipway.SLSAProvenance {
		return false
	}
	for _, subject := range claim.Subjects {
		if subject == a.Digest {
			return true
		}
	}
	return false
}
