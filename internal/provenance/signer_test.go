package provenance_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/signature"
	sigdsse "github.com/sigstore/sigstore/pkg/signature/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	identity = "https://github.com/acme/billing/.github/workflows/release.yml@refs/heads/main"
	issuer   = "https://token.actions.githubusercontent.com"
	inToto   = "application/vnd.in-toto+json"
)

// sigstore is a whole sigstore of its own: an authority that issues
// certificates, a log and a clock. It signs for real.
type sigstore struct {
	t            testing.TB
	vs           *ca.VirtualSigstore // log and clock
	intermediate *x509.Certificate
	key          crypto.Signer
	authority    *root.FulcioCertificateAuthority
}

func newSigstore(t testing.TB) *sigstore {
	t.Helper()
	vs, err := ca.NewVirtualSigstore()
	fatal(t, err)
	top, topKey, err := ca.GenerateRootCa()
	fatal(t, err)
	intermediate, key, err := ca.GenerateFulcioIntermediate(top, topKey)
	fatal(t, err)
	return &sigstore{t: t, vs: vs, intermediate: intermediate, key: key, authority: &root.FulcioCertificateAuthority{
		Root: top, Intermediates: []*x509.Certificate{intermediate}, URI: "https://fulcio.example.com",
		ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour)}}
}

// parts are what a trusted root may hold.
type parts struct{ noLog, noClock, certificateLog, noAuthority bool }

// root is the trusted root as a configuration file holds it.
func (s *sigstore) root(p parts) []byte {
	s.t.Helper()
	var authorities []root.CertificateAuthority
	var clocks []root.TimestampingAuthority
	logs, certificateLogs := map[string]*root.TransparencyLog{}, map[string]*root.TransparencyLog{}
	if !p.noAuthority {
		authorities = append(authorities, s.authority)
	}
	if !p.noClock {
		clocks = s.vs.TimestampingAuthorities()
	}
	raw := func(from, to map[string]*root.TransparencyLog) {
		for id, log := range from {
			bytes, err := hex.DecodeString(id)
			fatal(s.t, err)
			log.ID = bytes
			to[id] = log
		}
	}
	if !p.noLog {
		raw(s.vs.RekorLogs(), logs)
	}
	if p.certificateLog {
		raw(s.vs.CTLogs(), certificateLogs)
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, authorities, certificateLogs, clocks, logs)
	fatal(s.t, err)
	content, err := trusted.MarshalJSON()
	fatal(s.t, err)
	return content
}

// signer is a certificate to sign with, and what is done to the bundle.
type signer struct {
	identity string
	issuer   string
	also     string // a second name
	email    bool   // the name is an e-mail address
	from, to time.Duration
	log      *sigstore // another one's
	noLog    bool
	change   func(*protobundle.Bundle) // after signing
}

func ci() signer { return signer{identity: identity, issuer: issuer, to: 10 * time.Minute} }

func (s *sigstore) certificate(by signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(s.t, err)
	der, err := asn1.MarshalWithParams(by.issuer, "utf8")
	fatal(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(by.from - time.Second), NotAfter: time.Now().Add(by.to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: der}},
	}
	if by.email {
		template.EmailAddresses = []string{by.identity}
	} else {
		u, err := url.Parse(by.identity)
		fatal(s.t, err)
		template.URIs = []*url.URL{u}
	}
	if by.also != "" {
		template.EmailAddresses = append(template.EmailAddresses, by.also)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, s.intermediate, key.Public(), s.key)
	fatal(s.t, err)
	leaf, err := x509.ParseCertificate(raw)
	fatal(s.t, err)
	return leaf, key
}

