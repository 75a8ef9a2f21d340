package browser_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestABypassIsNoApproval: only who has the right sees it, it needs a reason,
// and it reads as what it is.
func TestABypassIsNoApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	gate := fmt.Sprintf("/gates/%d", d.ID)
	if page := w.get("Ben", gate).status(http.StatusOK).Body.String(); strings.Contains(page, "/bypass") {
		t.Error("Ben, who may approve, is offered a bypass")
	}
	w.send("Ben", http.MethodPost, gate+"/bypass", url.Values{"gate": {"approval"}, "reason": {"mine"}}).status(http.StatusForbidden)
	w.fill("Ana", gate, gate+"/bypass", "gate", "approval", "reason", " ").status(http.StatusUnprocessableEntity).says("others will ask why")
	w.fill("Ana", gate, gate+"/bypass", "gate", "approval", "reason", "the pager rings").leadsTo(gate)
	if p := w.deployment(d.ID); len(p.Votes) != 0 {
		t.Errorf("a bypass is counted as a vote: %+v", p.Votes)
	}
	w.get("Jonas", gate).says("Bypassed by Ana: the pager rings.", "approval, bypassed")
	w.get("Ana", "/activity").says("bypassed the gate approval")
}
