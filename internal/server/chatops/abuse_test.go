package chatops_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestFiveThousandOfTheSame sends 50 requests a hundred times each, in any order,
// some of them late and under a new signature, to a surface that works on many
// at once: each has one effect.
func TestFiveThousandOfTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana")
	const kinds, each = 50, 100
	type signed struct{ body, timestamp, signature string }
	var sends []signed
	for i := range kinds {
		form, _ := r.slack.CommandForm("UANA", fmt.Sprintf("freeze staging for %dh reason %d", i+1, i))
		body := form.Encode()
		for n := range each {
			at := r.now().Add(-time.Duration(n%4) * time.Minute) // signed up to three minutes ago, which is not too late
			timestamp, signature := chat.SignSlack(r.slack.Secret, at, []byte(body))
			sends = append(sends, signed{body, timestamp, signature})
		}
	}
	rand.Shuffle(len(sends), func(i, j int) { sends[i], sends[j] = sends[j], sends[i] })
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	t.Cleanup(client.CloseIdleConnections)
	var fine, away atomic.Int64
	var senders sync.WaitGroup
	for worker := range 16 {
		senders.Go(func() {
			for i := worker; i < len(sends); i += 16 {
				for status := 0; status != http.StatusOK; { // 503 says: send it again
					status = r.post(client, sends[i].body, sends[i].timestamp, sends[i].signature)
					switch status {
					case http.StatusOK:
						fine.Add(1)
					case http.StatusServiceUnavailable:
						away.Add(1)
					default:
						t.Errorf("status %d", status)
						return
					}
				}
			}
		})
	}
	senders.Wait()
	if fine.Load() != kinds*each {
		t.Fatalf("%d of %d were acknowledged", fine.Load(), kinds*each)
	}
	t.Logf("%d times it was too much at once", away.Load())
	freezes := func() (list []slipway.Freeze) {
		r.read(func(tx slipway.Tx) (err error) { list, err = tx.Freezes().List(r.ctx, r.now()); return err })
		return list
	}
	eventually(t, "all freezes", func() bool { return len(freezes()) >= kinds })
	r.end() // finishes what was acknowledged
	if n := len(freezes()); n != kinds {
		t.Errorf("%d requests led to %d freezes", kinds, n)
	}
	if n := strings.Count(r.all(), "|freeze.added|"); n != 2*kinds { // an entry of the audit and an event each
		t.Errorf("%d requests left %d entries and events", kinds, n)
	}
}

