package browser_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (w *world) deployment(id int64) app.DeploymentPage {
	w.t.Helper()
	p, err := w.app.Deployment(w.t.Context(), w.actor("Ana"), id)
	must(w.t, err)
	return p
}

func (w *world) deployments(environment string) []slipway.Deployment {
	w.t.Helper()
	list, _, err := w.app.Deployments(w.t.Context(), w.actor("Ana"), slipway.DeploymentFilter{Service: "billing-api", Environment: environment}, slipway.Page{})
	must(w.t, err)
	return list
}

// cookies returns what an answer wants kept, as a browser would send it back.
func (a answer) cookies() string {
	var kept []string
	for _, c := range a.Result().Cookies() {
		if c.MaxAge >= 0 {
			kept = append(kept, c.Name+"="+c.Value)
		}
	}
	return strings.Join(kept, "; ")
}

// TestApproveFromTheInbox walks as somebody without script: the inbox, its
// form, and the inbox again with a word about what was done.
func TestApproveFromTheInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	action := fmt.Sprintf("/gates/%d/approve", d.ID)
	form := w.get("Ben", "/inbox").status(http.StatusOK).form(action)
	if form.Get("plan") != d.PlanDigest {
		t.Fatalf("the form carries plan %q, not %q", form.Get("plan"), d.PlanDigest)
	}
	sent := w.send("Ben", http.MethodPost, action, form).leadsTo("/inbox")
	w.send("Ben", http.MethodPost, action, form).leadsTo("/inbox") // the second click of a double click
	if votes := w.deployment(d.ID).Votes; len(votes) != 1 || votes[0].ByName != "Ben" {
		t.Fatalf("votes: %+v", votes)
	}
	part := w.send("Ben", http.MethodGet, "/inbox", nil, "Cookie", sent.cookies(), "HX-Request", "true")
	if strings.Contains(visible(part.page()), "You approved") || part.cookies() != "" {
		t.Error("a part that refreshes itself ate the message")
	}
	shown := w.send("Ben", http.MethodGet, "/inbox", nil, "Cookie", sent.cookies()).says("You approved 1.2.0 to production of billing-api.", "Nothing waits for you")
	if shown.cookies() != "" {
		t.Errorf("the message is kept after it was shown: %q", shown.cookies())
	}
	w.get("Ben", fmt.Sprintf("/gates/%d", d.ID)).says("You have decided on this plan already", "Ben approved")
}

func TestApprovalIsForOnePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	gate := fmt.Sprintf("/gates/%d", d.ID)
	form := w.get("Ben", gate).form(gate + "/approve")
	other := d.Plan
	other.Deadline *= 2
	w.step(d, slipway.Replanned{Plan: other})
	w.send("Ben", http.MethodPost, gate+"/approve", form).status(http.StatusConflict).says("The plan of deployment", "changed since you saw it", "The plan changed since it was asked for.")
	w.get("Ben", gate).says("10 min")
	if votes := w.deployment(d.ID).Votes; len(votes) != 0 {
		t.Errorf("votes: %+v", votes)
	}
}

func TestWhoAskedDoesNotApprove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	gate := fmt.Sprintf("/gates/%d", d.ID)
	page := w.get("Jonas", gate).status(http.StatusOK).says("You cannot approve this.", "Why you cannot approve")
	for _, f := range elements(page.page(), "form") {
		if strings.HasPrefix(attr(f, "action"), gate) {
			t.Errorf("a form for %s is offered", attr(f, "action"))
		}
	}
	w.send("Jonas", http.MethodPost, gate+"/approve", url.Values{"plan": {d.PlanDigest}}).status(http.StatusForbidden).says("You may not")
	w.send("Ben", http.MethodPost, gate+"/approve", url.Values{}).status(http.StatusUnprocessableEntity).says("digest of the plan")
}

func TestRejectNeedsAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	gate := fmt.Sprintf("/gates/%d", d.ID)
	w.fill("Ben", gate, gate+"/reject", "reason", "  ").status(http.StatusUnprocessableEntity).says("is needed, so that the requester knows")
	w.fill("Ben", gate, gate+"/reject", "reason", "not before the audit").leadsTo(gate)
	w.get("Jonas", gate).says("Rejected by Ben: not before the audit.")
	w.get("Jonas", "/inbox").says("Decided lately", "Rejected by Ben")
	w.send("Ben", http.MethodPost, gate+"/approve", url.Values{"plan": {d.PlanDigest}}).status(http.StatusConflict).says("no longer waits")
}

func TestRollBackWithoutScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	stage := w.get("Ben", "/s/billing-api/production").says("Roll back to 1.0.0")
	if !strings.Contains(stage.Body.String(), `href="/s/billing-api/production/rollback"`) {
		t.Error("the stage does not lead to the rollback")
	}
	const path = "/s/billing-api/production/rollback"
	preview := w.get("Ben", path).says("1.0.0", "served production for", "Its settings: undone", "1.2.0, which waits here, is superseded.")
	form := preview.form(path)
	if form.Get("version") != "1.0.0" {
		t.Fatalf("preselected is %q", form.Get("version"))
	}
	form.Set("reason", "sums are off")
	to := w.send("Ben", http.MethodPost, path, form).status(http.StatusSeeOther).Header().Get("Location")
	w.send("Ben", http.MethodPost, path, form).leadsTo(to)
	newest := w.deployments("production")[0]
	if newest.Cause != slipway.CauseRollback || newest.Version != "1.0.0" || to != fmt.Sprintf("/runs/%d", newest.ID) {
		t.Fatalf("leads to %s; newest is %+v", to, newest)
	}
	if n := len(w.deployments("production")); n != 4 {
		t.Errorf("%d deployments: a double click must not roll back twice", n)
	}
	w.get("Ben", to).says("Roll back billing-api to 1.0.0 in production", "sums are off", "Automation of production is held")
	w.get("Ben", "/s/billing-api/production").says("Automation is held.", "rolled back to 1.0.0: sums are off")
	w.send("Jonas", http.MethodPost, "/s/billing-api/staging/rollback", url.Values{"version": {"0.9"}, "reason": {"<b>why</b>"}}).
		status(http.StatusConflict).says("0.9 never ran well in staging", "<b>why</b>")
}

func TestIrreversibleHasToBeAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	w.releaseOf("billing-api", "2.0.0", false)
	w.finish(w.promote("billing-api", "2.0.0", "dev"))
	const path = "/s/billing-api/dev/rollback"
	w.get("Ana", path).says("2.0.0 is marked irreversible")
	refused := w.fill("Ana", path, path, "reason", "broken totals").status(http.StatusConflict).says("2.0.0 is marked irreversible: what it changed outside")
	if refused.form(path).Get("reason") != "broken totals" {
		t.Error("the reason is lost")
	}
	w.fill("Ana", path, path, "accept_irreversible", "1").status(http.StatusSeeOther)
}

func TestPromoteTwiceIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	w.releaseOf("billing-api", "1.3.0", true)
	before := len(w.deployments("dev"))
	form := w.get("Jonas", "/s/billing-api").says("Promote 1.3.0 to dev").form("/s/billing-api/dev/promote")
	to := w.send("Jonas", http.MethodPost, "/s/billing-api/dev/promote", form).status(http.StatusSeeOther).Header().Get("Location")
	w.send("Jonas", http.MethodPost, "/s/billing-api/dev/promote", form).leadsTo(to)
	if n := len(w.deployments("dev")) - before; n != 1 {
		t.Errorf("%d deployments", n)
	}
	w.send("Jonas", http.MethodPost, "/s/billing-api/staging/promote", url.Values{"version": {"1.3.0"}}).status(http.StatusConflict).
		says("has not been live in dev yet", "1.3.0 does not go to staging")
	w.send("Vera", http.MethodPost, "/s/billing-api/dev/promote", url.Values{"version": {"1.3.0"}}).status(http.StatusNotFound)
}

func TestBlockedReleaseSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const path = "/s/billing-api/r/1.2.0"
	w.fill("Ana", path, path+"/block", "reason", "").status(http.StatusUnprocessableEntity).says("is needed, so that others know")
	w.fill("Ana", path, path+"/block", "reason", "loses cents").leadsTo(path)
	w.get("Jonas", path).says("This release is blocked.", "loses cents", "live in dev, staging, blocked")
	w.send("Vera", http.MethodPost, path+"/unblock", url.Values{}).status(http.StatusNotFound)
	w.get("Jonas", "/s/billing-api/production").says("blocked: loses cents")
}
