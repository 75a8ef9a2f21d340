package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const tabKey = kb.Tab

// Ask first: what would happen, then let it happen; and when it does not, why.
func TestAskBeforeAndAfter(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p)
	b.signIn("Ana Nordin")

	// Every gate is open: it starts from the page that said so.
	b.visit("/s/billing-api")
	b.click("Dry run")
	b.at(`/s/billing-api/staging/dry-run\?version=1.43.0`)
	b.sees("It would start at once.")
	b.sees("slipway promote billing-api 1.43.0 --to staging --dry-run")
	b.click("Promote 1.43.0 to staging")
	b.at(`/runs/\d+`)
	b.sees("1.43.0 is on its way to staging of billing-api.")

	// A calendar keeps it from starting, and is seen before it is kept.
	b.visit("/settings/environments")
	b.click("Add a calendar")
	b.at("/settings/calendars/new")
	b.fill("name", "Every hour of every day")
	b.choose("environment", "staging")
	b.fill("reason", "the till is counted")
	eval[bool](b, `(() => { document.querySelector("#starts").value = "2026-01-01T00:00"; document.querySelector("#ends").value = "2026-01-02T00:00"; return true })()`)
	b.choose("repeats", "FREQ=DAILY")
	b.click("Preview")
	b.sees("What it makes next")
	b.sees("daily, UTC")
	b.click("Add Every hour of every day")
	b.at("/settings/environments")
	b.sees("Every hour of every day is added.")

	// The board says so, and leads to why.
	b.visit("/s/ledger/staging/dry-run?version=0.9.0")
	b.sees("It would wait for 1 gate.")
	b.sees("staging is frozen: Every hour of every day: the till is counted.")
	b.click("Promote 0.9.0 to staging")
	b.at(`/runs/\d+`)
	b.click("Why does it stand still?")
	b.at(`/runs/\d+/why`)
	b.sees("Why does 0.9.0 not go to staging?")
	b.sees("staging is frozen: Every hour of every day: the till is counted.")
	b.click("Change the freezes of staging")
	b.at("/settings/environments")
	b.click("Remove the calendar Every hour of every day")
	b.sees("The calendar is removed")
}

// A cell of the board opens its stage beside it, and the address and the focus
// follow; with script turned off it leads to the stage.
func TestPanelBesideTheBoard(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p)
	b.signIn("Ana Nordin")
	eval[bool](b, `window.sameDocument = true`)
	eval[bool](b, `document.querySelector("#c-web-dev .cell-link").focus(), true`)
	b.key(tabKey)
	if full := eval[string](b, `getComputedStyle(document.activeElement.closest("td").querySelector("time"), "::after").content`); !strings.Contains(full, "UTC") {
		t.Errorf("who comes by keys reads %q", full)
	}
	before := b.clicks
	b.clickIn("#c-web-dev", "web in dev")
	b.until("the panel to be open", `document.activeElement.id === "panel-title" && document.activeElement.innerText === "web in dev"`)
	b.at(`/\?panel=web%2Fdev`)
	b.clickIn("#c-billing-api-staging", "billing-api in staging")
	b.until("the other stage to be open", `document.activeElement.id === "panel-title" && document.activeElement.innerText === "billing-api in staging"`)
	b.key(escape)
	b.until("the panel to be shut", `document.querySelector("#panel").hidden && document.activeElement.closest("td")?.id === "c-billing-api-staging"`)
	b.at("/")
	if !eval[bool](b, `window.sameDocument === true`) {
		t.Error("the page was loaded again")
	}
	if n := b.clicks - before; n != 2 {
		t.Errorf("it took %d clicks", n)
	}
	b.visit("/?panel=billing-api/staging")
	b.clickIn("#panel", "Promote to staging")
	b.at(`/runs/\d+`)

	plain := open(t, p).withoutScripts()
	plain.signIn("Ana Nordin")
	plain.clickIn("#c-web-dev", "web in dev")
	plain.at("/s/web/dev")
}