// post sends a command and returns the status.
func (r *rig) post(client *http.Client, body, timestamp, signature string) int {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.url+"/hooks/slack/command", strings.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return 0
	}
	request.Header.Set("X-Slack-Request-Timestamp", timestamp)
	request.Header.Set("X-Slack-Signature", signature)
	response, err := client.Do(request)
	if err != nil {
		r.t.Error(err)
		return http.StatusOK // it is counted as it is
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// TestWhatIsNotTaken sends what nobody may take, by every door, and compares the
// whole database.
func TestWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana")
	form, asked := r.slack.CommandForm("UANA", "lock production because I can")
	body := form.Encode()
	now := r.now()
	sign := func(secret string, at time.Time, body string) []string {
		timestamp, signature := chat.SignSlack(slipway.NewSecret(secret), at, []byte(body))
		return []string{"X-Slack-Request-Timestamp", timestamp, "X-Slack-Signature", signature}
	}
	ours := r.slack.Secret.Reveal()
	other := func(change func(url.Values)) string {
		changed := url.Values{}
		for k, v := range form {
			changed[k] = v
		}
		change(changed)
		return changed.Encode()
	}
	elsewhere := other(func(f url.Values) { f.Set("response_url", "http://169.254.169.254/latest") })
	stranger := other(func(f url.Values) { f.Set("team_id", "T2") })
	nobody := other(func(f url.Values) { f.Del("user_id") })
	huge := "text=" + strings.Repeat("a", 300<<10)
	long := other(func(f url.Values) { f.Set("text", strings.Repeat("a", 9000)) })
	before := r.all()
	for what, try := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"unsigned":                {"/hooks/slack/command", body, nil, 401},
		"signed by somebody else": {"/hooks/slack/command", body, sign("another secret of another app", now, body), 401},
		"signed by nobody":        {"/hooks/slack/command", body, sign("", now, body), 401},
		"another body":            {"/hooks/slack/command", body + "&text=unlock", sign(ours, now, body), 401},
		"ten minutes old":         {"/hooks/slack/command", body, sign(ours, now.Add(-10*time.Minute), body), 401},
		"of the future":           {"/hooks/slack/command", body, sign(ours, now.Add(10*time.Minute), body), 401},
		"oversized":               {"/hooks/slack/command", huge, sign(ours, now, huge), 413},
		"oversized and unsigned":  {"/hooks/slack/command", huge, nil, 401},
		"a long text":             {"/hooks/slack/command", long, sign(ours, now, long), 422},
		"malformed":               {"/hooks/slack/command", "%zz", sign(ours, now, "%zz"), 422},
		"another workspace":       {"/hooks/slack/command", stranger, sign(ours, now, stranger), 403},
		"nobody at all":           {"/hooks/slack/command", nobody, sign(ours, now, nobody), 422},
		"an answer elsewhere":     {"/hooks/slack/command", elsewhere, sign(ours, now, elsewhere), 422},
		"no payload":              {"/hooks/slack/interactive", "a=b", sign(ours, now, "a=b"), 422},
		"a payload of rubbish":    {"/hooks/slack/interactive", "payload={", sign(ours, now, "payload={"), 422},
		"an unsigned payload":     {"/hooks/slack/interactive", "payload={}", nil, 401},
		"nothing":                 {"/hooks/slack/command", "", sign(ours, now, ""), 422},
	} {
		sent := *asked
		r.slack.SendWith(&sent, try.path, try.body, try.headers...)
		if sent.Status != try.status {
			t.Errorf("%s: status %d, want %d: %s", what, sent.Status, try.status, sent.Body)
		}
		if strings.Contains(sent.Body, ours) {
			t.Errorf("%s: the secret is told", what)
		}
	}
	if after := r.all(); after != before {
		t.Errorf("something was changed:\n%s\nbecame\n%s", before, after)
	}
	r.nothingKept()
}

// nothingKept makes sure that what was refused is not on record either.
func (r *rig) nothingKept() {
	r.t.Helper()
	r.read(func(tx slipway.Tx) error { return nil })
	var found []slipway.ChatRequest
	r.write(func(tx slipway.Tx) (err error) {
		found, err = tx.ChatRequests().Claim(r.ctx, r.now().Add(time.Hour), r.now(), 10)
		return err
	})
	for _, f := range found {
		if f.Kind != "link" {
			r.t.Errorf("on record is %+v", f)
		}
	}
}

