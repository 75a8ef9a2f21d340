package chatops_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestTheWayThroughMattermost is a release's way, with buttons whose callbacks
// are answered at once.
func TestTheWayThroughMattermost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("jonas", "ben")
	r.live("1.0.0", "staging", "production")
	r.live("1.1.0", "staging")
	says(t, r.matter.Answer(r.matter.Command("USTRANGER", "status")).Words, "not linked", "/settings/chat/link?link=")
	preview := r.matter.Answer(r.matter.Command("UJONAS", "promote billing-api to prod"))
	says(t, preview.Words, "billing-api 1.1.0 to production?", "1.0.0 → 1.1.0", "Round <!channel> sums")
	for range 2 {
		clicked := r.matter.Click("UJONAS", preview.Button(t, "Promote"))
		if clicked.Update == nil {
			t.Fatalf("the preview stays: %d %s", clicked.Status, clicked.Body)
		}
		says(t, clicked.Update.Words, "1.1.0 goes to production: deployment ")
		if len(clicked.Update.Buttons) != 0 {
			t.Error("it can be pressed again")
		}
	}
	d := r.drive(r.newest().ID)
	var told []slipway.Announcement
	r.read(func(tx slipway.Tx) (err error) { told, err = tx.Announcements().Of(r.ctx, d.ID); return err })
	if len(told) != 1 || told[0].Place.Platform != slipway.Mattermost || told[0].Place.Channel != "chan1" {
		t.Errorf("told is %+v", told)
	}
	review := r.matter.Answer(r.matter.Command("UBEN", "approve "+itoa(d.ID)))
	clicked := r.matter.Click("UBEN", review.Button(t, "Reject"))
	dialogs := r.matter.Dialogs()
	if clicked.Status != http.StatusOK || len(dialogs) != 1 {
		t.Fatalf("status %d, %d dialogs: %s", clicked.Status, len(dialogs), clicked.Body)
	}
	if status, _ := r.matter.Submit("UJONAS", dialogs[0], "mine"); status != http.StatusUnauthorized {
		t.Errorf("somebody else fills in the dialog with status %d", status)
	}
	if status, _ := r.matter.Submit("UBEN", chattest.MatterDialog{URL: dialogs[0].URL + "x", State: dialogs[0].State, Callback: dialogs[0].Callback}, "no"); status != http.StatusUnauthorized {
		t.Errorf("a dialog without the mark is taken with status %d", status)
	}
	says(t, r.matter.Click("UBEN", review.Button(t, "Approve")).Update.Words, "You approved 1.1.0 to production")
	if e := r.audit(1)[0]; e.Action != "deployment.approve" || e.Actor.ID != "ben" || e.Via != slipway.ViaMattermost {
		t.Errorf("the audit says %+v", e)
	}
	if d = r.drive(d.ID); d.State != slipway.Succeeded {
		t.Fatalf("it is %s: %s", d.State, d.Message)
	}
	if _, fault := r.matter.Submit("UBEN", dialogs[0], "too late"); !strings.Contains(fault, "no longer waits") {
		t.Errorf("a late dialog says %q", fault)
	}
	back := r.matter.Answer(r.matter.Command("UBEN", "rollback billing-api prod"))
	says(t, r.matter.Click("UBEN", back.Button(t, "Roll back")).Update.Words, "goes back to 1.0.0")
	if d = r.newest(); d.Cause != slipway.CauseRollback {
		t.Errorf("it led to %+v", d)
	}
}

// TestRejectInMattermost: the dialog's text is the reason.
func TestRejectInMattermost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ben")
	r.live("1.0.0", "staging")
	d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: "1.0.0", Environment: "production"}))(t)
	d = r.drive(d.ID)
	review := r.matter.Answer(r.matter.Command("UBEN", "approve "+itoa(d.ID)))
	r.matter.Click("UBEN", review.Button(t, "Reject"))
	dialog := r.matter.Dialogs()[0]
	for range 2 { // sent twice
		if status, fault := r.matter.Submit("UBEN", dialog, "the migration is missing"); status != http.StatusOK || fault != "" {
			t.Errorf("status %d, %s", status, fault)
		}
	}
	if d = r.deployment(d.ID); d.State != slipway.Rejected || !strings.Contains(d.Message, "the migration is missing") {
		t.Errorf("it is %s: %s", d.State, d.Message)
	}
}

