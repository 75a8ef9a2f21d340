package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// authority is one trusted root with the witnesses that it makes us demand.
type authority struct {
	verifier *verify.Verifier
}

// maxRoots bounds a configuration file; two is usual.
const maxRoots = 20

// parseRoots reads one trusted root or several, one after another.
func parseRoots(content []byte) ([]authority, error) {
	var out []authority
	decoder := json.NewDecoder(bytes.NewReader(content))
	for {
		var one json.RawMessage
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is no JSON: %w", err)
		}
		if len(out) == maxRoots {
			return nil, fmt.Errorf("it holds more than %d trusted roots", maxRoots)
		}
		a, err := newAuthority(one)
		if err != nil {
			return nil, fmt.Errorf("trusted root %d: %w", len(out)+1, err)
		}
		out = append(out, a)
	}
}

// newAuthority demands every kind of witness that the root knows: a log of
// signatures, else a clock, since a certificate lives for minutes and somebody
// has to say when it signed; and a log of certificates.
func newAuthority(content []byte) (authority, error) {
	trusted, err := root.NewTrustedRootFromJSON(content)
	if err != nil {
		return authority{}, err
	}
	if len(trusted.FulcioCertificateAuthorities()) == 0 {
		return authority{}, errors.New("it names no authority that issues certificates (certificateAuthorities)")
	}
	var options []verify.VerifierOption
	switch {
	case len(trusted.RekorLogs()) > 0:
		options = append(options, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	case len(trusted.TimestampingAuthorities()) > 0:
		options = append(options, verify.WithSignedTimestamps(1))
	default:
		return authority{}, errors.New("it names neither a transparency log (tlogs) nor a clock (timestampAuthorities), so nobody could say when a signature was made")
	}
	if len(trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(trusted, options...)
	return authority{verifier: verifier}, err
}
