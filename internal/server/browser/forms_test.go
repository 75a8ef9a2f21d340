package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (w *world) services() string {
	w.t.Helper()
	list, _, err := w.app.Services(w.t.Context(), w.actor("Ana"), slipway.ServiceFilter{}, slipway.Page{})
	must(w.t, err)
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

func TestRegisterByForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	refused := w.fill("Ana", "/new", "/new?from=form", "name", "Bad Name", "title", "Kept & shown", "team", "payments", "repository", "ftp://x",
		"links", "Runbook javascript:alert(1)").status(http.StatusUnprocessableEntity).
		says("Nothing was registered yet.", "May hold a-z, 0-9 and -", "Must be an http or https address.")
	form := refused.form("/new?from=form")
	if form.Get("name") != "Bad Name" || form.Get("title") != "Kept & shown" || form.Get("team") != "payments" || !strings.Contains(form.Get("links"), "Runbook") {
		t.Errorf("what was typed is lost: %v", form)
	}
	w.fill("Ana", "/new", "/new?from=form", "name", "billing-api", "team", "payments").status(http.StatusUnprocessableEntity).says("Is taken by a service of team payments.")
	form = w.get("Ana", "/new").form("/new?from=form")
	form.Set("name", "ledger")
	form.Set("team", "payments")
	form.Set("links", "Run book https://runbook.example\nhttps://bare.example")
	w.send("Ana", http.MethodPost, "/new?from=form", form).leadsTo("/s/ledger")
	w.send("Ana", http.MethodPost, "/new?from=form", form).leadsTo("/s/ledger")
	w.get("Ana", "/s/ledger").says("Run book", "https://bare.example", "Send a release")
	w.get("Vera", "/new").says("Why you cannot register")
	w.send("Vera", http.MethodPost, "/new?from=form", url.Values{"name": {"mine"}, "team": {"payments"}}).status(http.StatusForbidden).says("You may not")
	if got := w.services(); got != "billing-api ledger web" {
		t.Errorf("services: %s", got)
	}
}

func TestRegisterByFileIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	text := strings.ReplaceAll(strings.Replace(pipelineText, "billing-api", "ledger", 1), "name: fake", "name: nonsense")
	w.fill("Ana", "/new?from=yaml", "/new?from=yaml", "text", text, "intent", "apply").status(http.StatusUnprocessableEntity).
		says(`there is no deployer "nonsense"`, "line 6")
	if got := w.services(); got != "billing-api web" {
		t.Fatalf("a file with a fault left something behind: %s", got)
	}
	text = strings.ReplaceAll(text, "nonsense", "fake")
	preview := w.fill("Ana", "/new?from=yaml", "/new?from=yaml", "text", text, "intent", "preview").status(http.StatusOK).says("What will be registered", "new", "Register 1")
	if got := w.services(); got != "billing-api web" {
		t.Fatalf("a preview registered something: %s", got)
	}
	form := preview.form("/new?from=yaml")
	form.Set("intent", "apply")
	w.send("Ana", http.MethodPost, "/new?from=yaml", form).leadsTo("/s/ledger")
	w.get("Ana", "/s/ledger").says("revision 1", "staging")
	w.fill("Ana", "/new?from=yaml", "/new?from=yaml", "text", "stages: [", "intent", "preview").status(http.StatusUnprocessableEntity).says("line 1")
}