// TestWhatMattermostMayNot sends what nobody may take: no proof, an old one,
// somebody else's.
func TestWhatMattermostMayNot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana", "ben", "jonas")
	r.live("1.0.0", "staging")
	d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: "1.0.0", Environment: "production"}))(t)
	d = r.drive(d.ID)
	review := r.matter.Answer(r.matter.Command("UBEN", "approve "+itoa(d.ID)))
	approve := review.Button(t, "Approve")
	before := r.all()
	command := func(authorization string, change func(url.Values)) int {
		form, asked := r.matter.CommandForm("UANA", "lock production because I can")
		change(form)
		return r.matter.Send(asked, form, authorization).Status
	}
	token := "Token " + r.matter.CommandToken
	for what, try := range map[string]struct {
		header string
		change func(url.Values)
		status int
	}{
		"no token":             {"", func(url.Values) {}, 401},
		"another token":        {"Token xzum4kpu3faiec7r7c5zt6tfx", func(url.Values) {}, 401},
		"the token as a name":  {r.matter.CommandToken, func(url.Values) {}, 401},
		"another team":         {token, func(f url.Values) { f.Set("team_id", "other") }, 403},
		"an answer elsewhere":  {token, func(f url.Values) { f.Set("response_url", "http://169.254.169.254/hooks/commands/x") }, 422},
		"an answer to the API": {token, func(f url.Values) { f.Set("response_url", r.matter.URL+"/api/v4/posts") }, 422},
		"no trigger":           {token, func(f url.Values) { f.Del("trigger_id") }, 401},
		"nobody":               {token, func(f url.Values) { f.Del("user_id") }, 422},
	} {
		if status := command(try.header, try.change); status != try.status {
			t.Errorf("%s: status %d, want %d", what, status, try.status)
		}
	}
	old, asked := r.matter.CommandForm("UANA", "lock production because I can")
	click := r.matter.ClickBody("UBEN", approve)
	r.advance(10 * time.Minute)
	if status := r.matter.Send(asked, old, token).Status; status != 401 {
		t.Errorf("ten minutes old: status %d", status)
	}
	if status := r.matter.SendClick(approve.URL(), click).Status; status != 401 {
		t.Errorf("a click of ten minutes ago: status %d", status)
	}
	for what, try := range map[string]struct {
		address string
		change  func(map[string]any)
	}{
		"without the mark":      {strings.Split(approve.URL(), "?")[0], func(map[string]any) {}},
		"as somebody else":      {approve.URL(), func(b map[string]any) { b["user_id"] = "UANA" }},
		"without a trigger":     {approve.URL(), func(b map[string]any) { b["trigger_id"] = "" }},
		"with a forged trigger": {approve.URL(), func(b map[string]any) { b["trigger_id"] = b["trigger_id"].(string)[:40] + "AAAA" }},
		"with a forged value":   {approve.URL(), func(b map[string]any) { b["context"] = map[string]any{"value": "x.y"} }},
		"with Slack's value": {approve.URL(), func(b map[string]any) {
			b["context"] = map[string]any{"value": must(r.seal.SealPress(slipway.Slack, chat.Press{Do: chat.DoApprove, Deployment: d.ID, Plan: d.PlanDigest}, r.now().Add(time.Hour)))(t)}
		}},
	} {
		body := r.matter.ClickBody("UBEN", approve)
		try.change(body)
		if c := r.matter.SendClick(try.address, body); c.Status != 401 {
			t.Errorf("a click %s: status %d: %s", what, c.Status, c.Body)
		}
	}
	if c := r.matter.Click("UJONAS", approve); c.Status != 200 || c.Update == nil || !strings.Contains(c.Update.Words, "for somebody else") {
		t.Errorf("another's button: %d %s", c.Status, c.Body)
	}
	if after := r.all(); after != before {
		t.Errorf("something was changed:\n%s\nbecame\n%s", before, after)
	}
	r.nothingKept()
	form, first := r.matter.CommandForm("UANA", "lock staging once")
	for range 5 {
		var sent chattest.Asked // nobody asks what is answered
		if status := r.matter.Send(&sent, form, token).Status; status != 200 {
			t.Errorf("sent again: status %d", status)
		}
	}
	first.Status = 200
	says(t, r.matter.Answer(first).Words, "staging is locked")
	if n := strings.Count(r.all(), "|environment.locked|"); n != 2 {
		t.Errorf("it was done %d times", n/2)
	}
}
