// Package demoapp is the small application that Slipway's demo deploys. Each
// demo version is a real file with a real sha256, so that the demo exercises
// the same digest checks, readiness checks and roll-backs as real software.
package demoapp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Bundle is a demo release: what the application shows, and how it fails.
type Bundle struct {
	Service string `json:"service"`
	Version string `json:"version"`
	Colour  string `json:"colour"` // a CSS colour name or #rrggbb; empty: a quiet blue
	Fail    Fail   `json:"fail"`
}

// Fail is the fault that a bundle carries.
type Fail string

// The faults: none; /healthz answers 503 for ever; the process exits at once;
// every second page answers 500; every page takes two seconds.
const (
	FailNone       Fail = ""
	FailNeverReady Fail = "never-ready"
	FailCrash      Fail = "crash"
	FailErrors     Fail = "errors"
	FailSlow       Fail = "slow"
)

const (
	maxBundleBytes = 64 << 10
	defaultColour  = "#2f6fde"
)

// check refuses what could not be shown safely: the colour goes into a style
// sheet, and the service and version into a file name.
func (b Bundle) check() error {
	colour := regexp.MustCompile(`^(#[0-9a-fA-F]{6}|[a-zA-Z]{1,30})?$`)
	name := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)
	var problems []string
	if !name.MatchString(b.Service) {
		problems = append(problems, fmt.Sprintf("service %q is not a name", b.Service))
	}
	if !name.MatchString(b.Version) {
		problems = append(problems, fmt.Sprintf("version %q is not a version", b.Version))
	}
	if !colour.MatchString(b.Colour) {
		problems = append(problems, fmt.Sprintf("colour %q is neither a colour name nor #rrggbb", b.Colour))
	}
	known := []Fail{FailNone, FailNeverReady, FailCrash, FailErrors, FailSlow}
	if !slices.Contains(known, b.Fail) {
		problems = append(problems, fmt.Sprintf("fail %q is unknown", b.Fail))
	}
	if problems != nil {
		return errors.New("bundle: " + strings.Join(problems, "; "))
	}
	return nil
}

// WriteBundle writes the bundle to dir as SERVICE-VERSION.json and returns its
// absolute path and its digest ("sha256:..."). The same bundle gives the same
// bytes, hence the same digest.
func WriteBundle(dir string, b Bundle) (path, digest string, err error) {
	if err := b.check(); err != nil {
		return "", "", err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	data = append(data, '\n')
	path = filepath.Join(dir, b.Service+"-"+b.Version+".json")
	// Rename, so that nobody hashes half a bundle.
	if err := os.WriteFile(path+".tmp", data, 0o644); err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return "", "", fmt.Errorf("bundle: %w", err)
	}
	sum := sha256.Sum256(data)
	return path, "sha256:" + hex.EncodeToString(sum[:]), nil
}

func readBundle(path string) (Bundle, error) {
	file, err := os.Open(path)
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxBundleBytes))
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var b Bundle
	if err := decoder.Decode(&b); err != nil {
		return Bundle{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	if b.Colour == "" {
		b.Colour = defaultColour
	}
	return b, b.check()
}
