package main

import "testing"

func TestBypassAndStopTheLine(t *testing.T) {
	r := newClientRig(t)
	r.shop()
	r.expect(exitOK, "The line goes.", "stop-the-line")
	r.be("approver")
	r.expect(exitDenied, "You may not stop the line", "stop-the-line", "fire")
	r.be("admin")
	r.expect(exitUsage, "either a reason", "stop-the-line", "fire", "--lift")
	r.expect(exitOK, "The line is stopped by Admin since", "stop-the-line", "payments are down")
	r.expect(exitFailed, "stopped already, by Admin: payments are down", "stop-the-line", "fire")
	r.expect(exitWaits, "The line is stopped by Admin: payments are down.", "promote", "shop", "1.0.0", "--to", "staging", "--wait", "--timeout", "30s")
	r.expect(exitOK, `"stopped": false`, "stop-the-line", "--lift", "-o", "json")
	r.expect(exitOK, "succeeded", "deployment", "show", "1", "--watch")

	r.expect(exitWaits, "0 of 1 approvals", "promote", "shop", "1.0.0", "--to", "prod", "--wait", "--timeout", "30s")
	r.expect(exitUsage, "--gate says which", "bypass", "2", "--reason", "fire")
	r.expect(exitUsage, "--reason is needed", "bypass", "2", "--gate", "approval")
	r.expect(exitFailed, "gate: is one of approval", "bypass", "2", "--gate", "moon", "--reason", "fire")
	r.be("approver")
	r.expect(exitDenied, "You may not bypass gates of shop in prod", "bypass", "2", "--gate", "approval", "--reason", "fire")
	r.be("admin")
	r.expect(exitOK, "", "bypass", "2", "--gate", "approval", "--reason", "payments are down")
	r.expect(exitOK, "succeeded", "deployment", "show", "2", "--watch")
	r.expect(exitOK, "approval: 0 of 1 approvals. 1 more from people who may approve. Bypassed by Admin: payments are down.", "deployment", "show", "2")
}
