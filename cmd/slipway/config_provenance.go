package main

import (
	"fmt"
	"os"

	"github.com/slipway-dev/slipway/internal/provenance"
)

// verifier judges provenance by the trusted root that is configured, if one is.
// The file is read at start: whom we trust changes with a restart and never
// under way.
func (c config) verifier() (*provenance.Verifier, error) {
	const key = "SLIPWAY_SIGSTORE_TRUSTED_ROOT"
	if c.TrustedRoot == "" {
		return provenance.New(nil)
	}
	content, err := os.ReadFile(c.TrustedRoot)
	if err != nil {
		return nil, fmt.Errorf("%s: is the path of a file with a trusted root: %w", key, err)
	}
	v, err := provenance.New(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %s is no trusted root of sigstore: %w", key, c.TrustedRoot, err)
	}
	return v, nil
}
