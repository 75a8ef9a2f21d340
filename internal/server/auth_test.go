package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestSignInLeadsBackToWhereItBegan(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	response, _ := b.get("/s/web?tab=log")
	if response.StatusCode != 303 || response.Header.Get("Location") != "/sign-in?return=%2Fs%2Fweb%3Ftab%3Dlog" {
		t.Fatalf("a deep link without a session: %s to %q", response.Status, response.Header.Get("Location"))
	}
	if to := b.signIn("ana", "/s/web?tab=log"); to != "/s/web?tab=log" {
		t.Errorf("sent to %q", to)
	}
	if _, body := b.get("/"); body != "<p>Hello Ana" {
		t.Errorf("signed in: %q", body)
	}
}

func TestNoRedirectToElsewhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, evil := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/auth/logout"} {
		if to := r.browser().signIn("ana", evil); to != "/" {
			t.Errorf("return=%s led to %q", evil, to)
		}
	}
}

func TestTheSessionGetsANewIDAtSignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	callback := b.toCallback("ana", "/")
	before := b.cookie()
	if before == "" {
		t.Fatal("no session while signing in")
	}
	response, _ := b.get(callback)
	after := b.cookie()
	if response.StatusCode != 303 || after == "" || after == before {
		t.Fatalf("%s, session %q then %q", response.Status, before, after)
	}
	for _, c := range response.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
	// What an attacker may have put there opens nothing.
	stranger := r.browser()
	if response, _ := stranger.get("/", "Cookie", "slipway="+before); response.StatusCode != 303 {
		t.Errorf("the old id answers %s", response.Status)
	}
	// The answer of the provider is good once.
	if response, _ := b.get(callback); response.StatusCode != 401 {
		t.Errorf("the callback a second time: %s", response.Status)
	}
}

func TestACallbackOfAnotherBrowserIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	callback := r.browser().toCallback("ana", "/")
	victim := r.browser()
	response, body := victim.get(callback)
	if response.StatusCode != 401 || !strings.Contains(body, "did not begin in this browser") {
		t.Errorf("%s %s", response.Status, body)
	}
	if response, _ := victim.get("/"); response.StatusCode != 303 {
		t.Errorf("signed in by somebody else's link: %s", response.Status)
	}
}

func TestAnAttemptIsUsedUpWhateverComesOfIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	callback, err := url.Parse(b.toCallback("ana", "/"))
	if err != nil {
		t.Fatal(err)
	}
	state := callback.Query().Get("state")
	if response, body := b.get("/auth/callback?error=access_denied&state=" + state); response.StatusCode != 403 {
		t.Errorf("refused by the provider: %s %s", response.Status, body)
	}
	response, body := b.get(callback.String())
	if response.StatusCode != 401 || !strings.Contains(body, "did not begin in this browser") {
		t.Errorf("the same attempt again: %s %s", response.Status, body)
	}
}

func TestSeveralTabsMaySignInAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	first, second := b.toCallback("ana", "/s/one"), b.toCallback("ana", "/s/two")
	if response, _ := b.get(first); response.Header.Get("Location") != "/s/one" {
		t.Errorf("first: %s to %q", response.Status, response.Header.Get("Location"))
	}
	// The second was begun by the session that is gone: it says so and does no harm.
	if response, _ := b.get(second); response.StatusCode != 401 {
		t.Errorf("second: %s", response.Status)
	}
	if _, body := b.get("/"); body != "<p>Hello Ana" {
		t.Errorf("after both: %q", body)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ana", "/")
	stolen := b.cookie()
	response, _ := b.post("/auth/logout", nil)
	to, err := response.Location()
	if err != nil || response.StatusCode != 303 || to.Path != "/dev/issuer/end_session" || to.Query().Get("id_token_hint") == "" {
		t.Fatalf("%s to %v", response.Status, to)
	}
	if response, _ := b.get(to.String()); response.Header.Get("Location") != r.url+"/sign-in" {
		t.Errorf("the provider sends to %q", response.Header.Get("Location"))
	}
	if b.cookie() != "" {
		t.Error("the cookie is still there")
	}
	if response, _ := b.get("/", "Cookie", "slipway="+stolen); response.StatusCode != 303 {
		t.Errorf("the session goes on: %s", response.Status)
	}
	if response, _ := b.post("/auth/logout", nil); response.StatusCode != 303 {
		t.Errorf("a second sign-out: %s", response.Status)
	}
}

func TestSignOutAtAProviderElsewhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Identity = elsewhere{c.Identity} })
	response, body := r.browser().post("/auth/logout", nil)
	if response.StatusCode != 200 || response.Header.Get("Refresh") != "0; url=https://idp.example/out?a=1&b=2" ||
		!strings.Contains(body, `href="https://idp.example/out?a=1&amp;b=2"`) {
		t.Errorf("%s %q %s", response.Status, response.Header.Get("Refresh"), body)
	}
}

type elsewhere struct{ Identity }

func (elsewhere) EndSessionURL(string, string) string { return "https://idp.example/out?a=1&b=2" }

func TestTheProviderMaySignSomebodyOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ana, ben := r.browser(), r.browser()
	ana.signIn("ana", "/")
	ben.signIn("ben", "/")
	token, err := r.issuer.LogoutToken("ana", "")
	if err != nil {
		t.Fatal(err)
	}
	provider := r.browser()
	for _, bad := range []string{"", "x.y.z", token + "x"} {
		response, body := provider.post("/auth/backchannel-logout", url.Values{"logout_token": {bad}})
		if response.StatusCode != 400 || !strings.Contains(body, "invalid_request") {
			t.Errorf("token %q: %s %s", bad, response.Status, body)
		}
	}
	response, _ := provider.post("/auth/backchannel-logout", url.Values{"logout_token": {token}})
	if response.StatusCode != 200 || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, Cache-Control %q", response.Status, response.Header.Get("Cache-Control"))
	}
	if response, _ := ana.get("/"); response.StatusCode != 303 {
		t.Errorf("Ana is still in: %s", response.Status)
	}
	if response, _ := ben.get("/"); response.StatusCode != 200 {
		t.Errorf("Ben is out too: %s", response.Status)
	}
	ana.signIn("ana", "/")
	if response, _ := ana.get("/"); response.StatusCode != 200 {
		t.Errorf("Ana cannot come back: %s", response.Status)
	}
}

func TestTheProviderMayNameOnlyTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ana", "/")
	ctx, err := r.server.freshSession(t.Context(), b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	sid := r.server.sessions.GetString(ctx, keySID)
	if sid == "" {
		t.Fatal("the session does not know what the provider calls it")
	}
	for _, step := range []struct {
		sid  string
		want int
	}{{"somebody-elses", 200}, {sid, 303}} {
		token, err := r.issuer.LogoutToken("", step.sid)
		if err != nil {
			t.Fatal(err)
		}
		if response, body := r.browser().post("/auth/backchannel-logout", url.Values{"logout_token": {token}}); response.StatusCode != 200 {
			t.Fatalf("%s %s", response.Status, body)
		}
		if response, _ := b.get("/"); response.StatusCode != step.want {
			t.Errorf("after the end of session %q: %s, want %d", step.sid, response.Status, step.want)
		}
	}
}

func TestSessionsRunOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ana", "/")
	in := func() bool { response, _ := b.get("/"); return response.StatusCode == 200 }
	for range 13 { // seen every 11 hours: past the idle timeout many times, not past a week
		r.advance(11 * time.Hour)
		if !in() {
			t.Fatal("a session in use ran out")
		}
	}
	for range 3 {
		r.advance(11 * time.Hour)
		in()
	}
	if in() {
		t.Error("a session of more than a week goes on")
	}
	b.signIn("ana", "/")
	r.advance(idleTimeout + time.Minute)
	if in() {
		t.Error("a session unused for more than 12 hours goes on")
	}
}

func TestADisabledPersonIsOutAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	b.signIn("ben", "/")
	u := r.person("ben")
	u.Disabled = true
	r.write(func(tx slipway.Tx) error { return tx.People().PutUser(t.Context(), u) })
	if response, _ := b.get("/"); response.StatusCode != 303 {
		t.Errorf("still in: %s", response.Status)
	}
	response, body := b.get(b.toCallback("ben", "/"))
	if response.StatusCode != 403 || !strings.Contains(body, "disabled") {
		t.Errorf("signs in again: %s %s", response.Status, body)
	}
}

func TestAFormSentAfterTheSessionEndedIsNotLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	response, _ := b.post("/s/web", url.Values{"title": {"x"}}, "Referer", r.url+"/s/web?edit=1")
	if to := response.Header.Get("Location"); response.StatusCode != 303 || to != "/sign-in?lost=1&return=%2Fs%2Fweb%3Fedit%3D1" {
		t.Errorf("%s to %q", response.Status, to)
	}
	response, _ = b.post("/s/web", nil, "Referer", "https://evil.example/x")
	if to := response.Header.Get("Location"); to != "/sign-in?lost=1" {
		t.Errorf("a foreign referer leads to %q", to)
	}
	response, _ = b.get("/s/web", "HX-Request", "true", "HX-Current-URL", r.url+"/s/other?x=1")
	if to := response.Header.Get("HX-Redirect"); response.StatusCode != 401 || to != "/sign-in?return=%2Fs%2Fother%3Fx%3D1" {
		t.Errorf("htmx: %s to %q", response.Status, to)
	}
}

func TestADemoLinkNamesThePerson(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	response, _ := b.get("/auth/login?return=/s/web&login_hint=ben")
	for range 6 {
		if response.StatusCode/100 != 3 || response.Header.Get("Location") == "/s/web" {
			break
		}
		response, _ = b.get(response.Header.Get("Location"))
	}
	if to := response.Header.Get("Location"); to != "/s/web" {
		t.Fatalf("%s to %q", response.Status, to)
	}
	if _, body := b.get("/"); body != "<p>Hello Ben" {
		t.Errorf("signed in as %q", body)
	}
}
