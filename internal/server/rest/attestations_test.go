package rest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/server/rest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// attested is the form of a bundle; what it is worth is not for this surface.
func attested(payload string) json.RawMessage {
	bundle, err := json.Marshal(map[string]any{"dsseEnvelope": map[string]any{
		"payload": []byte(payload), "payloadType": "application/vnd.in-toto+json", "signatures": []any{map[string]any{"sig": "AA==", "keyid": "<&>"}}}})
	if err != nil {
		panic(err)
	}
	return bundle
}

// TestAttestationsAreKeptAndSummarised: they are large, so answers say what is
// in them and never carry them.
func TestAttestationsAreKeptAndSummarised(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	digest := "sha256:" + strings.Repeat("c", 64)
	first := attested(`{"predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"` + digest[7:] + `"}}],
		"predicate":{"buildDefinition":{"resolvedDependencies":[{"uri":"git+https://git.example.com/shop"}]},"runDetails":{"builder":{"id":"https://ci.example.com"}}}}`)
	create := func(attestations ...json.RawMessage) call {
		return call{method: "POST", path: services + "/shop/releases", role: "developer", body: map[string]any{"version": "9.0.0",
			"artifacts": []any{map[string]any{"name": "image", "reference": "r", "digest": digest}}, "attestations": attestations}}
	}
	r.want(http.StatusCreated, create(first, json.RawMessage(`{ "other": "thing" }`)))
	r.want(http.StatusOK, create(first, json.RawMessage(`{"other":"thing"}`))) // spaces between do not count
	r.want(http.StatusConflict, create(first))
	r.want(http.StatusConflict, create())
	if a := r.want(http.StatusUnprocessableEntity, create(json.RawMessage(`[1]`))); !strings.Contains(a.body, "attestations[0]") {
		t.Error(a.body)
	}

	var got rest.ReleaseDetail
	show := call{method: "GET", path: services + "/shop/releases/9.0.0", role: "viewer"}
	answer := r.want(http.StatusOK, show)
	answer.decode(t, &got)
	want := []rest.Attestation{
		{PredicateType: slipway.SLSAProvenance, Builder: "https://ci.example.com", Source: "git+https://git.example.com/shop", Subjects: []string{digest}},
		{Subjects: []string{}, Problem: "it holds no signed statement (dsseEnvelope)"},
	}
	if diff := cmp.Diff(want, got.Attestations); diff != "" || len(got.Verified) != 0 {
		t.Error(diff, got.Verified)
	}
	list := r.want(http.StatusOK, call{method: "GET", path: services + "/shop/releases", role: "viewer"})
	if strings.Contains(answer.body+list.body, "dsseEnvelope\"") || strings.Contains(list.body, "attestations") {
		t.Errorf("the attestations themselves are answered:\n%s\n%s", answer.body, list.body)
	}
	var kept slipway.Release
	ok(t, r.store.Read(t.Context(), func(tx slipway.Tx) (err error) {
		kept, err = tx.Releases().Get(t.Context(), "shop", "9.0.0")
		return err
	}))
	s, err := slipway.ReadStatement(kept.Content.Attestations[0])
	if err != nil || s.Builder != "https://ci.example.com" || s.Signatures != 1 || got.ContentDigest != kept.Content.Digest() {
		t.Errorf("kept as %s: %+v %v", kept.Content.Attestations[0], s, err)
	}
}

// TestAReleaseShowsWhatItsGatesFound: the answers of the provenance gates, of
// the newest deployment that asked them in each environment.
func TestAReleaseShowsWhatItsGatesFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	ok(t, r.store.Write(ctx, func(tx slipway.Tx) error {
		d, err := tx.Deployments().Get(ctx, 4)
		if err != nil {
			return err
		}
		d.PlanDigest = "sha256:anew"
		d.Plan.Gates = append(d.Plan.Gates, slipway.Gate{Provenance: &slipway.ProvenanceGate{}})
		d.Probes = []slipway.Probe{{Gate: len(d.Plan.Gates) - 1, PlanDigest: d.PlanDigest, Result: slipway.Fail, Reason: "expected X, found Y", At: t0}}
		_, err = tx.Deployments().Save(ctx, d)
		return err
	}))
	var got rest.ReleaseDetail
	r.want(http.StatusOK, call{method: "GET", path: services + "/shop/releases/1.1.0", role: "viewer"}).decode(t, &got)
	want := []rest.Verified{{Environment: "prod", Deployment: 4, Result: "fail", Reason: "expected X, found Y", At: t0}}
	if diff := cmp.Diff(want, got.Verified); diff != "" {
		t.Error(diff)
	}
}
