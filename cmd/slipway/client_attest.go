package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/slipway-dev/slipway/internal/client"
)

// attest adds the bundles of files: one each, or one after another as in JSON
// lines.
func attest(r *client.NewRelease, files []string, in io.Reader) error {
	for _, file := range files {
		content, err := readFile(file, in)
		if err != nil {
			return err
		}
		before := len(r.Attestations)
		decoder := json.NewDecoder(bytes.NewReader(content))
		for {
			var bundle json.RawMessage
			err := decoder.Decode(&bundle)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return usageError("--attestation %s: %w", file, err)
			}
			r.Attestations = append(r.Attestations, bundle)
		}
		if len(r.Attestations) == before {
			return usageError("--attestation %s: the file is empty", file)
		}
	}
	return nil
}