// attest signs a payload with a certificate and has it logged and timed.
func (s *sigstore) attest(by signer, payload []byte) slipway.Attestation {
	s.t.Helper()
	leaf, key := s.certificate(by)
	envelope, sig := sign(s.t, key, payload)
	clock, err := s.vs.TimestampResponse(sig)
	fatal(s.t, err)
	log := s.vs
	if by.log != nil {
		log = by.log.vs
	}
	b := bundleOf(envelope, payload, sig)
	b.VerificationMaterial = &protobundle.VerificationMaterial{
		Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}},
		TlogEntries: []*protorekor.TransparencyLogEntry{logged(s.t, log, leaf, envelope, sig)},
		TimestampVerificationData: &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: clock}}},
	}
	if by.noLog {
		b.VerificationMaterial.TlogEntries = nil
	}
	if by.change != nil {
		by.change(b)
	}
	return encoded(s.t, b)
}

// logged has a signature entered in the log, which proves and promises it.
func logged(t testing.TB, log *ca.VirtualSigstore, leaf *x509.Certificate, envelope *dsse.Envelope, sig []byte) *protorekor.TransparencyLogEntry {
	t.Helper()
	entry, err := log.GenerateTlogEntry(leaf, envelope, sig, time.Now().Unix(), true)
	fatal(t, err)
	e := entry.TransparencyLogEntry()
	promise, err := log.RekorSignPayload(tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(e.CanonicalizedBody),
		IntegratedTime: e.IntegratedTime, LogIndex: e.LogIndex, LogID: hex.EncodeToString(e.LogId.KeyId)})
	fatal(t, err)
	e.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	e.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: promise}
	return e
}

// attestByKey signs a payload with a key and nothing else.
func attestByKey(t testing.TB, key crypto.Signer, payload []byte) slipway.Attestation {
	t.Helper()
	envelope, sig := sign(t, key, payload)
	b := bundleOf(envelope, payload, sig)
	b.VerificationMaterial = &protobundle.VerificationMaterial{
		Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: "whichever"}}}
	return encoded(t, b)
}

func sign(t testing.TB, key crypto.Signer, payload []byte) (*dsse.Envelope, []byte) {
	t.Helper()
	loaded, err := signature.LoadDefaultSigner(key)
	fatal(t, err)
	signer, err := dsse.NewEnvelopeSigner(&sigdsse.SignerAdapter{SignatureSigner: loaded, Pub: key.Public()})
	fatal(t, err)
	envelope, err := signer.SignPayload(context.Background(), inToto, payload)
	fatal(t, err)
	sig, err := base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	fatal(t, err)
	return envelope, sig
}

func bundleOf(envelope *dsse.Envelope, payload, sig []byte) *protobundle.Bundle {
	return &protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: payload, PayloadType: envelope.PayloadType, Signatures: []*protodsse.Signature{{Sig: sig}}}},
	}
}

func encoded(t testing.TB, b *protobundle.Bundle) slipway.Attestation {
	t.Helper()
	content, err := protojson.Marshal(b)
	fatal(t, err)
	return content
}

// statement is what CI says of a build; a test changes what it wants to.
func statement(change func(s, definition, parameters, builder map[string]any), digests ...string) []byte {
	subjects := []any{}
	for _, d := range digests {
		subjects = append(subjects, map[string]any{"name": "app", "digest": map[string]any{"sha256": d[len("sha256:"):]}})
	}
	parameters := map[string]any{"workflow": map[string]any{
		"ref": "refs/heads/main", "repository": "https://github.com/acme/billing", "path": ".github/workflows/release.yml"}}
	builder := map[string]any{"id": identity}
	definition := map[string]any{"buildType": "https://actions.github.io/buildtypes/workflow/v1", "externalParameters": parameters,
		"resolvedDependencies": []any{map[string]any{"uri": "git+https://github.com/acme/billing@refs/heads/main"}}}
	s := map[string]any{"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": slipway.SLSAProvenance,
		"predicate": map[string]any{"buildDefinition": definition, "runDetails": map[string]any{"builder": builder}}}
	if change != nil {
		change(s, definition, parameters, builder)
	}
	content, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return content
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unmarshal(t testing.TB, a slipway.Attestation, into *protobundle.Bundle) {
	t.Helper()
	fatal(t, protojson.Unmarshal(a, into))
}
