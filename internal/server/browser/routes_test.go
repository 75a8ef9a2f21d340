package browser_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// pages is every address that shows a page, and something that it says.
func pages(d slipway.Deployment) map[string]string {
	n := fmt.Sprint(d.ID)
	return map[string]string{
		"/": "1.2.0 waits for 0 of 1 approval", "/?team=payments": "billing-api", "/?show=failed": "Only services with something failed", "/?q=bill": "billing-api", "/?panel=billing-api/production": "Open the stage", "/?panel=no/where": "Board", "/?mine=1": "You have a role in no team",
		"/inbox": "1.2.0 to production waits for 0 of 1 approval", "/gates/" + n: "Release 1.2.0 to production?", "/runs/" + n: "It waits for people.",
		"/s/billing-api": "Billing API", "/s/web": "No pipeline yet", "/s/billing-api/production": "Change it", "/s/billing-api/dev": "healthy, 2 of 2",
		"/s/billing-api/production/rollback": "slipway rollback billing-api production --to", "/s/billing-api/production/dry-run?version=1.2.0": "What if 1.2.0 went to production now?",
		"/s/billing-api/production/dry-run": "slipway promote billing-api 1.2.0 --to production --dry-run", "/s/billing-api/production/why": "Why does 1.2.0 not go to production?",
		"/s/billing-api/dev/why": "Nothing is under way in dev", "/runs/" + n + "/why": "slipway why " + n, "/s/billing-api/r/1.1.0": "Notes of 1.1.0",
		"/s/billing-api/compare": "Choose two sides", "/s/billing-api/compare?from=staging&to=production": "What differs",
		"/s/billing-api/compare?from=1.0.0&to=1.2.0": "What differs", "/s/billing-api/compare?from=1.0.0&to=1.0.0": "Identical",
		"/s/billing-api/pipeline": "revision 1", "/s/billing-api/pipeline?revision=1": "slipway.yaml", "/s/web/pipeline": "No revision yet",
		"/s/billing-api/secrets": "Secrets", "/s/billing-api/secrets?environment=dev": "Import into dev", "/s/web/secrets": "No secrets yet",
		"/activity": "asked for", "/activity?service=billing-api&actor=Jonas": "actor: Jonas", "/activity?action=nothing": "Nothing matches",
		"/sets": "No release set yet", "/sets/new": "Promote several services",
		"/new": "Register a service", "/new?from=yaml": "Paste a slipway.yaml", "/new?from=backstage": "catalog-info.yaml",
		"/settings/people": "developers", "/settings/people?permission=deployment.approve&actor=ben%40example.com&resource=billing-api%2Fproduction": "Role approver",
		"/settings/environments": "No calendar yet", "/settings/calendars/new": "First time starts", "/settings/calendars/new?from=rule": "DTSTART and", "/settings/calendars/new?from=file": "Each VEVENT",
		"/settings/tokens": "No token yet", "/settings/chat": "Write /slipway link in Slack", "/settings/notifications": "No route yet", "/settings/me/notifications": "What I follow", "/settings/appearance": "Theme", "/settings/ci": "No job comes in by itself yet", "/device": "slipway login shows it",
		"/find": "Find", "/find?q=billing": "Compare environments of billing-api", "/find?q=" + n: "run " + n,
	}
}

