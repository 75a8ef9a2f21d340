package browser_test

import (
	"testing"
)

// Each of the four signs in at the provider's own page, finds what they asked
// for in the first place, and leaves again.
func TestSignIn(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, name := range []string{"Ana Nordin", "Mira Holm", "Jonas Lind", "Ben Okafor"} {
		t.Run(name, func(t *testing.T) {
			b := open(t, p)
			b.expect("401") // the door answers 401 to who asks for a page behind it
			b.visit("/s/billing-api/production?tab=runs")
			b.click("Sign in with")
			b.chooseAtProvider(name)
			b.at(`/s/billing-api/production\?tab=runs`)
			b.sees("billing-api in production")

			b.click(name + ", your menu")
			b.click("Sign out")
			b.sees("Sign in to Slipway")
			b.visit("/")
			b.sees("Sign in to Slipway")
			b.seesNot("billing-api")
		})
	}
}

// The demo people at the door are one click away.
func TestDemoPeopleAtTheDoor(t *testing.T) {
	t.Parallel()
	b := open(t, start(t))
	b.visit("/sign-in")
	b.click("Ben Okafor")
	b.at("/")
	b.click("Ben Okafor, your menu")
	b.sees("payments-leads")
}
