package chatops_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestALinkJoinsOnce goes the whole way of a link: offered in chat, opened in
// the browser by somebody signed in, confirmed by a form, used up.
func TestALinkJoinsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := r.slack.Command("UJONAS", "status")
	said := asked.Answer(t)
	says(t, said.Words, "not linked to anybody", "Nothing was changed")
	address := said.Button(t, "Link account").URL
	if !strings.HasPrefix(address, r.url+"/settings/chat/link?link=") {
		t.Fatalf("the link leads to %s", address)
	}
	before := r.all()
	if status, _ := r.visit("", address, nil); status != http.StatusSeeOther {
		t.Errorf("without a session the link gives status %d", status)
	}
	status, body := r.visit("jonas", address, nil)
	says(t, body, "Is this your Slack account?", "UJONAS", "T1", "@ujonas", "Speaks for", "Jonas", "asked for this link yourself")
	if status != http.StatusOK || r.all() != before {
		t.Errorf("looking at a link gives status %d, or changes something", status)
	}
	link := hiddenLink.FindStringSubmatch(body)
	if link == nil {
		t.Fatalf("no form on\n%s", body)
	}
	form := url.Values{"link": {link[1]}}
	if status, _ := r.visit("jonas", r.url+"/settings/chat/link", form, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden || r.all() != before {
		t.Errorf("another site's form gives status %d, or changes something", status)
	}
	forged := url.Values{"link": {strings.Replace(link[1], link[1][5:6], "x", 1)}}
	if status, body := r.visit("jonas", r.url+"/settings/chat/link", forged); status != http.StatusUnprocessableEntity || r.all() != before {
		t.Errorf("a forged link gives status %d, or changes something\n%s", status, body)
	}
	for range 2 { // pressed twice
		if status, body := r.visit("jonas", r.url+"/settings/chat/link", form); status != http.StatusSeeOther {
			t.Fatalf("the form gives status %d\n%s", status, body)
		}
	}
	if status, body := r.visit("ben", r.url+"/settings/chat/link", form); status != http.StatusConflict {
		t.Errorf("somebody else uses the link with status %d\n%s", status, body)
	}
	if e := r.audit(1)[0]; e.Action != "chat.linked" || e.Actor.ID != "jonas" || e.Via != slipway.ViaBrowser {
		t.Errorf("the audit says %+v", e)
	}
	says(t, r.slack.Command("UJONAS", "link").Answer(t).Words, "linked to Jonas")
	says(t, r.slack.Command("UJONAS", "status").Answer(t).Words, "billing-api: staging empty · production empty")
	_, body = r.visit("jonas", r.url+"/settings/chat", nil)
	says(t, body, "UJONAS", "Unlink")
	says(t, r.slack.Command("UJONAS", "unlink").Answer(t).Words, "speaks for nobody")
	if e := r.audit(1)[0]; e.Action != "chat.unlinked" || e.Actor.ID != "jonas" || e.Via != slipway.ViaSlack {
		t.Errorf("the audit says %+v", e)
	}
	says(t, r.slack.Command("UJONAS", "status").Answer(t).Words, "not linked")
	r.advance(16 * time.Minute)
	if status, body := r.visit("jonas", address, nil); status != http.StatusConflict || !strings.Contains(body, "expired") {
		t.Errorf("an old link gives status %d", status)
	}
}