// posts sends every form there is once, each from the page it stands on.
func (w *world) posts(d slipway.Deployment) {
	t, n := w.t, fmt.Sprint(d.ID)
	t.Helper()
	w.fill("Ben", "/gates/"+n, "/gates/"+n+"/approve", "comment", "fine").leadsTo("/gates/" + n)
	d = w.begin(d)
	w.fill("Jonas", "/runs/"+n, "/runs/"+n+"/pause").leadsTo("/runs/" + n)
	w.fill("Jonas", "/runs/"+n, "/runs/"+n+"/resume").leadsTo("/runs/" + n)
	w.fill("Jonas", "/runs/"+n, "/runs/"+n+"/cancel").leadsTo("/runs/" + n)
	for d = w.step(d, slipway.Accepted{Generation: d.ID<<12 + 2}); d.State.Active(); {
		d = w.step(d, slipway.Seen{Observed: slipway.Observed{At: w.clock(), Generation: d.Current().Generation, Converged: true}})
	}
	w.pass(time.Second)
	again := w.fill("Jonas", "/runs/"+n, "/runs/"+n+"/retry").status(http.StatusSeeOther).Header().Get("Location")
	w.fill("Ana", again, again+"/bypass", "gate", "approval", "reason", "the pager rings").leadsTo(again)
	w.fill("Ben", again, again+"/reject", "reason", "not today").leadsTo(again)
	w.fill("Ana", "/s/billing-api/production", "/s/billing-api/production/promote", "version", "1.2.0").status(http.StatusSeeOther)
	w.send("Ana", http.MethodPost, "/s/billing-api/staging/redeploy", url.Values{"version": {"1.2.0"}}).status(http.StatusSeeOther)
	w.fill("Ben", "/s/billing-api/production/rollback", "/s/billing-api/production/rollback", "reason", "sums are off").status(http.StatusSeeOther)
	w.fill("Ana", "/s/billing-api/production", "/s/billing-api/production/hold/lift").leadsTo("/s/billing-api/production")
	w.releaseOf("billing-api", "1.3.0", false)
	w.fill("Ana", "/s/billing-api/r/1.3.0", "/s/billing-api/r/1.3.0/block", "reason", "bad").leadsTo("/s/billing-api/r/1.3.0")
	w.fill("Ana", "/s/billing-api/r/1.3.0", "/s/billing-api/r/1.3.0/unblock").leadsTo("/s/billing-api/r/1.3.0")
	w.fill("Ana", "/s/billing-api/r/1.3.0", "/s/billing-api/r/1.3.0/promote", "environment", "dev").status(http.StatusSeeOther)
	w.fill("Ana", "/s/billing-api/pipeline", "/s/billing-api/pipeline", "intent", "apply", "yaml", strings.Replace(pipelineText, "weight: 25", "weight: 20", 1)).leadsTo("/s/billing-api/pipeline")
	w.secretsPosts()
	w.chatPosts()
	w.fill("Ana", "/new", "/new?from=form", "name", "ledger", "team", "payments").leadsTo("/s/ledger")
	w.settingsPosts()
	w.setPosts()
	w.fill("Ana", "/", "/settings/appearance", "theme", "dark").leadsTo("/")
	w.send("Ana", http.MethodPost, "/theme", url.Values{"theme": {"light"}, "return": {"/inbox"}}).leadsTo("/inbox")
}

func (w *world) secretsPosts() {
	const path, at = "/s/billing-api/secrets", "/s/billing-api/secrets?environment=dev"
	w.fill("Jonas", at, path+"/set", "key", "STRIPE_KEY", "value", "canary-1").leadsTo(at)
	w.fill("Jonas", at, path+"/import", "text", "STRIPE_KEY=canary-2\nDB=x", "step", "import").leadsTo(at)
	w.fill("Jonas", at, path+"/rollback").leadsTo(at)
	w.fill("Ana", at, path+"/reveal").status(http.StatusOK)
	w.fill("Jonas", at, path+"/delete").leadsTo(at)
	w.fill("Jonas", at, path+"/undelete").leadsTo(at)
	w.fill("Ana", at, path+"/destroy", "confirm", "no").status(http.StatusUnprocessableEntity).says("its number was not typed to confirm it")
	doomed := w.get("Ana", at).form(path + "/destroy")
	doomed.Set("version", "1")
	doomed.Set("confirm", "1")
	w.send("Ana", http.MethodPost, path+"/destroy", doomed).leadsTo(at)
	w.get("Jonas", at+"&changes=3").says("Version 3 against version 2", "Values are not shown")
	if copied := w.send("Ana", http.MethodPost, path+"/copy", url.Values{"environment": {"dev"}, "name": {"STRIPE_KEY"}}).status(http.StatusOK); !strings.HasPrefix(copied.Body.String(), "canary-") || copied.Header().Get("Cache-Control") != "no-store" {
		w.t.Errorf("copied %q, %q", copied.Body.String(), copied.Header().Get("Cache-Control"))
	}
	w.send("Jonas", http.MethodPost, path+"/copy", url.Values{"environment": {"dev"}, "name": {"STRIPE_KEY"}}).status(http.StatusForbidden)
	w.get("Ana", "/activity?service=billing-api").says("copies 1 key of billing-api in dev (STRIPE_KEY)")
	w.fill("Jonas", at, path+"/restrict", "key", "DB").leadsTo(at)
	w.get("Jonas", "/find?q=stripe").says("STRIPE_KEY of billing-api")
	w.gives("dev", "STRIPE_KEY", 2)
	w.get("Jonas", at).says("What runs in dev was given another value of STRIPE_KEY.", "Roll out the new value to dev")
	w.fill("Jonas", at, path+"/rollout").status(http.StatusSeeOther)
	w.fill("Ana", "/s/billing-api/pipeline", "/s/billing-api/pipeline", "intent", "apply", "yaml",
		strings.Replace(pipelineText, "\n  gates:", "\n  secretApproval: {count: 1}\n  gates:", 1)).leadsTo("/s/billing-api/pipeline")
	const there = path + "?environment=production"
	for i, verb := range []string{"approve", "reject", "withdraw"} {
		who := map[string]string{"approve": "Ben", "reject": "Ben", "withdraw": "Jonas"}[verb]
		w.fill("Jonas", there, path+"/set", "key", "KEY", "value", fmt.Sprint("canary-", i)).leadsTo(there)
		w.get("Ben", "/inbox").says("billing-api", "sets KEY", "Jonas asks for it.")
		w.fill(who, there, fmt.Sprintf("%s/changes/%d/%s", path, i+1, verb), "reason", "not now").leadsTo(there)
	}
	w.get("Ben", there).says("applied", "rejected", "withdrawn", "Rejected by Ben: not now")
}

