package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestSecretsPage: a value is in a page only when it was asked for, never for
// longer than half a minute, and in no cache.
func TestSecretsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const path, at, canary = "/s/billing-api/secrets", "/s/billing-api/secrets?environment=dev", "canary-8a41"
	w.fill("Jonas", at, path+"/set", "key", "STRIPE_KEY", "value", canary).leadsTo(at)
	stale := w.get("Jonas", at).form(path + "/set")
	for _, name := range []string{"Ana", "Jonas", "Ben"} {
		a := w.get(name, at).status(http.StatusOK).says("STRIPE_KEY")
		if strings.Contains(a.Body.String(), canary) || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s is shown a value, or a cache may keep the page: %q", name, a.Header().Get("Cache-Control"))
		}
		if may := strings.Contains(a.Body.String(), "Reveal STRIPE_KEY in dev"); may != (name == "Ana") {
			t.Errorf("%s is offered to reveal: %v", name, may)
		}
	}
	w.get("Vera", at).status(http.StatusNotFound)
	shown := w.fill("Ana", at, path+"/reveal").status(http.StatusOK).says(canary, "Shown for 30 seconds", "The audit says that you have seen it.")
	if shown.Header().Get("Refresh") != "30; url="+at || shown.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the value stays: %q, %q", shown.Header().Get("Refresh"), shown.Header().Get("Cache-Control"))
	}
	w.send("Jonas", http.MethodPost, path+"/reveal", w.get("Ana", at).form(path+"/reveal")).status(http.StatusForbidden)
	w.get("Ana", "/activity?service=billing-api").says("reveals 1 key of billing-api in dev (STRIPE_KEY)")

	w.fill("Jonas", at, path+"/import", "text", "DB=x\nSTRIPE_KEY=y", "step", "preview").status(http.StatusOK).says("Kept as they are")
	w.fill("Jonas", at, path+"/import", "text", "no line of ours", "step", "import").status(http.StatusUnprocessableEntity).says("line 1: it is not KEY=value.", "no line of ours")
	w.fill("Ana", at, path+"/import", "text", "DB=x", "step", "import").leadsTo(at)
	stale.Set("key", "OTHER")
	stale.Set("value", canary)
	refused := w.send("Jonas", http.MethodPost, path+"/set", stale).status(http.StatusConflict).says("Ana changed DB of billing-api in dev")
	if got := refused.form(path + "/set").Get("key"); got != "OTHER" {
		t.Errorf("what was typed is lost: %q", got)
	}
	if strings.Contains(refused.Body.String(), canary) {
		t.Error("a refused value is in the page")
	}
	w.fill("Jonas", at, path+"/rollback").leadsTo(at)
	w.get("Jonas", at).says("restored by Jonas")
	w.app.Secret = nil
	w.get("Ana", path).status(http.StatusServiceUnavailable).says("This Slipway keeps no secrets")
}

// TestRestrictedKeysOnThePage: nobody is offered to see them, and who asks by hand
// is told why not.
func TestRestrictedKeysOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const path, at, canary = "/s/billing-api/secrets", "/s/billing-api/secrets?environment=dev", "canary-8a42"
	w.fill("Jonas", at, path+"/set", "key", "STRIPE_KEY", "value", canary).leadsTo(at)
	reveal := w.get("Ana", at).form(path + "/reveal")
	w.fill("Jonas", at, path+"/restrict", "key", "STRIPE_KEY").leadsTo(at)
	shown := w.get("Ana", at).status(http.StatusOK).says("restricted")
	if body := shown.Body.String(); strings.Contains(body, "Reveal STRIPE_KEY in dev") || strings.Contains(body, "Copy STRIPE_KEY in dev") {
		t.Error("Ana is offered to see it")
	}
	const why = "STRIPE_KEY of billing-api in dev is restricted: it can be set, brought back and delivered, and nobody can see it."
	refused := w.send("Ana", http.MethodPost, path+"/reveal", reveal).status(http.StatusForbidden).says(why, "the audit says that you asked")
	copied := w.send("Ana", http.MethodPost, path+"/copy", url.Values{"environment": {"dev"}, "name": {"STRIPE_KEY"}}).status(http.StatusForbidden)
	if strings.Contains(refused.Body.String()+copied.Body.String(), canary) || copied.Body.String() != why {
		t.Errorf("copied: %s", copied.Body.String())
	}
	w.get("Ana", "/activity?service=billing-api").says("is not shown 1 restricted key of billing-api in dev (STRIPE_KEY)", "restricts 1 key of billing-api in dev (STRIPE_KEY)")
	w.fill("Jonas", at, path+"/set", "key", "STRIPE_KEY", "value", "x", "restriction", "lift").status(http.StatusForbidden)
	w.fill("Ana", at, path+"/set", "key", "STRIPE_KEY", "value", "new-1", "restriction", "lift").leadsTo(at)
	w.send("Ana", http.MethodPost, path+"/reveal", reveal).status(http.StatusOK).says("new-1")
	w.fill("Jonas", at, path+"/set", "key", "DB", "value", canary, "restriction", "restrict").leadsTo(at)
	if body := w.get("Ana", at).Body.String(); !strings.Contains(body, "Reveal STRIPE_KEY in dev") || strings.Contains(body, "Reveal DB in dev") {
		t.Error("what is offered is not what is open")
	}
}
