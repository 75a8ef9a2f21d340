package slipway

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bundleOf is the form of a bundle around a payload; nobody signed it.
func bundleOf(t *testing.T, kind, payload string) Attestation {
	t.Helper()
	encoded, err := json.Marshal(map[string]any{"dsseEnvelope": map[string]any{
		"payload": []byte(payload), "payloadType": kind, "signatures": []any{map[string]any{"sig": "AA=="}}}})
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestStatementsAreReadAsTheyClaim(t *testing.T) {
	t.Parallel()
	const inToto = "application/vnd.in-toto+json"
	c := ReleaseContent{Attestations: []Attestation{
		bundleOf(t, inToto, `{"predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"aa"}},{"digest":{"sha512":"bb"}}],
			"predicate":{"buildDefinition":{"resolvedDependencies":[{"uri":"git+https://git.example.com/shop"},{"uri":"other"}]},"runDetails":{"builder":{"id":"https://ci.example.com"}}}}`),
		bundleOf(t, inToto, `{"predicateType":"https://spdx.dev/Document","subject":[{"digest":{"sha256":"aa"}}],"predicate":[1,2]}`),
		bundleOf(t, "text/plain", `{}`),
		bundleOf(t, inToto, `[]`),
		bundleOf(t, inToto, `{"predicateType":"https://slsa.dev/provenance/v1","predicate":[]}`),
		Attestation(`{"messageSignature":{}}`),
		Attestation(`{"dsseEnvelope":7}`),
	}}
	want := []Statement{
		{PredicateType: SLSAProvenance, Builder: "https://ci.example.com", Source: "git+https://git.example.com/shop", Subjects: []string{"sha256:aa"}, Signatures: 1},
		{PredicateType: "https://spdx.dev/Document", Subjects: []string{"sha256:aa"}, Signatures: 1},
		{Problem: `it signs a "text/plain", which is no in-toto statement`},
		{Problem: "what it signs is no in-toto statement"},
		{Problem: "what it says of the build is not in the form of SLSA provenance"},
		{Problem: "it holds no signed statement (dsseEnvelope)"},
		{Problem: "it is no sigstore bundle"},
	}
	if diff := cmp.Diff(want, c.Statements()); diff != "" {
		t.Error(diff)
	}
}

// pemOf writes any block as PEM.
func pemOf(kind string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
}

func publicKey(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PUBLIC KEY", der)
}

func TestProvenanceGateChecksItself(t *testing.T) {
	t.Parallel()
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := func(change func(*ProvenanceGate)) ProvenanceGate {
		g := ProvenanceGate{Issuer: "https://id.example.com", Identity: "https://git.example.com/w@main", Builders: []string{"b"}}
		if change != nil {
			change(&g)
		}
		return g
	}
	long := strings.Repeat("x", maxLine+1)
	keys := func(keys ...string) ProvenanceGate {
		return good(func(g *ProvenanceGate) { g.Issuer, g.Identity, g.Keys = "", "", keys })
	}
	for name, c := range map[string]struct {
		gate ProvenanceGate
		want []string
	}{
		"by certificate":    {good(nil), nil},
		"by key":            {keys(publicKey(t, ed), publicKey(t, p256.Public())), nil},
		"by nobody":         {keys(), []string{""}},
		"any issuer":        {good(func(g *ProvenanceGate) { g.Issuer = "" }), []string{""}},
		"any identity":      {good(func(g *ProvenanceGate) { g.Identity = "" }), []string{""}},
		"issuer beside key": {good(func(g *ProvenanceGate) { g.Identity, g.Keys = "", []string{publicKey(t, ed)} }), []string{""}},
		"odd issuer":        {good(func(g *ProvenanceGate) { g.Issuer = "javascript:x" }), []string{".issuer"}},
		"any builder":       {good(func(g *ProvenanceGate) { g.Builders = nil }), []string{".builders"}},
		"empty builder":     {good(func(g *ProvenanceGate) { g.Builders = []string{"b", ""} }), []string{".builders[1]"}},
		"long texts": {good(func(g *ProvenanceGate) {
			g.Identity, g.BuildType, g.Builders, g.Parameters = long, long, []string{long}, map[string]string{"p": long}
		}), []string{".identity", ".buildType", ".builders[0]", ".parameters.p"}},
		"as much as may be": {good(func(g *ProvenanceGate) { g.Builders = repeated("b", maxRegistered) }), nil},
		"too many builders": {good(func(g *ProvenanceGate) { g.Builders = repeated("b", maxRegistered+1) }), []string{""}},
		"too many keys":     {keys(repeated(publicKey(t, ed), maxRegistered+1)...), []string{""}},
		"too many parameters": {good(func(g *ProvenanceGate) {
			g.Parameters = map[string]string{}
			for i := range maxRegistered + 1 {
				g.Parameters[strings.Repeat("p", i)] = ""
			}
		}), []string{""}},
		"no PEM":         {keys("ssh-ed25519 AAAA"), []string{".keys[0]"}},
		"two in one":     {keys(publicKey(t, ed) + publicKey(t, ed)), []string{".keys[0]"}},
		"private kind":   {keys(pemOf("PRIVATE KEY", []byte("x"))), []string{".keys[0]"}},
		"no key in it":   {keys(publicKey(t, ed), pemOf("PUBLIC KEY", []byte("x"))), []string{".keys[1]"}},
		"short RSA key":  {keys(publicKey(t, short.Public())), []string{".keys[0]"}},
		"unusable curve": {keys(publicKey(t, p224.Public())), []string{".keys[0]"}},
	} {
		if diff := cmp.Diff(c.want, fields(c.gate.Check())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func repeated(text string, n int) []string {
	var out []string
	for range n {
		out = append(out, text)
	}
	return out
}

func TestVerifiedIsWhatTheProvenanceGatesFound(t *testing.T) {
	t.Parallel()
	gates := []Gate{{Expression: &ExpressionGate{}}, {Provenance: &ProvenanceGate{}}, {Provenance: &ProvenanceGate{}}}
	d := Deployment{Plan: Plan{Gates: gates}, PlanDigest: "now", Probes: []Probe{
		{Gate: 0, PlanDigest: "now", Reason: "another kind"}, {Gate: 1, PlanDigest: "now", Reason: "found"}, {Gate: 2, PlanDigest: "before", Reason: "of another plan"}}}
	got := d.Verified()
	if len(got) != 1 || got[0].Reason != "found" {
		t.Errorf("%+v", got)
	}
}
