package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shop registers service shop with release 1.0.0.
func (r *clientRig) shop() {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "slipway.yaml")
	fatal(r.t, os.WriteFile(file, []byte(cliFile), 0o600))
	r.expect(exitOK, "deployer:", "apply", "-f", file)
	r.expect(exitOK, "1.0.0", "release", "create", "shop", "1.0.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
}

func TestPromoteForAnotherTimeOrPart(t *testing.T) {
	r := newClientRig(t)
	r.shop()
	r.expect(exitUsage, `--at "soon" is no time`, "promote", "shop", "1.0.0", "--to", "staging", "--at", "soon")
	r.expect(exitFailed, "at: is at most 90 days ahead", "promote", "shop", "1.0.0", "--to", "staging", "--at", "2200h")
	r.expect(exitUsage, `--share 101 is no share`, "promote", "shop", "1.0.0", "--to", "staging", "--share", "101")
	for _, match := range []string{"X-Region=eu", "header:X-Region", "header:=eu", "cookie:beta=", "body:a=b"} {
		r.expect(exitUsage, `is not of the form header:NAME=VALUE`, "promote", "shop", "1.0.0", "--to", "staging", "--match", match)
	}
	r.expect(exitFailed, "share: is for a partial strategy, and that of staging is rolling", "promote", "shop", "1.0.0", "--to", "staging", "--share", "10", "--match", "cookie:beta=1")
	r.expect(exitOK, "Deployment 1: promote of shop 1.0.0 to staging.", "promote", "shop", "1.0.0", "--to", "staging", "--at", "36h")
	r.expect(exitOK, "1.0.0", "promote", "shop", "1.0.0", "--to", "staging", "--at", "2001-01-01", "--wait") // takes its place
	r.expect(exitOK, "1.0.0 took its place", "deployment", "show", "1")
}

// TestPromoteOnceMore: who waits for a release that is on its way already waits for
// that, and who waits for one that is live is told so. Who does not wait is refused.
func TestPromoteOnceMore(t *testing.T) {
	r := newClientRig(t)
	r.shop()
	staging := []string{"promote", "shop", "1.0.0", "--to", "staging"}
	r.expect(exitOK, "succeeded", append(staging, "--wait")...)
	r.expect(exitFailed, "1.0.0 is already live in staging", staging...)
	r.expect(exitOK, "Deployment 1: shop 1.0.0 is live in staging already.", append(staging, "--wait")...)
	r.expect(exitOK, `"state": "succeeded"`, append(staging, "--wait", "-o", "json")...)
	prod := []string{"promote", "shop", "1.0.0", "--to", "prod"}
	r.expect(exitOK, "Deployment 2: promote", prod...)
	r.expect(exitFailed, "Deployment 2 already asks for 1.0.0 in prod", prod...)
	r.expect(exitWaits, "deployment 2 waits for a person", append(prod, "--wait")...)
	r.expect(exitOK, "1.1.0", "release", "create", "shop", "1.1.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("b", 64))
	r.expect(exitFailed, "blocked by order", "promote", "shop", "1.1.0", "--to", "prod", "--wait")
}