// TestPromoteApproveRollBack is a release's way through Slack.
func TestPromoteApproveRollBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("jonas", "ben")
	r.live("1.0.0", "staging", "production")
	r.live("1.1.0", "staging")
	before := r.all()
	asked := r.slack.Command("UJONAS", "promote billing-api 1.1.0 to prod")
	preview := asked.Answer(t)
	says(t, preview.Words, "billing-api 1.1.0 to production?", "1.0.0 → 1.1.0", "Round <!channel> sums for 1.1.0 (Mira)", "config MODE: 1.0.0 → 1.1.0", "approval", "It would start, and wait")
	if r.all() != before {
		t.Error("a preview changes something")
	}
	confirm := preview.Button(t, "Promote 1.1.0")
	for range 2 { // two clicks are two requests, and one deployment
		click := r.slack.Click("UJONAS", confirm)
		said := click.Answer(t)
		says(t, said.Words, "1.1.0 goes to production: deployment ", "This channel is told")
		if !said.Replace {
			t.Error("the preview stays beside its answer")
		}
		click.Quiet(t)
	}
	d := r.newest()
	if d.Version != "1.1.0" || d.Environment != "production" || d.State != slipway.Waiting || d.RequestedBy.ID != "jonas" || strings.Count(r.all(), "|deployment.promote|") != strings.Count(before, "|deployment.promote|")+1 {
		t.Errorf("it led to %+v", d)
	}
	var told []slipway.Announcement
	r.read(func(tx slipway.Tx) (err error) { told, err = tx.Announcements().Of(r.ctx, d.ID); return err })
	if len(told) != 1 || told[0].Place != (slipway.Place{Platform: slipway.Slack, Workspace: "T1", Channel: "C1"}) || told[0].NextAt == nil {
		t.Errorf("told is %+v", told)
	}
	d = r.drive(d.ID)
	says(t, r.slack.Command("UJONAS", "why #"+itoa(d.ID)).Answer(t).Words, "stands still", "approval", "Who can change it")
	says(t, r.slack.Command("UJONAS", "approve "+itoa(d.ID)).Answer(t).Words, "may not") // who asks cannot decide
	says(t, r.slack.Command("UBEN", "approve").Answer(t).Words, "1 wait for your decision", itoa(d.ID)+": billing-api 1.1.0 to production")
	review := r.slack.Command("UBEN", "approve G-"+itoa(d.ID)).Answer(t)
	says(t, review.Words, "Asked for by: Jonas", "Plan: "+slipway.ShortDigest(d.PlanDigest), "Round <!channel>")
	r.slack.Click("UBEN", review.Button(t, "Approve")).Answer(t)
	if e := r.audit(1)[0]; e.Action != "deployment.approve" || e.Actor.ID != "ben" || e.Via != slipway.ViaSlack || e.RequestID == "" {
		t.Errorf("the audit says %+v", e)
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Fatalf("it is %s: %s", d.State, d.Message)
	}
	r.rollsBack()
}

func (r *rig) rollsBack() {
	t := r.t
	preview := r.slack.Command("UBEN", "rollback billing-api production because “checkout fails”").Answer(t)
	says(t, preview.Words, "Roll billing-api in production back to 1.0.0?", "1.1.0 → 1.0.0", "config MODE: 1.1.0 → 1.0.0", "Automation is held")
	button := preview.Button(t, "Roll back to 1.0.0")
	for range 2 {
		says(t, r.slack.Click("UBEN", button).Answer(t).Words, "goes back to 1.0.0: deployment ")
	}
	back := r.newest()
	if back.Cause != slipway.CauseRollback || back.Note != "checkout fails" || r.drive(back.ID).State != slipway.Succeeded {
		t.Errorf("it led to %+v", back)
	}
	says(t, r.slack.Command("UBEN", "status billing-api").Answer(t).Words, "production: 1.0.0 live", "2 of 2 ready", "automation is held")
	says(t, r.slack.Click("UBEN", button).Answer(t).Words, "1.0.0 is what is live") // an old button does nothing
	if again := r.newest(); again.ID != back.ID {
		t.Errorf("an old button led to %+v", again)
	}
}

// TestAPlanThatChanged: an old button decides nothing, and says what changed.
func TestAPlanThatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("jonas", "ben")
	r.live("1.0.0", "staging", "production")
	r.live("1.1.0", "staging")
	preview := r.slack.Command("UJONAS", "promote billing-api to prod").Answer(t)
	r.apply(2)
	said := r.slack.Click("UJONAS", preview.Button(t, "Promote 1.1.0")).Answer(t)
	says(t, said.Words, "Changed since this message. Nothing was started", "billing-api 1.1.0 to production?")
	r.slack.Click("UJONAS", said.Button(t, "Promote 1.1.0")).Answer(t)
	d := r.drive(r.newest().ID)
	review := r.slack.Command("UBEN", "approve "+itoa(d.ID)).Answer(t)
	r.apply(1)
	d = r.drive(d.ID) // the engine freezes the plan anew
	before := r.all()
	for _, button := range []string{"Approve", "Reject"} {
		said = r.slack.Click("UBEN", review.Button(t, button)).Answer(t)
		says(t, said.Words, "Changed since this message. Nothing was decided", "What changed", "count", "2 → 1")
	}
	if r.all() != before || len(r.slack.Views()) != 0 {
		t.Error("an old button changes something, or asks why")
	}
	says(t, r.slack.Click("UBEN", said.Button(t, "Approve")).Answer(t).Words, "You approved 1.1.0 to production")
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}

