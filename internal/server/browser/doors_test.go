package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
)

func ruleForm(change ...string) []string {
	return append([]string{"name", "Releases", "on", "billing-api", "kind", "github", "issuer", "https://token.actions.githubusercontent.com", "audience", "https://slipway.example.com",
		"claims", "repository_id=74\r\nrepository_owner_id = 65\r\n", "permission", "release.create", "lifetime", "15"}, change...)
}

// asks lets a command line ask to be signed in.
func (w *world) asks(code string) {
	w.t.Helper()
	_, err := w.app.BeginDevice(w.t.Context(), app.BeginDevice{ID: "hash of " + code, UserCode: code, Name: "laptop", Address: "192.0.2.7"})
	must(w.t, err)
}

func (w *world) doorPosts() {
	const path = "/settings/ci"
	w.fill("Ana", path, path, ruleForm()...).leadsTo(path)
	w.get("Ana", path).says("rule 1", "service billing-api", "repository_id = 74", "everywhere")
	w.fill("Ana", path, path+"/1/remove").leadsTo(path)
	w.asks("BCDFGHJK")
	w.fill("Ana", "/device", "/device", "code", "bcdf ghjk").status(http.StatusOK).says("Is this your terminal?", "192.0.2.7", "all that you may", "30 days")
	w.send("Ana", http.MethodPost, "/device", url.Values{"code": {"BCDF-GHJK"}, "decision": {"approve"}}).status(http.StatusOK).says("The command line is signed in.")
}

func TestTrustRulesByForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const path = "/settings/ci"
	refused := w.fill("Ana", path, path, ruleForm("audience", " ", "claims", "repository=acme/billing\nnonsense", "lifetime", "90")...).status(http.StatusUnprocessableEntity).
		says("The rule was not added.", "is not of the form name=value", "1 to 60 minutes")
	if form := refused.form(path); form.Get("name") != "Releases" || !strings.Contains(form.Get("claims"), "nonsense") || form.Get("permission") != "release.create" {
		t.Errorf("what was typed is lost: %v", form)
	}
	checkPage(refused)
	w.fill("Ana", path, path, ruleForm("claims", "repository=acme/billing")...).status(http.StatusUnprocessableEntity).says("repository_owner_id: is needed")
	w.fill("Ana", path, path, ruleForm("on", "nosuch")...).status(http.StatusUnprocessableEntity).says("is nothing that there is")
	w.fill("Ana", path, path, ruleForm("on", "team:payments", "environment", "staging")...).leadsTo(path)
	w.get("Ana", path).says("team payments", "in staging")
	checkPage(w.get("Jonas", path).status(http.StatusOK).says("Who can: "))
	values := url.Values{}
	for pairs := ruleForm(); len(pairs) > 0; pairs = pairs[2:] {
		values.Set(pairs[0], pairs[1])
	}
	w.send("Jonas", http.MethodPost, path, values).status(http.StatusForbidden)
	w.send("Jonas", http.MethodPost, path+"/1/remove", url.Values{}).status(http.StatusForbidden)
	w.send("Ana", http.MethodPost, path+"/9/remove", url.Values{}).leadsTo(path)
	w.send("Ana", http.MethodPost, path+"/x/remove", url.Values{}).status(http.StatusNotFound)
}

// TestDevicePage: a code is typed, looked at and decided on by POST only, and
// nobody tries out many.
func TestDevicePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	w.asks("BCDFGHJK")
	w.get("", "/device").leadsTo("/sign-in?return=%2Fdevice")
	if body := w.get("Jonas", "/device?code=BCDF-GHJK&decision=approve").status(http.StatusOK).Body.String(); strings.Contains(body, "192.0.2.7") || strings.Contains(body, "is signed in") {
		t.Error("a link is enough")
	}
	checkPage(w.fill("Jonas", "/device", "/device", "code", "BCDF-GHJK").status(http.StatusOK).says("Is this your terminal?"))
	w.send("Jonas", http.MethodPost, "/device", url.Values{"code": {"BCDF-GHJK"}, "decision": {"deny"}}).status(http.StatusOK).says("was not signed in")
	w.asks("CCCCCCCC")
	for range 5 {
		w.fill("Jonas", "/device", "/device", "code", "DDDDDDDD").status(http.StatusUnprocessableEntity).says("No command line waits with this code.")
	}
	w.send("Jonas", http.MethodPost, "/device", url.Values{"code": {"CCCCCCCC"}, "decision": {"approve"}}).status(http.StatusTooManyRequests).says("too many codes")
	w.fill("Ana", "/device", "/device", "code", "CCCCCCCC").status(http.StatusOK) // it is Jonas who guesses
	token, answer, err := w.app.TakeDevice(t.Context(), app.TakeDevice{ID: "hash of CCCCCCCC", TokenID: "t", SecretHash: "h"})
	if err != nil || answer != app.DevicePending || token.ID != "" {
		t.Errorf("%+v %q %v", token, answer, err)
	}
}
