package provenance_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/slipway-dev/slipway/internal/provenance"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func gate() slipway.ProvenanceGate {
	return slipway.ProvenanceGate{
		Issuer: issuer, Identity: identity, Builders: []string{identity}, BuildType: "https://actions.github.io/buildtypes/workflow/v1",
		Parameters: map[string]string{"workflow.ref": "refs/heads/main", "workflow.repository": "https://github.com/acme/billing",
			"workflow.path": ".github/workflows/release.yml"},
	}
}

func release(attestations ...slipway.Attestation) slipway.Release {
	return slipway.Release{Service: "billing", Version: "1.42.0", Content: slipway.ReleaseContent{
		Artifacts: []slipway.Artifact{{Name: "app", Reference: "r", Digest: digest("a")}}, Attestations: attestations}}
}

func verifier(t testing.TB, trusted []byte) *provenance.Verifier {
	t.Helper()
	v, err := provenance.New(trusted)
	fatal(t, err)
	return v
}

// expect asks and compares the result and what the reason says.
func expect(t *testing.T, v *provenance.Verifier, g slipway.ProvenanceGate, r slipway.Release, want slipway.Result, says ...string) {
	t.Helper()
	got, reason := v.Verify(t.Context(), g, r)
	if got != want {
		t.Fatalf("%s, not %s: %s", got, want, reason)
	}
	for _, s := range says {
		if !strings.Contains(reason, s) {
			t.Errorf("the reason does not say %q:\n%s", s, reason)
		}
	}
}

func TestGoodByCertificate(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	good := s.attest(ci(), statement(nil, digest("a")))
	expect(t, verifier(t, s.root(parts{})), gate(), release(good), slipway.Pass, "Provenance of 1 artifact is signed by "+identity)
	// One statement may speak of several artifacts, one beside them does no harm.
	both := release(s.attest(ci(), statement(nil, digest("0"), digest("b"), digest("a"))))
	both.Content.Artifacts = append(both.Content.Artifacts, slipway.Artifact{Name: "web", Digest: digest("b")})
	expect(t, verifier(t, s.root(parts{})), gate(), both, slipway.Pass, "2 artifacts")
	// A clock alone is a witness, too, when the root knows no log.
	unlogged := ci()
	unlogged.noLog = true
	expect(t, verifier(t, s.root(parts{noLog: true})), gate(), release(s.attest(unlogged, statement(nil, digest("a")))), slipway.Pass)
	expect(t, verifier(t, s.root(parts{noClock: true})), gate(), release(good), slipway.Pass)
	// Of two trusted roots each vouches for its own.
	other := newSigstore(t)
	two := append(append(other.root(parts{}), '\n'), s.root(parts{})...)
	expect(t, verifier(t, two), gate(), release(good), slipway.Pass)
	// An address is a name, too.
	mail, g := ci(), gate()
	mail.identity, mail.email, g.Identity = "release@acme.example.com", true, "release@acme.example.com"
	expect(t, verifier(t, s.root(parts{})), g, release(s.attest(mail, statement(nil, digest("a")))), slipway.Pass)
}

func TestVersionInWhatIsRegistered(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	const tagged = "https://github.com/acme/billing/.github/workflows/release.yml@refs/tags/v"
	by, g := ci(), gate()
	by.identity = tagged + "1.42.0"
	g.Identity, g.Builders, g.Parameters["workflow.ref"] = tagged+"${version}", []string{tagged + "${version}"}, "refs/tags/v${version}"
	r := release(s.attest(by, statement(func(_, _, parameters, builder map[string]any) {
		builder["id"] = tagged + "1.42.0"
		parameters["workflow"].(map[string]any)["ref"] = "refs/tags/v1.42.0"
	}, digest("a"))))
	expect(t, verifier(t, s.root(parts{})), g, r, slipway.Pass)
	r.Version = "1.42.1" // the same attestation under another name
	expect(t, verifier(t, s.root(parts{})), g, r, slipway.Fail, "expected the signer "+tagged+"1.42.1, found "+tagged+"1.42.0.")
}

func keyPair(t testing.TB, kind string) (crypto.Signer, string) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	fatal(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	fatal(t, err)
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestGoodByKey(t *testing.T) {
	t.Parallel()
	_, unused := keyPair(t, "p256")
	for _, kind := range []string{"p256", "p384", "ed25519", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			key, public := keyPair(t, kind)
			g := gate()
			g.Identity, g.Issuer, g.Keys = "", "", []string{unused, public}
			// No trusted root is needed.
			expect(t, verifier(t, nil), g, release(attestByKey(t, key, statement(nil, digest("a")))), slipway.Pass, "signed by key 2 of the gate")
			// What it says is looked at all the same.
			g.Builders = []string{"https://ci.example.com"}
			expect(t, verifier(t, nil), g, release(attestByKey(t, key, statement(nil, digest("a")))), slipway.Fail,
				"app: expected the builder https://ci.example.com, found "+identity)
		})
	}
}

func TestACertificateLogIsDemandedIfTheRootKnowsOne(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	expect(t, verifier(t, s.root(parts{certificateLog: true})), gate(), release(s.attest(ci(), statement(nil, digest("a")))), slipway.Fail,
		"expected a certificate that is in a certificate log of the trusted root, found one that is in none")
}

