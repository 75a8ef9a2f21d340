package browser_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestStrangersAreSentToTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("", "/s/billing-api/dev?x=1").leadsTo("/sign-in?return=" + url.QueryEscape("/s/billing-api/dev?x=1"))
	w.send("", http.MethodPost, "/gates/1/approve", url.Values{"plan": {"x"}}, "Referer", "http://example.com/inbox").leadsTo("/sign-in?lost=1&return=%2Finbox")
	part := w.send("", http.MethodGet, "/find?q=a", nil, "HX-Request", "true").status(http.StatusUnauthorized)
	if part.Header().Get("HX-Redirect") == "" {
		t.Error("htmx is not told where to go")
	}
	w.get("", "/sign-in?return=%2Finbox&lost=1").says("nothing was done", "/inbox")
	if body := w.get("", "/sign-in?return=https%3A%2F%2Fevil.example").Body.String(); strings.Contains(body, "evil") {
		t.Error("the door leads to another host")
	}
	for _, evil := range []string{"//evil.example", "/\\evil.example", "https://evil.example"} {
		w.get("Ana", "/sign-in?return="+url.QueryEscape(evil)).leadsTo("/")
	}
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	checkPage(w.get("Ana", "/s/billing-ap").status(http.StatusNotFound).says(`There is no service "billing-ap"`, "Did you mean", "billing-api", "Request"))
	checkPage(w.get("Ana", "/nowhere").status(http.StatusNotFound).says("There is nothing at this address", "Ana"))
	w.get("Vera", "/s/billing-api").status(http.StatusNotFound)
	for _, path := range []string{"/gates/x", "/runs/999", "/runs/999/log.txt", "/s/billing-api/moon", "/s/billing-api/r/9.9.9", "/s/billing-api/moon/rollback", "/s/billing-api/compare?from=9.9.9&to=dev"} {
		w.get("Ana", path).status(http.StatusNotFound)
	}
	w.get("Ana", "/activity?cursor=nonsense").status(http.StatusUnprocessableEntity)
	w.send("Ana", http.MethodDelete, "/inbox", nil).status(http.StatusMethodNotAllowed)
	part := w.send("Ana", http.MethodGet, "/s/nope", nil, "HX-Request", "true").status(http.StatusNotFound)
	if strings.Contains(part.Body.String(), "<html") {
		t.Error("htmx gets a whole page for an error")
	}
	w.send("Ana", http.MethodPost, "/new?from=yaml", url.Values{"text": {strings.Repeat("a", 2<<20)}}).status(http.StatusRequestEntityTooLarge)
}

func TestFindAnswersThePalette(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	part := w.send("Ana", http.MethodGet, "/find?q=billing", nil, "HX-Request", "true").status(http.StatusOK).says("billing-api 1.2.0")
	if strings.Contains(part.Body.String(), "<html") {
		t.Error("the palette gets a whole page")
	}
	w.get("Vera", "/find?q=billing").says("Nothing is called “billing”.")
}

// TestHostileText puts markup wherever people may type, and looks for what a
// browser would run.
func TestHostileText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.furnish()
	ctx, ana := t.Context(), w.actor("Ana")
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	_, err := w.app.PutTeam(ctx, ana, app.PutTeam{Team: slipway.Team{Name: "payments", Title: evil, OnCall: evil}})
	must(t, err)
	_, err = w.app.RegisterService(ctx, ana, app.RegisterService{Service: slipway.Service{Name: "billing-api", Team: "payments", Title: evil, Description: evil}})
	must(t, err)
	_, err = w.app.LockEnvironment(ctx, ana, app.LockEnvironment{Environment: "dev", Reason: evil})
	must(t, err)
	_, err = w.app.AddFreeze(ctx, ana, app.AddFreeze{Environment: "staging", Reason: evil, Until: w.clock().Add(time.Hour)})
	must(t, err)
	_, err = w.app.Rollback(ctx, ana, app.Rollback{Service: "billing-api", Environment: "staging", Reason: evil})
	must(t, err)
	_, err = w.app.BlockRelease(ctx, ana, app.BlockRelease{Service: "billing-api", Version: "1.0.0", Reason: evil})
	must(t, err)
	must(t, w.store.Write(ctx, func(tx slipway.Tx) error {
		return tx.Logs().Append(ctx, d.ID, []slipway.LogLine{{Number: 1, At: w.clock(), Source: "app", Stream: "stderr", Text: evil}}, "")
	}))
	paths := []string{"/find?q=" + url.QueryEscape(evil), "/activity?actor=" + url.QueryEscape(evil), "/settings/people?permission=service.read&actor=" + url.QueryEscape(evil), "/s/" + url.PathEscape(evil)}
	for path := range pages(d) {
		paths = append(paths, path)
	}
	for _, path := range paths {
		a := w.get("Ana", path)
		for _, n := range elements(a.page(), "script", "img", "a", "form") {
			if (n.Data == "script" && !strings.HasPrefix(attr(n, "src"), "/static/")) || n.Data == "img" || strings.HasPrefix(strings.ToLower(attr(n, "href")), "javascript:") {
				t.Errorf("%s: <%s> from what somebody typed", path, n.Data)
			}
		}
	}
	w.get("Ana", fmt.Sprintf("/runs/%d/log.txt", d.ID)).says("stderr")
	for _, bad := range []url.Values{{"name": {evil}, "title": {evil}, "links": {evil}}, {"text": {evil}}} {
		a := w.send("Ana", http.MethodPost, "/new?from=form", bad).status(http.StatusUnprocessableEntity)
		if strings.Contains(a.Body.String(), "<script>alert") {
			t.Error("a form gives markup back as it was typed")
		}
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, ana := t.Context(), w.actor("Ana")
	for i := range 210 { // more than one batch
		_, err := w.app.PutTeam(ctx, ana, app.PutTeam{Team: slipway.Team{Name: fmt.Sprintf("t%d", i), Title: "=cmd()"}})
		must(t, err)
	}
	rows, err := csv.NewReader(w.get("Ana", "/activity.csv?action=team.saved").status(http.StatusOK).Body).ReadAll()
	must(t, err)
	if len(rows) != 211 || rows[0][0] != "at" || rows[1][1] != "Ana" {
		t.Errorf("%d rows, the first %v", len(rows), rows[0])
	}
	lines := 0
	for scanner := bufio.NewScanner(w.get("Ana", "/activity.jsonl?action=team.saved").status(http.StatusOK).Body); scanner.Scan(); lines++ {
		var e slipway.AuditEntry
		must(t, json.Unmarshal(scanner.Bytes(), &e))
	}
	if lines != 210 {
		t.Errorf("%d lines", lines)
	}
	if got := w.get("Vera", "/activity.csv").Body.String(); strings.Count(got, "\n") > 1 {
		t.Errorf("somebody without a role exports %q", got)
	}
}