// TestRejectAsksWhy: a dialog is opened in time, and its text is the reason.
func TestRejectAsksWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("jonas", "ben", "vera")
	r.live("1.0.0", "staging")
	d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: "1.0.0", Environment: "production"}))(t)
	d = r.drive(d.ID)
	review := r.slack.Command("UBEN", "approve billing-api production").Answer(t)
	r.slack.Click("UBEN", review.Button(t, "Reject"))
	eventually(t, "the dialog", func() bool { return len(r.slack.Views()) == 1 })
	view := r.slack.Views()[0]
	if asked := r.slack.Submit("UVERA", view, "mine"); asked.Status != http.StatusOK {
		t.Errorf("it was answered with %d", asked.Status)
	}
	says(t, r.slack.Command("UVERA", "reject "+itoa(d.ID)+" because").Answer(t).Words, "Why?")
	says(t, r.slack.Command("UVERA", "reject "+itoa(d.ID)+" no way").Answer(t).Words, "may not", "Who can: Ben")
	if r.deployment(d.ID).State != slipway.Waiting {
		t.Error("somebody else's dialog rejected it")
	}
	r.slack.Submit("UBEN", view, "the migration is missing")
	eventually(t, "the rejection", func() bool { return r.deployment(d.ID).State == slipway.Rejected })
	if e := r.audit(1)[0]; e.Via != slipway.ViaSlack || e.Actor.ID != "ben" || !strings.Contains(r.deployment(d.ID).Message, "the migration is missing") {
		t.Errorf("the audit says %+v, and the deployment %q", e, r.deployment(d.ID).Message)
	}
}

// TestControls are the other verbs, each done once however often it is worked on.
func TestControls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana", "vera")
	answer := func(text string) string { return r.slack.Command("UANA", text).Answer(t).Words }
	says(t, answer("lock prod: moving the database"), "production is locked", "/slipway unlock production")
	says(t, answer("lock production again"), "locked already, by Ana")
	says(t, answer("unlock production"), "not locked any more")
	says(t, answer("freeze production for 2 hours — the sale is on"), "production is frozen until", "UTC")
	says(t, answer("freeze production"), "Until when?")
	says(t, answer("stop the line orders are lost"), "The line is stopped")
	says(t, answer("status"), "The line is stopped by Ana: orders are lost")
	says(t, answer("let the line go"), "The line goes")
	says(t, answer("release billing-api"), "1.2.0", "1.1.0", "ago by Ana")
	says(t, answer("release billing-api 1.1.0"), "billing-api 1.1.0", "Round <!channel> sums")
	says(t, answer("why billing-api prod"), "Nothing new starts in production of billing-api but rollbacks", "the sale is on")
	says(t, answer(""), "What you can ask Slipway for", "/slipway promote SERVICE")
	says(t, answer("promot billing-api"), "no command \"promot\"", "/slipway promote SERVICE")
	says(t, answer("promote biling-api to prod"), "no service \"biling-api\"", "Did you mean billing-api?")
	says(t, answer("promote billing-api to prodcution"), "Did you mean production?")
	says(t, answer("promote billing-api 1.2.00 to staging"), "Did you mean 1.2.0?")
	says(t, answer("promote billing-api 1.2.0 to staging"), "billing-api 1.2.0 to staging?", "nothing yet → 1.2.0")
	says(t, answer("approve 4711"), "no deployment \"4711\"")
	says(t, r.slack.Command("UVERA", "lock production because").Answer(t).Words, "Why?")
	says(t, r.slack.Command("UVERA", "stop the line now").Answer(t).Words, "may not", "Who can")
	refused := r.slack.Command("UVERA", "promote billing-api 1.2.0 to staging").Answer(t)
	says(t, refused.Words, "It does not start", "may not")
	for _, b := range refused.Buttons {
		if b.URL == "" {
			t.Errorf("who may not is offered the button %+v", b)
		}
	}
}
