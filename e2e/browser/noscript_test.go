package browser_test

import (
	"testing"
)

// Reading, approving and rolling back with JavaScript turned off.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p).withoutScripts()
	b.signIn("Ben Okafor")
	b.visit("/")
	b.sees("1.42.0 waits for 1 of 2 approvals")

	b.visit("/inbox")
	b.clickIn("#inbox-live", "billing-api")
	b.sees("Round half to even in invoice totals")
	b.click("Approve 1.42.0 to production")
	b.at("/inbox")
	b.sees("You approved 1.42.0 to production of billing-api.")
	b.click("See how it goes")
	b.at(`/runs/\d+`)
	b.sees("Steps")

	b.visit("/s/ledger/production")
	before := b.clicks
	b.click("Roll back")
	b.at("/s/ledger/production/rollback")
	b.sees("What will be undone, and what not")
	b.click("Roll back to 0.9.0")
	b.at(`/runs/\d+`)
	b.sees("Automation is held there until somebody lifts it.")
	if n := b.clicks - before; n != 2 {
		t.Errorf("rolling back took %d clicks, not 2", n)
	}
}

// A set is asked for, looked at and taken back with plain forms.
func TestSetsWithoutScripts(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p).withoutScripts()
	b.signIn("Ana Nordin")
	b.visit("/")
	b.click("Sets")
	b.at("/sets")
	b.sees("No release set yet.")
	b.click("Promote several services")
	b.at("/sets/new")
	b.fill("name", "Autumn fonts")
	b.choose("environment", "staging")
	b.fill("items", "gateway 7.5.0\npayout-worker 2.2.0 after gateway")
	b.click("Promote them together")
	b.at("/sets/1")
	b.sees("Autumn fonts is on its way to staging.")
	awaitSet(t, p, 1, func(s set) bool { return s.State == "succeeded" })
	b.visit("/sets/1")
	b.sees("All of it is live in staging.")
	b.click("Roll back…")
	b.click("Roll back all of it")
	b.at("/sets/1")
	b.sees("It goes back, the last of it first.")
	awaitSet(t, p, 1, func(s set) bool { return s.State == "rolledBack" })
	b.visit("/sets/1")
	b.sees("Taken back by Ana Nordin")
}
