package provenance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/testing/data"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestAnAttestationFromTheWorld verifies what a public project's CI signed in
// 2023 with the public sigstore: its certificate's log, its signature's log, and
// a certificate that has long expired but was valid when it signed. What it
// speaks of has no SHA-256 digest, so it could be no release of ours.
func TestAnAttestationFromTheWorld(t *testing.T) {
	t.Parallel()
	b := data.Bundle(t, "sigstore.js@2.0.0-provenance.sigstore.json")
	raw, err := b.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := data.TrustedRoot(t, "public-good.json").MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	claim, err := slipway.ReadStatement(raw)
	if err != nil || claim.PredicateType != slipway.SLSAProvenance || claim.Builder != "https://github.com/actions/runner/github-hosted" ||
		claim.Source != "git+https://github.com/sigstore/sigstore-js@refs/heads/main" || len(claim.Subjects) != 0 {
		t.Fatalf("%+v %v", claim, err)
	}
	gate := slipway.ProvenanceGate{Issuer: "https://token.actions.githubusercontent.com",
		Identity: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"}
	open := func(root []byte, g slipway.ProvenanceGate) verified {
		v, err := New(root)
		if err != nil {
			t.Fatal(err)
		}
		return v.open(raw, claim, g, nil)
	}
	if got := open(trusted, gate); got.signer != gate.Identity || got.statement.GetPredicateType() != slipway.SLSAProvenance {
		t.Errorf("refused: %+v", got.refused)
	}
	other := gate
	other.Identity += "s"
	if got := open(trusted, other); got.statement != nil || !strings.Contains(got.refused.reason, "expected the signer "+other.Identity) {
		t.Errorf("%+v", got)
	}
	// With another key in the place of the certificate log's, nobody says that
	// the certificate was issued in public.
	var parsed map[string]any
	if err := json.Unmarshal(trusted, &parsed); err != nil {
		t.Fatal(err)
	}
	for _, log := range parsed["ctlogs"].([]any) {
		log.(map[string]any)["publicKey"] = parsed["tlogs"].([]any)[0].(map[string]any)["publicKey"]
	}
	changed, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if got := open(changed, gate); got.statement != nil || !strings.Contains(got.refused.reason, "expected a certificate that is in a certificate log") {
		t.Errorf("%+v", got)
	}
}
