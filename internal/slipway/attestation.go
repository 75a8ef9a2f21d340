package slipway

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Limits on the evidence that a release may carry.
const (
	maxAttestations = 20
	maxAttestation  = 256 << 10
)

// SLSAProvenance is the predicate type of a statement on how something was
// built. Lists of parts and the like have others, and are no provenance.
const SLSAProvenance = "https://slsa.dev/provenance/v1"

// checkAttestations looks at the form only. What they are worth is for the
// provenance gate to say.
func (c ReleaseContent) checkAttestations(add func(field, format string, args ...any)) {
	if len(c.Attestations) > maxAttestations {
		add("attestations", "holds at most %d", maxAttestations)
	}
	for i, a := range c.Attestations {
		field := fmt.Sprintf("attestations[%d]", i)
		switch {
		case len(a) > maxAttestation:
			add(field, "is at most %d KiB long", maxAttestation>>10)
		case !bytes.HasPrefix(bytes.TrimSpace(a), []byte("{")) || !json.Valid(a) || !utf8.Valid(a):
			add(field, "is a sigstore bundle, which is a JSON object")
		}
	}
}

// Statement is what an attestation says of itself. Nothing of it is verified:
// it may be shown, and nothing may be decided by it.
type Statement struct {
	PredicateType string
	Builder       string   // of provenance only
	Source        string   // of provenance only: the first thing that it was built from
	Subjects      []string // sha256:<hex> each
	Signatures    int
	Problem       string // why it cannot be read; then the rest is empty
}

// Statements says what each of the attestations claims.
func (c ReleaseContent) Statements() []Statement {
	var out []Statement
	for _, a := range c.Attestations {
		s, err := ReadStatement(a)
		if err != nil {
			s = Statement{Problem: err.Error()}
		}
		out = append(out, s)
	}
	return out
}

// ReadStatement reads the statement in a bundle and verifies nothing.
func ReadStatement(a Attestation) (Statement, error) {
	var bundle struct {
		Envelope *struct {
			Payload     []byte     `json:"payload"`
			PayloadType string     `json:"payloadType"`
			Signatures  []struct{} `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(a, &bundle); err != nil {
		return Statement{}, errors.New("it is no sigstore bundle")
	}
	if bundle.Envelope == nil {
		return Statement{}, errors.New("it holds no signed statement (dsseEnvelope)")
	}
	if kind := bundle.Envelope.PayloadType; kind != "application/vnd.in-toto+json" {
		return Statement{}, fmt.Errorf("it signs a %.100q, which is no in-toto statement", kind)
	}
	var body struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		Predicate json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(bundle.Envelope.Payload, &body); err != nil {
		return Statement{}, errors.New("what it signs is no in-toto statement")
	}
	s := Statement{PredicateType: body.PredicateType, Signatures: len(bundle.Envelope.Signatures)}
	for _, subject := range body.Subject {
		if hex := subject.Digest["sha256"]; hex != "" {
			s.Subjects = append(s.Subjects, "sha256:"+hex)
		}
	}
	if s.PredicateType != SLSAProvenance {
		return s, nil
	}
	var build struct {
		Definition struct {
			Dependencies []struct {
				URI string `json:"uri"`
			} `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		Run struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	}
	if err := json.Unmarshal(body.Predicate, &build); err != nil {
		return Statement{}, errors.New("what it says of the build is not in the form of SLSA provenance")
	}
	s.Builder = build.Run.Builder.ID
	if len(build.Definition.Dependencies) > 0 {
		s.Source = build.Definition.Dependencies[0].URI
	}
	return s, nil
}

// Verified is what the provenance gates of the deployment's plan have found, as
// far as they were asked.
func (d Deployment) Verified() []Probe {
	var out []Probe
	for i, g := range d.Plan.Gates {
		if p, ok := d.probeOf(i); ok && g.Provenance != nil {
			out = append(out, p)
		}
	}
	return out
}

// maxRegistered bounds each list of a provenance gate.
const maxRegistered = 50

// Check lists what is wrong with the expectation: that it could never be met, or
// that anybody could meet it.
func (g ProvenanceGate) Check() []FieldError {
	var faults []FieldError
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	line := func(field, text string) {
		if len(text) > maxLine {
			add(field, "is at most %d bytes long", maxLine)
		}
	}
	switch {
	case g.Identity == "" && g.Issuer == "" && len(g.Keys) == 0:
		add("", "needs to say who signs: issuer and identity of a certificate, or keys")
	case (g.Identity == "") != (g.Issuer == ""):
		add("", "needs issuer and identity together: a name means nothing without who vouches for it")
	}
	if fault := CheckURL(g.Issuer); g.Issuer != "" && fault != "" {
		add(".issuer", "%s", fault)
	}
	line(".identity", g.Identity)
	line(".buildType", g.BuildType)
	if n := max(len(g.Keys), len(g.Builders), len(g.Parameters)); n > maxRegistered {
		add("", "holds at most %d keys, builders and parameters each", maxRegistered)
	}
	for i, text := range g.Keys {
		if _, err := ParsePublicKey(text); err != nil {
			add(fmt.Sprintf(".keys[%d]", i), "%s", err)
		}
	}
	if len(g.Builders) == 0 {
		add(".builders", "needs the builder.id of at least one builder that is trusted")
	}
	for i, builder := range g.Builders {
		field := fmt.Sprintf(".builders[%d]", i)
		if builder == "" {
			add(field, "is missing")
		}
		line(field, builder)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Parameters)) {
		line(".parameters."+name, g.Parameters[name])
	}
	return faults
}

// ParsePublicKey reads a PEM public key of a kind that signs bundles.
func ParsePublicKey(text string) (crypto.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("is one public key in PEM: -----BEGIN PUBLIC KEY-----")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is no public key that can be read")
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
		return k, nil
	case *ecdsa.PublicKey:
		if slices.Contains([]int{256, 384, 521}, k.Params().BitSize) {
			return k, nil
		}
	case *rsa.PublicKey:
		if slices.Contains([]int{2048, 3072, 4096}, k.N.BitLen()) {
			return k, nil
		}
	}
	return nil, errors.New("is an Ed25519 key, an ECDSA key on P-256, P-384 or P-521, or an RSA key of 2048, 3072 or 4096 bits")
}