func TestAClockOfAnotherRootSaysNothing(t *testing.T) {
	t.Parallel()
	s, other := newSigstore(t), newSigstore(t)
	by := ci()
	by.noLog = true
	var from protobundle.Bundle
	unmarshal(t, other.attest(by, statement(nil, digest("a"))), &from)
	by.change = func(b *protobundle.Bundle) {
		b.VerificationMaterial.TimestampVerificationData = from.VerificationMaterial.TimestampVerificationData
	}
	expect(t, verifier(t, s.root(parts{noLog: true})), gate(), release(s.attest(by, statement(nil, digest("a")))), slipway.Fail,
		"expected a log or a clock of the trusted root to say when it was signed, found none that holds")
}

func TestWithoutATrustedRoot(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	v, good := verifier(t, nil), s.attest(ci(), statement(nil, digest("a")))
	expect(t, v, gate(), release(good), slipway.Unknown, "app: it is signed by a certificate, and no trusted root is configured", "SLIPWAY_SIGSTORE_TRUSTED_ROOT")
	// A trusted root would not help these.
	expect(t, v, gate(), release(), slipway.Fail)
	two := release(good)
	two.Content.Artifacts = append(two.Content.Artifacts, slipway.Artifact{Name: "web", Digest: digest("b")})
	expect(t, v, gate(), two, slipway.Fail, "web: expected")
	// What cannot be judged might be good, whatever else is bad.
	key, public := keyPair(t, "p256")
	g := gate()
	g.Keys = []string{public}
	bad := attestByKey(t, key, statement(func(_, _, _, b map[string]any) { b["id"] = "x" }, digest("a")))
	expect(t, v, g, release(bad, good), slipway.Unknown)
	expect(t, v, g, release(good, bad), slipway.Unknown)
}

func TestOthersDoNoHarm(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	v := verifier(t, s.root(parts{}))
	good := s.attest(ci(), statement(nil, digest("a")))
	var garbage []slipway.Attestation
	for i := range 100 {
		random := make([]byte, 200)
		_, _ = rand.Read(random)
		payload, _ := json.Marshal(map[string]any{"predicateType": slipway.SLSAProvenance, "predicate": map[string]any{},
			"subject": []any{map[string]any{"digest": map[string]any{"sha256": strings.Repeat("a", 64)}}}})
		bundle, _ := json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
			"dsseEnvelope": map[string]any{"payload": payload, "payloadType": inToto, "signatures": []any{map[string]any{"sig": random}}}})
		switch i % 4 {
		case 0:
			bundle = []byte(`{}`)
		case 1:
			bundle = fmt.Appendf(nil, `{"x":%q}`, random)
		case 2:
			bundle = good[:len(good)-i]
		}
		garbage = append(garbage, bundle)
	}
	expect(t, v, gate(), release(append(garbage, good)...), slipway.Pass)
	expect(t, v, gate(), release(append([]slipway.Attestation{good}, garbage...)...), slipway.Pass)
	expect(t, v, gate(), release(garbage...), slipway.Fail, "app: its attestation is no sigstore bundle that can be read")
	// The reason is that of the attestation that came farthest.
	evil := ci()
	evil.identity = "https://github.com/evil/billing/.github/workflows/release.yml@refs/heads/main"
	stranger := s.attest(evil, statement(nil, digest("a")))
	near := s.attest(ci(), statement(func(_, d, _, _ map[string]any) { d["buildType"] = "by-hand" }, digest("a")))
	expect(t, v, gate(), release(append(garbage, stranger, near)...), slipway.Fail, "found by-hand.", "26 other statements on it came no further.")
	expect(t, v, gate(), release(near, stranger), slipway.Fail, "found by-hand.", "1 other statement on it came no further.")
}

func TestVerifyingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, reason := verifier(t, s.root(parts{})).Verify(ctx, gate(), release(s.attest(ci(), statement(nil, digest("a")))))
	if got != slipway.Unknown || !strings.Contains(reason, "took too long") {
		t.Errorf("%s: %s", got, reason)
	}
}

func TestWhatOthersWroteIsShownSafely(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	r := release(s.attest(ci(), statement(func(_, _, p, b map[string]any) {
		b["id"] = "https://github.com/\u0430cme\x1b[31m" // a Cyrillic letter, and a colour
		for i := range 50 {
			p[fmt.Sprint("p", i, strings.Repeat("y", 1000))] = strings.Repeat("z", 1000)
		}
	}, digest("a"))))
	got, reason := verifier(t, s.root(parts{})).Verify(t.Context(), gate(), r)
	if got != slipway.Fail || !strings.Contains(reason, `"https://github.com/\u0430cme\x1b[31m"`) || !strings.Contains(reason, "and 45 more.") || len(reason) > 5000 {
		t.Errorf("%s: %d bytes: %s", got, len(reason), reason)
	}
}

func TestBrokenTrustedRoots(t *testing.T) {
	t.Parallel()
	s := newSigstore(t)
	good := s.root(parts{})
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":         {[]byte{}, "it is no JSON"},
		"no JSON":       {[]byte("-----BEGIN CERTIFICATE-----"), "it is no JSON"},
		"other JSON":    {[]byte(`{"keys":[]}`), "trusted root 1: "},
		"list":          {[]byte(`[]`), "trusted root 1: "},
		"second broken": {append(good[:len(good):len(good)], "\n{}"...), "trusted root 2: "},
		"cut off":       {append(good[:len(good):len(good)], "\n{"...), "it is no JSON"},
		"nobody":        {s.root(parts{noAuthority: true}), "certificateAuthorities"},
		"no witness":    {s.root(parts{noLog: true, noClock: true}), "neither a transparency log"},
		"too many":      {[]byte(strings.Repeat(string(good)+"\n", 21)), "more than 20"},
	} {
		if _, err := provenance.New(c.content); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
