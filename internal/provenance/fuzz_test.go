package provenance_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// FuzzBundle replaces a piece of a good bundle by anything: it is read without a
// panic, and passes only as long as it says what was signed.
func FuzzBundle(f *testing.F) {
	s, payload := newSigstore(f), statement(nil, digest("a"))
	key, public := keyPair(f, "p256")
	bundles := []slipway.Attestation{s.attest(ci(), payload), attestByKey(f, key, payload)}
	v, g := verifier(f, s.root(parts{})), gate()
	g.Keys = []string{public}
	f.Add(true, uint(0), uint(0), []byte(nil))
	f.Add(false, uint(0), uint(0), []byte(" "))
	f.Add(true, uint(100), uint(1), []byte("A"))
	f.Add(false, uint(0), uint(1<<20), []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	f.Fuzz(func(t *testing.T, byCertificate bool, at, cut uint, insert []byte) {
		bundle := bundles[1]
		if byCertificate {
			bundle = bundles[0]
		}
		from := min(at, uint(len(bundle)))
		bundle = slices.Replace(slices.Clone(bundle), int(from), int(min(from+min(cut, 1<<20), uint(len(bundle)))), insert...)
		result, reason := v.Verify(t.Context(), g, release(bundle))
		if reason == "" || len(reason) > 5000 {
			t.Errorf("a reason of %d bytes: %s", len(reason), reason)
		}
		if result != slipway.Pass {
			return
		}
		var b protobundle.Bundle
		if err := protojson.Unmarshal(bundle, &b); err != nil || !bytes.Equal(b.GetDsseEnvelope().GetPayload(), payload) {
			t.Errorf("passed, and says something else than what was signed: %s", bundle)
		}
	})
}

// FuzzStatement has anything signed by the right key: only a statement by a
// trusted builder on this digest passes.
func FuzzStatement(f *testing.F) {
	key, public := keyPair(f, "ed25519")
	v, g := verifier(f, nil), gate()
	g.Identity, g.Issuer, g.Keys = "", "", []string{public}
	f.Add(statement(nil, digest("a")))
	f.Add(statement(func(s, _, _, _ map[string]any) { s["predicate"] = map[string]any{} }, digest("a")))
	f.Add([]byte(`{"_type":null,"subject":[null],"predicate":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		result, reason := v.Verify(t.Context(), g, release(attestByKey(t, key, payload)))
		if reason == "" || len(reason) > 5000 {
			t.Errorf("a reason of %d bytes: %s", len(reason), reason)
		}
		if result != slipway.Pass {
			return
		}
		var said struct {
			Type          string `json:"_type"`
			PredicateType string `json:"predicateType"`
			Predicate     struct {
				RunDetails struct {
					Builder struct{ ID string }
				}
			}
		}
		if err := json.Unmarshal(payload, &said); err != nil || said.PredicateType != slipway.SLSAProvenance ||
			said.Predicate.RunDetails.Builder.ID != identity || !bytes.Contains(payload, []byte(digest("a")[len("sha256:"):])) {
			t.Errorf("passed: %s", payload)
		}
	})
}