const catalog = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: Ledger_API, title: Ledger}
spec: {type: service, owner: payments, lifecycle: production}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
`

func TestRegisterFromBackstage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	broken := catalog + "---\n" + strings.ReplaceAll(strings.Split(catalog, "---")[0], "payments", "nobody")
	broken = strings.Replace(broken, "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: Ledger_API", "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: Other", 1)
	w.fill("Ana", "/new?from=backstage", "/new?from=backstage", "text", broken, "intent", "preview").says("There is no team nobody yet.", "this is of kind Group")
	w.fill("Ana", "/new?from=backstage", "/new?from=backstage", "text", broken, "intent", "apply").status(http.StatusUnprocessableEntity)
	if got := w.services(); got != "billing-api web" {
		t.Fatalf("a file with a fault left something behind: %s", got)
	}
	preview := w.fill("Ana", "/new?from=backstage", "/new?from=backstage", "text", catalog, "intent", "preview").says("Ledger_API is called ledger-api here.", "Register 1")
	form := preview.form("/new?from=backstage")
	form.Set("intent", "apply")
	w.send("Ana", http.MethodPost, "/new?from=backstage", form).leadsTo("/")
	w.send("Ana", http.MethodPost, "/new?from=backstage", form).leadsTo("/")
	if got := w.services(); got != "billing-api ledger-api web" {
		t.Errorf("services: %s", got)
	}
}

func TestPipelineEditor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	const path = "/s/billing-api/pipeline"
	changed := strings.Replace(pipelineText, "count: 1", "count: 2", 1)
	dry := w.fill("Ana", path, path, "yaml", changed, "intent", "dry-run").status(http.StatusOK).says("1 stage would change", "count: 2")
	// Text keeps its columns, whatever became of its line, and the name of an object is no line.
	dry.holds("<span>    gates:\n</span>", "<del>-   - approval: {count: 1}\n</del><ins>+   - approval: {count: 2}\n</ins>")
	w.get("Ben", fmt.Sprintf("/gates/%d", d.ID)).holds("<b>--- Deployment app changes\n</b><span>  spec:\n</span>",
		"<del>-   image: old &lt;b&gt;\n</del><ins>+   image: new &lt;b&gt;\n</ins>")
	if dry.form(path).Get("yaml") != changed || dry.form(path).Get("base") != "1" {
		t.Error("what was typed is lost")
	}
	w.fill("Ana", path, path, "yaml", "service: [", "intent", "apply").status(http.StatusUnprocessableEntity).says("Nothing was applied")
	w.fill("Ana", path, path, "yaml", strings.Replace(changed, "service: billing-api", "service: web", 1), "intent", "apply").
		status(http.StatusUnprocessableEntity).says("this page is of billing-api", "line 2")
	stale := w.get("Ana", path).form(path)
	w.fill("Ana", path, path, "yaml", changed, "intent", "apply").leadsTo(path)
	stale.Set("yaml", strings.Replace(pipelineText, "count: 1", "count: 3", 1))
	stale.Set("intent", "apply")
	w.send("Ana", http.MethodPost, path, stale).status(http.StatusConflict).says("The pipeline is at revision 2 by now, not 1.", "count: 3")
	w.get("Ana", path+"?revision=1").says("the newest is 2")
	w.get("Ana", path+"?revision=9").status(http.StatusNotFound)
	w.get("Vera", path).status(http.StatusNotFound)
	w.get("Jonas", path).status(http.StatusOK).says("Why you cannot apply")
}

// silentDeployers do not say whether they can go a way.
type silentDeployers struct {
	stubDeployers
	why string
}

func (s silentDeployers) CheckWay(context.Context, slipway.Plan) error { return errors.New(s.why) }

// TestDoubtsOutliveTheApply: what deployers doubt is told after a dry run and,
// once, after the real one; at length only where there is room.
func TestDoubtsOutliveTheApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const path = "/s/billing-api/pipeline"
	doubt := func(environment, why string) string {
		return environment + ": deployer fake could not be asked whether it can go this way: " + why
	}
	apply := func(why, text string) answer {
		w.app.Deployers = silentDeployers{why: why}
		w.fill("Ana", path, path, "yaml", text, "intent", "dry-run").status(http.StatusOK).says(doubt("dev", why), doubt("staging", why))
		applied := w.fill("Ana", path, path, "yaml", text, "intent", "apply").leadsTo(path)
		return w.send("Ana", http.MethodGet, path, nil, "Cookie", applied.cookies()).says("is applied")
	}
	if shown := apply("connection refused", strings.Replace(pipelineText, "count: 1", "count: 2", 1)).
		says(doubt("dev", "connection refused"), doubt("staging", "connection refused")); shown.cookies() != "" {
		t.Errorf("they are kept after they were shown: %q", shown.cookies())
	}
	long := strings.Repeat("<a> <b> ", 80)
	apply(long, pipelineText).says(doubt("dev", long[:200]), "There is more to be minded: 1 warning.")
}

func TestSettingsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const places, people = "/settings/environments", "/settings/people"
	for name, fault := range map[string]string{"compare": "Is a word of Slipway's own.", "UPPER": "May hold a-z", "dev": "Is taken; dev has rank 10."} {
		form := w.fill("Ana", places, places, "name", name, "rank", "77", "tier", "staging").status(http.StatusUnprocessableEntity).says(fault).form(places)
		if form.Get("name") != name || form.Get("rank") != "77" || form.Get("tier") != "staging" {
			t.Errorf("what was typed is lost: %v", form)
		}
	}
	w.fill("Ana", places, "/settings/freezes", "environment", "dev", "reason", "rest", "until", "yesterday").status(http.StatusUnprocessableEntity).says("Is a date with a time")
	w.fill("Ana", places, "/settings/freezes", "environment", "dev", "reason", "rest", "until", "2020-01-01T00:00").status(http.StatusUnprocessableEntity).says("Is a time to come")
	w.fill("Ana", places, places+"/dev/lock", "reason", "").status(http.StatusUnprocessableEntity).says("is needed, so that others know why they wait")
	w.send("Jonas", http.MethodPost, places+"/dev/lock", url.Values{"reason": {"mine"}}).status(http.StatusForbidden)
	w.fill("Ana", people, people+"/teams", "name", "payments", "title", "Other").status(http.StatusUnprocessableEntity).says("Is taken by team Payments.")
	w.fill("Ana", people, people+"/bindings", "subject", "", "role", "viewer", "scope", "organisation").status(http.StatusUnprocessableEntity).says("Is needed.")
	w.send("Ana", http.MethodPost, people+"/bindings/99/remove", url.Values{}).leadsTo(people)
	w.get("Ana", people+"?permission=nonsense").says("There is no permission of that name.")
	w.get("Ana", people+"?permission=service.read&actor=ghost").says("Nobody of that name has signed in yet.")
	w.get("Ana", people+"?permission=service.read&resource=ghost").says("There is nothing of that name.")
	w.get("Vera", people).status(http.StatusForbidden).says("You may not", "API tokens")
}

func TestTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/settings/tokens"
	refused := w.fill("Ana", path, path, "name", "", "days", "7").status(http.StatusUnprocessableEntity).says("Is needed, and at most 100")
	if refused.form(path).Get("days") != "7" {
		t.Error("what was typed is lost")
	}
	w.fill("Ana", path, path, "name", "ci", "days", "1000").status(http.StatusUnprocessableEntity).says("Is 1 to 366 days from now.")
	form := w.get("Ana", path).form(path)
	form.Set("name", "ci")
	made := w.send("Ana", http.MethodPost, path, form).status(http.StatusCreated)
	var secret string
	for _, code := range elements(made.page(), "code") {
		if text := visible(code); strings.Count(text, "_") == 3 {
			secret = text
		}
	}
	if secret == "" || made.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("token %q, cache %q", secret, made.Header().Get("Cache-Control"))
	}
	w.send("Ana", http.MethodPost, path, form).status(http.StatusConflict).says("This form was sent before.")
	after := w.get("Ana", path).says("ci", "all that you may")
	if strings.Contains(after.Body.String(), secret) {
		t.Error("the token is shown again")
	}
	if list, err := w.app.Tokens(t.Context(), w.actor("Ana"), false); err != nil || len(list) != 1 {
		t.Errorf("%d tokens, %v", len(list), err)
	}
	w.send("Ana", http.MethodPost, path+"/nonsense/revoke", url.Values{}).status(http.StatusNotFound)
}

func TestAppearance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/settings/appearance"
	saved := w.send("Ana", http.MethodPost, path, url.Values{"theme": {"dark"}, "keys_off": {"1"}, "form": {"full"}}).leadsTo(path)
	page := w.send("Ana", http.MethodGet, "/inbox", nil, "Cookie", saved.cookies())
	if root := elements(page.page(), "html")[0]; attr(root, "data-theme") != "dark" {
		t.Errorf("theme %q", attr(root, "data-theme"))
	}
	if body := elements(page.page(), "body")[0]; has(body, "data-keys") {
		t.Error("single keys are still on")
	}
	w.send("Ana", http.MethodPost, path, url.Values{"theme": {"system"}, "return": {"https://evil.example/"}}).leadsTo(path)
	w.send("Ana", http.MethodPost, path, url.Values{"theme": {"pink"}}).status(http.StatusUnprocessableEntity)
}
