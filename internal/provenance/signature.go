package provenance

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"

	in_toto "github.com/in-toto/attestation/go/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// verified is an attestation after its signature was looked at: either who
// signed which statement, or why it is refused.
type verified struct {
	statement *in_toto.Statement
	signer    string
	refused   finding
}

func refused(far int, format string, args ...any) verified {
	return verified{refused: finding{result: slipway.Fail, far: far, reason: fmt.Sprintf(format, args...)}}
}

// open verifies who signed an attestation. The claim has been read from the same
// bytes and decides nothing here.
func (v *Verifier) open(a slipway.Attestation, claim slipway.Statement, g slipway.ProvenanceGate, keys []keyVerifier) verified {
	if claim.Signatures != 1 {
		return refused(farNowhere, "expected exactly one signature, found %s.", countOr(claim.Signatures, "signature", "none: it is not signed"))
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(a); err != nil {
		return refused(farNowhere, "its attestation is no sigstore bundle that can be read (%s).", shown(err.Error()))
	}
	content, err := b.VerificationContent()
	if err != nil {
		return refused(farNowhere, "its attestation names no signer that can be read (%s).", shown(err.Error()))
	}
	if leaf := content.Certificate(); leaf != nil {
		return v.openByCertificate(&b, leaf, g)
	}
	return openByKey(&b, g, keys)
}

func (v *Verifier) openByCertificate(b *bundle.Bundle, leaf *x509.Certificate, g slipway.ProvenanceGate) verified {
	if g.Identity == "" {
		return refused(farNowhere, "expected a signature by a registered key, found one by a certificate for %s.", shown(namesOf(leaf)))
	}
	if len(v.authorities) == 0 {
		return verified{refused: finding{result: slipway.Unknown, reason: "it is signed by a certificate, and no trusted root is configured to judge it by. " +
			"Whoever runs Slipway sets SLIPWAY_SIGSTORE_TRUSTED_ROOT."}}
	}
	// Who signed is compared below, so that the answer can name both.
	policy := verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe())
	var why []string
	for _, a := range v.authorities {
		result, err := a.verifier.Verify(b, policy)
		if err != nil {
			why = append(why, plain(b, leaf, err))
			continue
		}
		signer, err := identityOf(leaf, result.Signature.Certificate.SubjectAlternativeName)
		if err != nil {
			return refused(farSigned, "%s.", err)
		}
		issuer := result.Signature.Certificate.Issuer
		var faults []string
		if signer != g.Identity {
			faults = append(faults, differs("the signer", g.Identity, signer))
		}
		if issuer != g.Issuer {
			faults = append(faults, differs("the signer's issuer", g.Issuer, issuer))
		}
		if len(faults) > 0 {
			return refused(farSigned, "%s", strings.Join(faults, " "))
		}
		return verified{statement: result.Statement, signer: shown(signer)}
	}
	return refused(farNowhere, "%s", strings.Join(unique(why), " "))
}

// identityOf is the one name of a certificate, as it is written there. With
// several it would not be certain which of them signed.
func identityOf(leaf *x509.Certificate, summary string) (string, error) {
	const rfc822Name, uri = 1, 6
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &names); err != nil || len(rest) > 0 || len(names) != 1 {
			return "", fmt.Errorf("expected a certificate with exactly one name, found %d (%s)", len(names), shown(namesOf(leaf)))
		}
		if names[0].Tag == rfc822Name || names[0].Tag == uri {
			return string(names[0].Bytes), nil
		}
	}
	return summary, nil
}

// namesOf lists the names in a certificate for people.
func namesOf(leaf *x509.Certificate) string {
	var names []string
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	names = append(names, leaf.EmailAddresses...)
	names = append(names, leaf.DNSNames...)
	if len(names) == 0 {
		return "nobody by name"
	}
	return strings.Join(names, ", ")
}

// plain says in words why a bundle was refused. The library's own text is kept
// only where none of the known cases fits.
func plain(b *bundle.Bundle, leaf *x509.Certificate, err error) string {
	if content, failed := b.SignatureContent(); failed == nil {
		verification, failed := b.VerificationContent()
		if failed == nil && verify.VerifySignature(content, verification, &root.BaseTrustedMaterial{}) != nil {
			return "expected a signature that fits the statement, found one that does not: statement or signature was changed after signing."
		}
	}
	if errors.Is(err, bundle.ErrDecodingJSON) {
		return "its signature holds, and what it signs is no in-toto statement."
	}
	text := err.Error()
	valid := fmt.Sprintf("valid from %s to %s", clock(leaf.NotBefore), clock(leaf.NotAfter))
	switch {
	case strings.Contains(text, "outside certificate validity"):
		return "expected a certificate that was valid when it signed, found one " + valid + ", and a log entry from another time."
	case strings.HasPrefix(text, "failed to verify log inclusion"):
		return "expected an entry in a transparency log of the trusted root, found none that holds (" + shown(tail(text)) + ")."
	case strings.HasPrefix(text, "failed to verify timestamps"):
		return "expected a log or a clock of the trusted root to say when it was signed, found none that holds (" + shown(tail(text)) + ")."
	case strings.HasPrefix(text, "failed to verify leaf certificate"):
		return "expected a certificate by an authority of the trusted root that was valid when it signed, found one by " +
			shown(leaf.Issuer.String()) + ", " + valid + "."
	case strings.HasPrefix(text, "failed to verify signed certificate timestamp"):
		return "expected a certificate that is in a certificate log of the trusted root, found one that is in none (" + shown(tail(text)) + ")."
	default:
		return "its signature does not hold (" + shown(text) + ")."
	}
}

// tail is an error's text without what its wrapper put before it.
func tail(text string) string {
	_, rest, _ := strings.Cut(text, ": ")
	return rest
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// keyVerifier is one of a gate's keys, as good at one time as at another.
type keyVerifier struct {
	verifier *verify.Verifier
	name     string
}

func keyVerifiers(keys []string) ([]keyVerifier, error) {
	var out []keyVerifier
	for i, text := range keys {
		key, err := slipway.ParsePublicKey(text)
		if err != nil {
			return nil, fmt.Errorf("keys[%d] %w", i, err)
		}
		loaded, err := signature.LoadDefaultVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		// Whichever key the bundle hints at: only the gate says which are good.
		material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
			return root.NewExpiringKey(loaded, time.Time{}, time.Time{}), nil
		})
		verifier, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		out = append(out, keyVerifier{verifier: verifier, name: fmt.Sprintf("key %d of the gate", i+1)})
	}
	return out, nil
}

func openByKey(b *bundle.Bundle, g slipway.ProvenanceGate, keys []keyVerifier) verified {
	if len(keys) == 0 {
		return refused(farNowhere, "expected a signature by a certificate for %s, found one by a key, and the gate registers none.", shown(g.Identity))
	}
	policy := verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithKey())
	for _, k := range keys {
		result, err := k.verifier.Verify(b, policy)
		if err == nil {
			return verified{statement: result.Statement, signer: k.name}
		}
		if errors.Is(err, bundle.ErrDecodingJSON) {
			return refused(farSigned, "it is signed by %s, and what it signs is no in-toto statement.", k.name)
		}
	}
	return refused(farNowhere, "expected a signature by %s, found one that none of them made, or a statement that was changed after signing.",
		countOr(len(keys), "registered key", ""))
}
