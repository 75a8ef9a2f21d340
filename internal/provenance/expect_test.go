package provenance

import (
	"strings"
	"testing"

	in_toto "github.com/in-toto/attestation/go/v1"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestTheVerifiedStatementDecides: an attestation is opened because of what it
// claims, and passes by what was verified, should the two ever be read
// differently.
func TestTheVerifiedStatementDecides(t *testing.T) {
	t.Parallel()
	a := slipway.Artifact{Digest: "sha256:" + strings.Repeat("a", 64)}
	other := []*in_toto.ResourceDescriptor{{Digest: map[string]string{"sha256": strings.Repeat("b", 64), "sha512": strings.Repeat("a", 64)}}, nil}
	for says, s := range map[string]*in_toto.Statement{
		"found one on other digests":                        {Type: statementV1, PredicateType: slipway.SLSAProvenance, Subject: other},
		"expected a statement on " + slipway.SLSAProvenance: {Type: statementV1, PredicateType: "https://spdx.dev/Document"},
		"expected a statement of the type " + statementV1:   nil,
	} {
		if got := strings.Join(mismatches(s, slipway.ProvenanceGate{}, a), " "); !strings.Contains(got, says) {
			t.Errorf("%q does not say %q", got, says)
		}
	}
}