// TestWhoMayNot: signed requests of people who may not change nothing, and the
// answer says what it says everywhere.
func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("jonas", "ben", "olle", "vera")
	r.live("1.0.0", "staging", "production")
	r.live("1.1.0", "staging", "production")
	r.live("1.2.0", "staging")
	d := must(r.Promote(r.ctx, r.actor("jonas"), app.Promote{Service: "billing-api", Version: "1.2.0", Environment: "production"}))(t)
	d = r.drive(d.ID)
	review := r.slack.Command("UBEN", "approve "+itoa(d.ID)).Answer(t)
	approve, reject := review.Button(t, "Approve"), review.Button(t, "Reject")
	public := func(do chat.Deed) string { // as it stands in a channel, for everybody
		return must(r.seal.SealPress(slipway.Slack, chat.Press{Do: do, Deployment: d.ID, Plan: d.PlanDigest, Service: d.Service, Environment: d.Environment}, r.now().Add(time.Hour)))(t)
	}
	everybody, turnDown, back := approve, reject, approve
	everybody.Value, turnDown.Value, back.Value = public(chat.DoApprove), public(chat.DoReject), public(chat.DoRollback)
	before := r.all()
	for what, try := range map[string]struct {
		user  string
		words []string
		do    func(user string) string
	}{
		"unlinked":                            {"USTRANGER", []string{"not linked"}, func(u string) string { return r.slack.Click(u, everybody).Answer(t).Words }},
		"another's preview":                   {"UVERA", []string{"for somebody else"}, func(u string) string { return r.slack.Click(u, approve).Answer(t).Words }},
		"an approver of another team":         {"UOLLE", []string{"no deployment"}, func(u string) string { return r.slack.Click(u, everybody).Answer(t).Words }},
		"an approver of another team, typing": {"UOLLE", []string{"no deployment"}, func(u string) string { return r.slack.Command(u, "reject "+itoa(d.ID)+" no").Answer(t).Words }},
		"another team asks why":               {"UOLLE", []string{"no deployment"}, func(u string) string { return r.slack.Command(u, "why "+itoa(d.ID)).Answer(t).Words }},
		"another team rolls back":             {"UOLLE", []string{"no service"}, func(u string) string { return r.slack.Click(u, back).Answer(t).Words }},
		"a viewer approves":                   {"UVERA", []string{"may not approve", "Who can: "}, func(u string) string { return r.slack.Click(u, everybody).Answer(t).Words }},
		"a viewer rejects":                    {"UVERA", []string{"may not approve"}, func(u string) string { return r.slack.Click(u, turnDown).Answer(t).Words }},
		"a viewer rolls back":                 {"UVERA", []string{"may not roll back"}, func(u string) string { return r.slack.Click(u, back).Answer(t).Words }},
		"who asked for it":                    {"UJONAS", []string{"may not approve"}, func(u string) string { return r.slack.Click(u, everybody).Answer(t).Words }},
		"another service's":                   {"UOLLE", []string{"no service", "billing-api"}, func(u string) string { return r.slack.Command(u, "promote billing-api 1.2.0 to prod").Answer(t).Words }},
		"a forged button": {"UBEN", []string{"not made by this Slipway"}, func(u string) string {
			forged := everybody
			forged.Value = strings.Replace(forged.Value, forged.Value[9:10], "_", 1)
			return r.slack.Click(u, forged).Answer(t).Words
		}},
		"a button of Mattermost": {"UBEN", []string{"not made by this Slipway"}, func(u string) string {
			forged := everybody
			forged.Value = must(r.seal.SealPress(slipway.Mattermost, chat.Press{Do: chat.DoApprove, Deployment: d.ID, Plan: d.PlanDigest}, r.now().Add(time.Hour)))(t)
			return r.slack.Click(u, forged).Answer(t).Words
		}},
		"another plan": {"UBEN", []string{"Changed since this message"}, func(u string) string {
			forged := everybody
			forged.Value = must(r.seal.SealPress(slipway.Slack, chat.Press{Do: chat.DoApprove, Deployment: d.ID, Plan: "sha256:" + strings.Repeat("0", 64)}, r.now().Add(time.Hour)))(t)
			return r.slack.Click(u, forged).Answer(t).Words
		}},
	} {
		says(t, try.do(try.user), try.words...)
		if after := r.all(); after != before {
			t.Fatalf("%s changed something:\n%s\nbecame\n%s", what, before, after)
		}
	}
	r.changed("ben", func(u *slipway.User) { u.Disabled = true })
	before = r.all()
	says(t, r.slack.Click("UBEN", approve).Answer(t).Words, "account is disabled")
	says(t, r.slack.Command("UBEN", "rollback billing-api prod").Answer(t).Words, "account is disabled")
	r.changed("ben", func(u *slipway.User) { u.Disabled = false })
	r.advance(8 * 24 * time.Hour) // longer than a button is good for
	says(t, r.slack.Click("UBEN", approve).Answer(t).Words, "too old to be pressed")
	r.changed("ben", func(u *slipway.User) { u.Disabled = true })
	if after := r.all(); after != before {
		t.Errorf("something was changed:\n%s\nbecame\n%s", before, after)
	}
	if _, words := r.visit("olle", r.url+"/gates/"+itoa(d.ID), nil); !strings.Contains(words, "There is no deployment") {
		t.Error("the page answers otherwise than chat")
	}
}

