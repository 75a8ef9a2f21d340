package browser_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestDryRunAnswers says of each question what would come of it, and offers the
// button to those only for whom it would work.
func TestDryRunAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const stage = "/s/billing-api/production"
	w.releaseOf("billing-api", "1.3.0", true)
	for name, c := range map[string]struct {
		as, path string
		may      bool
		says     []string
	}{
		"starts":        {"Ana", "/s/billing-api/dev/dry-run?version=1.3.0", true, []string{"It would start at once.", "ROUNDING", "What fake would do", "All replaced 1 instance of 1.3.0"}},
		"refused":       {"Ana", stage + "/dry-run?version=1.3.0", false, []string{"It would be refused.", "1.3.0 has not been live in staging yet", "who may promote to staging can change this"}},
		"twice":         {"Ana", stage + "/dry-run?version=1.2.0", false, []string{"It would be refused.", "already asks for 1.2.0"}},
		"waits":         {"Ana", stage + "/dry-run?version=1.0.0", true, []string{"It would wait for 1 gate.", "0 of 1 approval", "1.2.0, which waits for 0 of 1 approval", "25 % of traffic", "until a person resumes"}},
		"not hers":      {"Ben", "/s/billing-api/dev/dry-run?version=1.3.0", false, []string{"if somebody promoted it who may", "Why you cannot promote"}},
		"in a week":     {"Ana", "/s/billing-api/dev/dry-run?version=1.3.0&at=2026-11-26T09:00", true, []string{"It would wait for 1 gate.", "Scheduled for Thu 26 Nov 2026 09:00 UTC", ", until 26 Nov 09:00"}},
		"with the next": {"Ana", "/s/billing-api/staging/dry-run", false, []string{"What if 1.2.0 went to staging now?", "already live in staging"}},
	} {
		a := w.get(c.as, c.path).status(http.StatusOK)
		checkPage(a)
		a.says(c.says...)
		if offered := strings.Contains(a.Body.String(), `name="from" value="dry-run"`); offered != c.may {
			t.Errorf("%s: the button is offered: %v", name, offered)
		}
	}
	w.get("Ana", "/s/billing-api/dev/dry-run?version=9").status(http.StatusNotFound)
	w.get("Ana", "/s/billing-api/dev/dry-run?version=1.3.0&share=many").status(http.StatusUnprocessableEntity).says("share: is a number of percent")
	w.get("Ana", "/s/web/dev/dry-run").status(http.StatusNotFound)

	// What has changed since the page was shown is said on it.
	page := w.get("Ana", stage+"/dry-run?version=1.0.0")
	w.finish(w.promote("billing-api", "1.0.0", "production"))
	w.send("Ana", http.MethodPost, stage+"/promote", page.form(stage+"/promote")).status(http.StatusConflict).says("What if 1.0.0 went to production now?", "1.0.0 is already live in production.")
}

// TestWhyNamesWhatStandsInTheWay, who can change it, and what the reader can do.
func TestWhyNamesWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	const why = "/s/billing-api/production/why"
	w.get("Ben", why).says("Why does 1.2.0 not go to production?", "0 of 1 approval", "Approve or reject it", "What others can do", "Cancel it You may not")
	_, err := w.app.LockEnvironment(t.Context(), w.actor("Ana"), app.LockEnvironment{Environment: "dev", Reason: "moving house"})
	must(t, err)
	w.get("Jonas", "/s/billing-api/dev/why").says("Why does nothing new start in dev of billing-api?", "dev is locked by Ana: moving house", "Unlock dev You may not")
	w.get("Jonas", "/s/billing-api/dev").says("locked by Ana", "Why?")
	w.get("Ben", "/s/billing-api/dev").says("Why can't I?")
	w.get("Jonas", runOf(d)+"/why").says("slipway why", "Open the review")
	_, err = w.app.Reject(t.Context(), w.actor("Ben"), app.Reject{Deployment: d.ID, PlanDigest: d.PlanDigest, Reason: "not today"})
	must(t, err)
	w.get("Jonas", runOf(d)+"/why").says("Why did 1.2.0 not get to production?", "has ended", "not today")
	rolled, err := w.app.Rollback(t.Context(), w.actor("Ben"), app.Rollback{Service: "billing-api", Environment: "production", Reason: "sums are off"})
	must(t, err)
	w.finish(rolled)
	w.get("Jonas", why).says("Why does nothing start by itself in production of billing-api?", "Automation is held. People may promote.", "sums are off")
	w.get("Jonas", "/runs/999/why").status(http.StatusNotFound)
	w.get("Vera", why).status(http.StatusNotFound)
}

func runOf(d slipway.Deployment) string { return "/runs/" + strconv.FormatInt(d.ID, 10) }