// gives has what is live in an environment run with a version of a key, and
// nothing else under way.
func (w *world) gives(environment, key string, version int) {
	w.t.Helper()
	must(w.t, w.store.Write(w.t.Context(), func(tx slipway.Tx) error {
		state, err := tx.Stages().Get(w.t.Context(), "billing-api", environment)
		if err != nil {
			return err
		}
		if d, err := tx.Deployments().Active(w.t.Context(), "billing-api", environment); err == nil {
			if _, err := slipway.Advance(w.t.Context(), tx, d, slipway.CancelledBy{Reason: "to make room"}, slipway.System("test"), w.clock()); err != nil {
				return err
			}
		}
		state.Live.Spec.Secrets, state.Live.Spec.SecretPath = map[string]int{key: version}, "payments/billing-api/"+environment
		return tx.Stages().Put(w.t.Context(), state)
	}))
}

// chatPosts links a chat account and unlinks it again.
func (w *world) chatPosts() {
	link, err := w.seal().SealLink(chat.Link{User: slipway.ChatUser{Platform: slipway.Slack, Workspace: "T1", ID: "U1"}, Name: "@<ana>", Once: "n1"}, w.clock().Add(time.Minute))
	must(w.t, err)
	at := "/settings/chat/link?link=" + link
	checkPage(w.get("Ana", at).status(http.StatusOK).says("Is this your Slack account?", "@<ana>", "T1"))
	w.get("Ana", at+"x").status(http.StatusUnprocessableEntity).says("no link that Slipway made")
	w.fill("Ana", at, "/settings/chat/link").leadsTo("/settings/chat")
	w.fill("Ben", at, "/settings/chat/link").status(http.StatusConflict).says("linked to somebody else")
	checkPage(w.get("Ana", "/settings/chat").status(http.StatusOK).says("@<ana>", "Unlink"))
	w.fill("Ana", "/settings/chat", "/settings/chat/unlink").leadsTo("/settings/chat")
}

