package main

import "testing"

func TestWhyAndDryRun(t *testing.T) {
	r := newClientRig(t)
	r.shop()
	dry := func(environment string, more ...string) []string {
		return append([]string{"promote", "shop", "1.0.0", "--to", environment, "--dry-run"}, more...)
	}
	r.expect(exitOK, "1.0.0 would start at once.", dry("staging")...)
	r.expect(exitOK, "new artifact app: (none) -> sha256:", dry("staging")...)
	r.expect(exitWaits, "schedule: Scheduled for ", dry("staging", "--at", "36h")...)
	r.expect(exitFailed, "order: 1.0.0 has not been live in staging yet", dry("prod")...)
	r.expect(exitUsage, "knows --share and no --match", dry("staging", "--match", "cookie:a=b")...)
	r.expect(exitFailed, "share: is for a partial strategy", dry("staging", "--share", "5")...)
	r.be("viewer")
	r.expect(exitDenied, "You may not promote shop to staging", dry("staging")...)
	r.be("admin")
	r.expect(exitFailed, "There is no deployment", "why", "1") // nothing was started
	r.expect(exitOK, "Nothing is under way in staging of shop", "why", "shop", "staging")
	r.expect(exitOK, "succeeded", "promote", "shop", "1.0.0", "--to", "staging", "--wait", "--timeout", "30s")
	r.expect(exitWaits, "1.0.0 would wait for its gates in prod", dry("prod")...)
	r.expect(exitWaits, "0 of 1 approvals", "promote", "shop", "1.0.0", "--to", "prod", "--wait", "--timeout", "30s")
	for _, ask := range [][]string{{"why", "2"}, {"why", "shop", "prod"}} {
		r.expect(exitOK, "Deployment 2 of 1.0.0 to prod stands still: 0 of 1 approvals. 1 more from people who may approve.", ask...)
	}
	r.expect(exitOK, "has ended: 1.0.0 is live in staging.", "why", "1")
	r.expect(exitUsage, "no number of a deployment", "why", "shop")
}
