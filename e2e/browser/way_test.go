package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/e2e/portal"
	"github.com/slipway-dev/slipway/internal/demoapp"
)

// The way of a release as people walk it: register, write the pipeline, let CI
// send a release, promote, approve, watch, see a bad one come back by itself,
// and take the last one back by hand.
func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	p := start(t)
	w := &way{t: t, portal: p, dir: filepath.Join(t.TempDir(), "artifacts"), ana: open(t, p), ben: open(t, p)}
	w.ana.signIn("Ana Nordin")
	w.ben.signIn("Ben Okafor")
	w.register()
	w.applyPipeline()
	w.toProduction("1.0.0", "teal")
	w.approveInTwoClicks("1.0.0")
	w.watch("1.0.0")
	address := w.address("production")
	w.serves(address, "1.0.0")

	w.toProduction("1.1.0", "indigo")
	w.approveInTwoClicks("1.1.0")
	w.watch("1.1.0")
	w.serves(address, "1.1.0")

	w.badReleaseComesBack("1.2.0")
	w.rollBackInTwoClicks("1.1.0", "1.0.0")
	w.serves(address, "1.0.0")
	w.liftHold()
}

type way struct {
	t        *testing.T
	portal   *portal.Portal
	dir      string
	ana, ben *tab
}

func (w *way) register() {
	b := w.ana
	b.visit("/")
	b.click("Register service")
	b.at("/new")
	b.fill("name", "parcels")
	b.fill("title", "Parcels")
	b.choose("team", "payments")
	b.fill("description", "Where a parcel is")
	b.fill("repository", "https://git.example.com/payments/parcels")
	b.clickIn("main", "Register service")
	b.at("/s/parcels(/pipeline)?")
	b.sees("parcels")
}

func (w *way) applyPipeline() {
	b := w.ana
	b.visit("/s/parcels")
	b.click("Write the pipeline")
	b.at("/s/parcels/pipeline")
	b.fill("yaml", w.portal.Pipeline("parcels", "{type: canary, steps: [{weight: 50, bake: 2s}, {weight: 100}]}",
		"approval: {count: 1, groups: [payments-leads, sre]}"))
	b.click("Show difference")
	b.sees("The first revision, with 3 stages")
	b.seesNot("problem")
	b.click("Apply as revision 1")
	b.sees("Revision 1 is applied.")
}

// toProduction has CI send a release, which goes to dev by itself, and asks for
// the other two by hand.
func (w *way) toProduction(version, colour string) {
	w.portal.Bundle(w.t, w.dir, demoapp.Bundle{Service: "parcels", Version: version, Colour: colour})
	b := w.ana
	b.visit("/s/parcels")
	w.lives("dev", version)
	b.click("Promote " + version + " to staging")
	b.at(`/(gates|runs)/\d+`)
	w.lives("staging", version)
	b.visit("/s/parcels")
	before := b.clicks
	b.click("Promote " + version + " to production")
	b.at(`/(gates|runs)/\d+`)
	b.sees("0 of 1 approvals")
	if b.clicks-before > 2 {
		w.t.Errorf("promoting took %d clicks", b.clicks-before)
	}
}

// lives waits until the open page of the service shows the version live there,
// without a reload.
func (w *way) lives(environment, version string) {
	w.t.Helper()
	w.ana.visit("/s/parcels")
	w.ana.until(version+" to be live in "+environment, fmt.Sprintf(`document.querySelector("#l-parcels-%s.is-live")?.innerText.includes(%s)`, environment, quote(version)))
}

// approveInTwoClicks decides in the inbox: open the row, approve what it shows.
func (w *way) approveInTwoClicks(version string) {
	b := w.ben
	b.visit("/inbox")
	before := b.clicks
	b.clickIn("#inbox-live", "parcels")
	b.sees("What changes")
	b.sees("Change the colour to")
	b.click("Approve " + version + " to production")
	b.sees("You approved " + version + " to production of parcels.")
	if n := b.clicks - before; n != 2 {
		w.t.Errorf("approving took %d clicks, not 2", n)
	}
}

// watch follows a run on a page that is never loaded again: its steps, its log
// and its end come by themselves.
func (w *way) watch(version string) {
	b := w.ben
	b.click("See how it goes")
	b.at(`/runs/\d+`)
	eval[bool](b, `window.sameDocument = true`)
	b.sees("listening")
	b.until("the run to end well", `document.querySelector("#run-head").innerText.includes("succeeded")`)
	if !eval[bool](b, `window.sameDocument === true`) {
		w.t.Error("the page was loaded again while the run went on")
	}
	b.sees(version)
}

func (w *way) address(environment string) string {
	b := w.ana
	b.visit("/s/parcels/" + environment)
	b.sees("Address")
	return eval[string](b, `[...document.querySelectorAll("main a")].find((a) => a.href.startsWith("http://127.0.0.1:")).href`)
}

// serves asks the service itself, over real HTTP.
func (w *way) serves(address, version string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/version", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	var said struct{ Version string }
	if err != nil || json.Unmarshal(body, &said) != nil || said.Version != version {
		w.t.Errorf("%s answers %s %s (%v), want version %s", address, response.Status, body, err, version)
	}
}

// badReleaseComesBack sends one that never gets ready straight to production.
func (w *way) badReleaseComesBack(version string) {
	w.portal.Bundle(w.t, w.dir, demoapp.Bundle{Service: "parcels", Version: version, Colour: "crimson", Fail: demoapp.FailNeverReady})
	b := w.ana
	b.visit("/s/parcels")
	b.until("dev to refuse "+version, fmt.Sprintf(`document.querySelector("#l-parcels-dev")?.className.match(/is-(failed|rolled)/) && document.querySelector("#l-parcels-dev").innerText.includes(%s)`, quote("1.1.0")))
	b.clickIn("#l-parcels-dev", "1.2.0")
	b.at(`/runs/\d+`)
	b.sees("dev did not take 1.2.0")
	b.sees("not ready within 4s")
	b.sees("1.1.0 is live again.")
	b.sees("GET /healthz answered 503")
}

// rollBackInTwoClicks goes from the stage's page: Roll back, Roll back to X.
func (w *way) rollBackInTwoClicks(from, to string) {
	b := w.ben
	b.visit("/s/parcels/production")
	b.sees(from)
	before := b.clicks
	b.click("Roll back")
	b.at("/s/parcels/production/rollback")
	b.sees("What will be undone, and what not")
	b.click("Roll back to " + to)
	b.at(`/runs/\d+`)
	if n := b.clicks - before; n != 2 {
		w.t.Errorf("rolling back took %d clicks, not 2", n)
	}
	b.sees("Automation is held there until somebody lifts it.")
	b.until("the rollback to end well", `document.querySelector("#run-head").innerText.includes("succeeded")`)
	b.sees("is held")
}

// liftHold is for who may: an approver rolls back, but does not lift.
func (w *way) liftHold() {
	w.ben.visit("/s/parcels/production")
	w.ben.sees("Automation is held.")
	b := w.ana
	b.visit("/s/parcels/production")
	b.sees("Automation is held.")
	b.click("Lift hold")
	b.until("the hold to be gone", `document.readyState === "complete" && !document.body.innerText.includes("Automation is held.")`)
}