func (w *world) settingsPosts() {
	people, places, tokens := "/settings/people", "/settings/environments", "/settings/tokens"
	w.fill("Ana", people, people+"/bindings", "subject", "vera@example.com", "role", "viewer", "scope", "team:payments").leadsTo(people)
	w.fill("Ana", people, people+"/bindings/3/remove").leadsTo(people)
	w.fill("Ana", people, people+"/teams", "name", "core", "title", "Core").leadsTo(people)
	w.fill("Ana", places, places, "name", "preview", "rank", "5", "tier", "development").leadsTo(places)
	w.fill("Ana", places, places+"/dev/lock", "reason", "moving house").leadsTo(places)
	w.fill("Ana", places, places+"/dev/unlock").leadsTo(places)
	w.fill("Ana", places, "/settings/stop-the-line", "reason", "orders are lost").leadsTo(places)
	w.get("Jonas", "/").status(http.StatusOK).says("Stop-the-line is on", "orders are lost. Ana")
	w.fill("Ana", places, "/settings/stop-the-line/lift").leadsTo(places)
	w.fill("Ana", places, "/settings/freezes", "environment", "production", "reason", "quarter end", "until", "2027-01-01T08:00").leadsTo(places)
	w.fill("Ana", places, "/settings/freezes/1/remove").leadsTo(places)
	w.calendarPosts()
	w.notificationPosts()
	w.doorPosts()
	made := w.fill("Ana", tokens, tokens, "name", "ci", "permission", "service.read").status(http.StatusCreated).says("It is shown this once.")
	for _, f := range elements(made.page(), "form") {
		if action := attr(f, "action"); strings.HasSuffix(action, "/revoke") {
			w.send("Ana", http.MethodPost, action, made.form(action)).leadsTo(tokens)
		}
	}
}

// TestEveryRoute visits all of the list, so that no page is without a test.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	for path, text := range pages(d) {
		a := w.get("Ana", path).status(http.StatusOK).says(text)
		checkPage(a)
	}
	w.get("", "/sign-in?return=%2Finbox").status(http.StatusOK).says("Sign in with single sign-on")
	w.get("Ana", "/sign-in?return=%2Finbox").leadsTo("/inbox")
	w.get("Ana", "/settings").leadsTo("/settings/people")
	w.get("Ana", "/s/billing-api/r/1.2.0/dry-run?environment=dev&idempotency_key=x").leadsTo("/s/billing-api/dev/dry-run?version=1.2.0")
	w.get("Ana", "/s/billing-api/dev/dry-run?version=1.2.0&idempotency_key=x").leadsTo("/s/billing-api/dev/dry-run?version=1.2.0")
	w.get("Ana", fmt.Sprintf("/runs/%d/log.txt", d.ID)).status(http.StatusOK)
	for _, path := range []string{"/activity.csv?service=billing-api", "/activity.jsonl"} {
		w.get("Ana", path).status(http.StatusOK)
	}
	w.posts(d)
	for path := range pages(d) { // again, with everything that has happened
		checkPage(w.get("Ana", path).status(http.StatusOK))
	}
	for _, r := range w.routes {
		if !w.visited[r.Method+" "+r.Path] {
			t.Errorf("%s %s was not visited", r.Method, r.Path)
		}
	}
}

// TestEmpty shows every page that exists before anything does.
func TestEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, text := range map[string]string{
		"/": "Nothing on the line yet", "/inbox": "Nothing waits for you", "/activity": "signed in", "/new": "There is no team yet", "/new?from=yaml": "Paste",
		"/settings/people": "No team yet", "/settings/environments": "No environment yet", "/settings/tokens": "No token yet", "/settings/chat": "No chat account", "/settings/appearance": "Theme", "/settings/ci": "No job comes in", "/device": "Go on",
		"/find": "Find", "/find?q=zz": "Nothing is called",
	} {
		checkPage(w.get("Ana", path).status(http.StatusOK).says(text))
	}
}

// checkPage holds a page to what all of them promise.
func checkPage(a answer) {
	a.t.Helper()
	doc := a.page()
	if n := len(elements(doc, "h1")); n != 1 {
		a.t.Errorf("%s has %d headings of the first order", a.path, n)
	}
	seen := map[string]bool{}
	for n := range doc.Descendants() {
		if at := attr(n, "id"); at != "" && seen[at] {
			a.t.Errorf("%s has the id %q twice", a.path, at)
		} else {
			seen[at] = true
		}
		if n.Data == "time" && !strings.HasSuffix(attr(n, "title"), "UTC") {
			a.t.Errorf("%s has a time without its zone: %q", a.path, attr(n, "title"))
		}
	}
	for _, f := range elements(doc, "form") {
		if attr(f, "method") == "post" && a.form(attr(f, "action")).Get("idempotency_key") == "" {
			a.t.Errorf("%s: the form for %s has no key", a.path, attr(f, "action"))
		}
	}
	if cache := a.Header().Get("Cache-Control"); !strings.Contains(cache, "no-") {
		a.t.Errorf("%s may be cached: %q", a.path, cache)
	}
}