func (r *rig) changed(name string, change func(*slipway.User)) {
	r.t.Helper()
	u := r.user(name)
	change(&u)
	r.write(func(tx slipway.Tx) error { return tx.People().PutUser(r.ctx, u) })
}

// TestNotSetUp: without a secret nobody is heard, and the answer says why.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *chatops.Config) { c.Slack, c.Mattermost = nil, nil })
	for _, path := range []string{"/hooks/slack/command", "/hooks/slack/interactive", "/hooks/mattermost/command", "/hooks/mattermost/action", "/hooks/mattermost/dialog"} {
		status, body := r.visit("", r.url+path, url.Values{"text": {"status"}})
		if status != http.StatusNotFound || !strings.Contains(body, "is not set up here") || !strings.Contains(body, "docs/chat.md") {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
}

// TestAnotherProcessFinishes: what was acknowledged by a process that died is
// done by the next one, once, and what is too old is not done any more.
func TestAnotherProcessFinishes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana")
	intake := app.ChatIntake{Store: r.Store, Clock: r.now}
	left := func(text string, age time.Duration) slipway.ChatRequest {
		at := r.now().Add(-age).UTC()
		body := fmt.Sprintf(`{"kind":"command","user":{"platform":"slack","workspace":"T1","id":"UANA"},"text":%q,"at":%q,"requestId":"r","address":"192.0.2.1"}`, text, at.Format(time.RFC3339Nano))
		return slipway.ChatRequest{Digest: text, Kind: "command", Body: []byte(body), At: at}
	}
	r.end()
	must(intake.Take(r.ctx, []slipway.ChatRequest{left("lock staging left behind", time.Minute), left("lock production long ago", 20*time.Minute)}, nil))(t)
	r.advance(2 * time.Minute)
	surface := must(chatops.New(chatops.Config{App: r.App, Log: discard(), PublicURL: r.url, Seal: r.seal, Slack: &chatops.Slack{Secret: r.slack.Secret}}))(t)
	ctx, cancel := contextOf(t)
	var running sync.WaitGroup
	running.Go(func() { surface.Run(ctx) })
	locked := func(name string) bool {
		var e slipway.Environment
		r.read(func(tx slipway.Tx) (err error) { e, err = tx.Environments().Get(r.ctx, name); return err })
		return e.Lock != nil
	}
	eventually(t, "what was left", func() bool { return locked("staging") })
	eventually(t, "nothing to be done again", func() bool { return len(must(intake.Abandoned(r.ctx, r.now().Add(time.Hour), 10))(t)) == 0 })
	cancel()
	running.Wait()
	if locked("production") {
		t.Error("what was asked for long ago was done")
	}
}

// TestSecretsStayOutOfTheLog looks for what proves and what answers.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.link("ana")
	form, asked := r.slack.CommandForm("UANA", "status")
	r.slack.Send(asked, "/hooks/slack/command", form.Encode())
	asked.Answer(t)
	r.end()
	if log := r.log.String(); strings.Contains(log, form.Get("response_url")) || strings.Contains(log, r.slack.Secret.Reveal()) || strings.Contains(log, r.slack.Token) || !bytes.Contains([]byte(log), []byte("/hooks/slack/command")) {
		t.Errorf("the log says\n%s", log)
	}
}
