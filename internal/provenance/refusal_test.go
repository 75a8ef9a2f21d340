package provenance_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// refusal is one way of not passing, and the reason that nobody else gets.
type refusal struct {
	gate    func(*slipway.ProvenanceGate)
	release slipway.Release
	says    string
}

func refusals(t *testing.T, s *sigstore) map[string]refusal {
	t.Helper()
	other := newSigstore(t)
	key, public := keyPair(t, "p256")
	_, strange := keyPair(t, "p256")
	as := func(change func(*signer)) slipway.Release {
		by := ci()
		change(&by)
		return release(s.attest(by, statement(nil, digest("a"))))
	}
	saying := func(change func(s, definition, parameters, builder map[string]any)) slipway.Release {
		return release(s.attest(ci(), statement(change, digest("a"))))
	}
	tampered := func(change func(*protobundle.Bundle)) slipway.Release {
		return as(func(by *signer) { by.change = change })
	}
	byKey := func(keys ...string) func(*slipway.ProvenanceGate) {
		return func(g *slipway.ProvenanceGate) { g.Identity, g.Issuer, g.Keys = "", "", keys }
	}
	two := release(s.attest(ci(), statement(nil, digest("a"))))
	two.Content.Artifacts = append(two.Content.Artifacts, slipway.Artifact{Name: "web", Digest: digest("b")})
	bill := statement(func(s, _, _, _ map[string]any) {
		s["predicateType"], s["predicate"] = "https://spdx.dev/Document", map[string]any{"spdxVersion": "SPDX-2.3"}
	}, digest("a"))
	return map[string]refusal{
		"no attestation": {nil, release(), "app: expected a signed statement on how it was built, found no attestation at all."},
		"parts list only": {nil, release(s.attest(ci(), bill)),
			"found none. The release has statements of other types, which are no provenance (https://spdx.dev/Document)."},
		"other digest": {nil, release(s.attest(ci(), statement(nil, digest("c")))), "found none. The release has 1 statement on how other digests were built."},
		"no bundle":    {nil, release(slipway.Attestation(`{"a":1}`)), "found none. The release has attestations that cannot be read (it holds no signed statement (dsseEnvelope))."},
		"one of two":   {nil, two, "web: expected a signed statement on how it was built, found none. The release has 1 statement on how other digests were built."},
		"wrong identity": {nil, as(func(by *signer) {
			by.identity = "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"
		}),
			"app: expected the signer " + identity + ", found https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main."},
		"look-alike identity": {nil, as(func(by *signer) { by.identity = identity + "-2" }), "expected the signer " + identity + ", found " + identity + "-2."},
		"part of the identity": {nil, as(func(by *signer) { by.identity = identity[:len(identity)-1] }),
			"expected the signer " + identity + ", found " + identity[:len(identity)-1] + "."},
		"wrong issuer": {nil, as(func(by *signer) { by.issuer = issuer + ".evil.example.com" }),
			"app: expected the signer's issuer " + issuer + ", found " + issuer + ".evil.example.com."},
		"two names": {nil, as(func(by *signer) { by.also = "somebody@example.com" }), "expected a certificate with exactly one name, found 2"},
		"builder": {nil, saying(func(_, _, _, b map[string]any) { b["id"] = identity + "x" }),
			"app: expected the builder " + identity + ", found " + identity + "x."},
		"no builder": {nil, saying(func(_, _, _, b map[string]any) { delete(b, "id") }), "expected the builder " + identity + ", found nothing."},
		"build type": {nil, saying(func(_, d, _, _ map[string]any) { d["buildType"] = "https://example.com/by-hand" }),
			"expected the build type https://actions.github.io/buildtypes/workflow/v1, found https://example.com/by-hand."},
		"unknown parameters": {nil, saying(func(_, _, p, _ map[string]any) {
			p["inputs"] = map[string]any{"skip-tests": true, "level": 7, "none": nil, "list": []any{"x"}}
		}), "expected no parameters but those registered, found inputs.level = 7, inputs.list.0 = x, inputs.none = null, inputs.skip-tests = true."},
		"other parameter": {nil, saying(func(_, _, p, _ map[string]any) { p["workflow"].(map[string]any)["ref"] = "refs/heads/main2" }),
			"expected the parameter workflow.ref refs/heads/main, found refs/heads/main2."},
		"point in a name": {nil, saying(func(_, _, p, _ map[string]any) {
			delete(p["workflow"].(map[string]any), "ref")
			p["workflow.ref"] = "refs/heads/main"
		}), `expected the parameter workflow.ref refs/heads/main, found nothing. expected no parameters but those registered, found "workflow.ref" = refs/heads/main.`},
		"missing parameter": {nil, saying(func(_, _, p, _ map[string]any) { delete(p, "workflow") }),
			"expected the parameter workflow.path .github/workflows/release.yml, found nothing."},
		"huge number": {func(g *slipway.ProvenanceGate) { g.Parameters["n"] = "9007199254740993" },
			saying(func(_, _, p, _ map[string]any) { p["n"] = json.Number("9007199254740993") }),
			"expected the parameter n 9007199254740993, found a number too large to compare."},
		"old statement": {nil, saying(func(s, _, _, _ map[string]any) { s["_type"] = "https://in-toto.io/Statement/v0.1" }),
			"expected a statement of the type https://in-toto.io/Statement/v1, found https://in-toto.io/Statement/v0.1."},
		"odd statement": {nil, saying(func(s, _, _, _ map[string]any) { s["more"] = 1 }), "what it signs is no in-toto statement"},
		"said twice": {nil, release(s.attest(ci(), []byte(strings.Replace(string(statement(nil, digest("a"))), `"builder":{`, `"builder":{"id":"https://evil.example.com",`, 1)))),
			"what it signs is no in-toto statement"},
		"tampered payload": {nil, tampered(func(b *protobundle.Bundle) {
			b.GetDsseEnvelope().Payload = statement(nil, digest("a"), digest("f"))
		}), "expected a signature that fits the statement, found one that does not"},
		"tampered signature": {nil, tampered(func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures[0].Sig[20] ^= 1 }),
			"expected a signature that fits the statement, found one that does not"},
		"unsigned": {nil, tampered(func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures = nil }), "expected exactly one signature, found none: it is not signed."},
		"signed twice": {nil, tampered(func(b *protobundle.Bundle) {
			e := b.GetDsseEnvelope()
			e.Signatures = append(e.Signatures, e.Signatures[0])
		}), "expected exactly one signature, found 2 signatures."},
		"expired": {nil, as(func(by *signer) { by.from, by.to = -90*time.Second, -30*time.Second }), "expected a certificate that was valid when it signed"},
		"early":   {nil, as(func(by *signer) { by.from, by.to = time.Minute, time.Hour }), "expected a certificate that was valid when it signed"},
		"wrong log": {nil, as(func(by *signer) { by.log = other }),
			"expected an entry in a transparency log of the trusted root, found none that holds (not enough verified log entries"},
		"no log": {nil, as(func(by *signer) { by.noLog = true }), "expected an entry in a transparency log of the trusted root, found none that holds (not enough verified log entries"},
		"another's entry": {nil, tampered(func(b *protobundle.Bundle) {
			var from protobundle.Bundle
			unmarshal(t, s.attest(ci(), statement(nil, digest("a"))), &from)
			b.VerificationMaterial.TlogEntries = from.VerificationMaterial.TlogEntries
		}), "expected an entry in a transparency log of the trusted root, found none that holds (transparency log signature does not match"},
		"wrong authority": {nil, release(other.attest(func() signer { by := ci(); by.log = s; return by }(), statement(nil, digest("a")))),
			"expected a certificate by an authority of the trusted root that was valid when it signed, found one by CN=sigstore-intermediate"},
		"wrong key":           {byKey(strange), release(attestByKey(t, key, statement(nil, digest("a")))), "expected a signature by 1 registered key, found one that none of them made"},
		"key not wanted":      {nil, release(attestByKey(t, key, statement(nil, digest("a")))), "found one by a key, and the gate registers none."},
		"certificate for key": {byKey(public), as(func(*signer) {}), "expected a signature by a registered key, found one by a certificate for " + identity},
		"odd by key": {byKey(public), release(attestByKey(t, key, statement(func(s, _, _, _ map[string]any) { s["more"] = 1 }, digest("a")))),
			"it is signed by key 1 of the gate, and what it signs is no in-toto statement."},
		"no builders":  {func(g *slipway.ProvenanceGate) { g.Builders = nil }, as(func(*signer) {}), "The gate registers what could never be met: provenance.builders needs"},
		"no issuer":    {func(g *slipway.ProvenanceGate) { g.Issuer = "" }, as(func(*signer) {}), "The gate registers what could never be met: provenance needs issuer and identity together"},
		"no artifacts": {nil, slipway.Release{}, "The release has no artifacts"},
	}
}

func TestEachRefusalHasItsOwnReason(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	v := verifier(t, s.root(parts{}))
	for name, c := range refusals(t, s) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gate()
			if c.gate != nil {
				c.gate(&g)
			}
			expect(t, v, g, c.release, slipway.Fail, c.says)
		})
	}
}
