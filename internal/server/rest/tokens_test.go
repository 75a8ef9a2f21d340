package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestTokens: expired, revoked and narrowed ones, and cookies, which are none.
func TestTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tokens = map[string]string{"admin": r.tokens["admin"], "developer": r.tokens["developer"]}
	r.tokens["narrow"], _ = r.token("maintainer", app.CreateToken{Name: "ci", Scopes: []slipway.Permission{slipway.ServiceRead, slipway.ReleaseCreate, slipway.TokenManage}})
	r.tokens["short"], _ = r.token("maintainer", app.CreateToken{Name: "short", Lifetime: time.Hour})
	var gone string
	r.tokens["gone"], gone = r.token("maintainer", app.CreateToken{Name: "gone"})

	me := func(role string) call { return call{method: "GET", path: "/api/v1/me", role: role} }
	r.want(http.StatusOK, me("short"))
	r.after(time.Hour)
	r.want(http.StatusUnauthorized, me("short"))
	r.want(http.StatusOK, me("gone"))
	r.want(http.StatusNoContent, call{method: "DELETE", path: "/api/v1/tokens/" + gone, role: "gone"})
	r.want(http.StatusUnauthorized, me("gone"))
	r.want(http.StatusNotFound, call{method: "DELETE", path: "/api/v1/tokens/" + r.spare["admin"], role: "developer"})

	r.want(http.StatusOK, call{method: "GET", path: services + "/shop", role: "narrow"})
	r.want(http.StatusForbidden, call{method: "POST", path: services + "/shop/deployments", role: "narrow", body: map[string]any{"environment": "staging", "version": "1.2.0"}})
	r.want(http.StatusForbidden, call{method: "GET", path: "/api/v1/me/notifications", role: "narrow"})
	r.want(http.StatusForbidden, call{method: "PUT", path: "/api/v1/me/notifications", role: "narrow", body: map[string]any{"approvals": false, "urgent": false, "channel": "email", "teams": []string{}, "services": []string{}, "kinds": []string{}}})
	r.want(http.StatusUnprocessableEntity, call{method: "POST", path: "/api/v1/tokens", role: "narrow", body: map[string]any{"name": "wider", "scopes": []string{"deployment.promote"}}})
	r.want(http.StatusUnprocessableEntity, call{method: "POST", path: "/api/v1/tokens", role: "narrow", body: map[string]any{"name": "all"}})

	var created struct{ Secret, ID string }
	r.want(http.StatusCreated, call{method: "POST", path: "/api/v1/tokens", role: "narrow", body: map[string]any{"name": "same", "scopes": []string{"service.read"}, "days": 1}}).decode(t, &created)
	if !regexp.MustCompile(`^slp_` + created.ID + `_\w{43}_\w{6}$`).MatchString(created.Secret) {
		t.Errorf("%+v", created)
	}
	r.tokens["made"] = created.Secret
	if a := r.want(http.StatusOK, call{method: "GET", path: "/api/v1/tokens", role: "narrow"}); strings.Contains(a.body, created.Secret) || strings.Contains(a.body, "secret") {
		t.Errorf("a list of tokens holds a secret: %s", a.body)
	}
	var who struct {
		ID     string
		Scopes []string
	}
	r.want(http.StatusOK, me("made")).decode(t, &who)
	if who.ID != "maintainer" || fmt.Sprint(who.Scopes) != "[service.read]" {
		t.Errorf("%+v", who)
	}
	cookie := me("")
	cookie.header = map[string]string{"Cookie": "session=" + created.Secret + "; __Host-session=" + created.Secret}
	r.want(http.StatusUnauthorized, cookie)
	r.want(http.StatusUnauthorized, call{method: "GET", path: "/api/v1/me?access_token=" + created.Secret})

	var entries []slipway.AuditEntry
	ok(t, r.store.Read(context.Background(), func(tx slipway.Tx) (err error) {
		entries, _, err = tx.Audit().List(context.Background(), slipway.AuditFilter{Action: "token.created"}, slipway.Page{Limit: 1})
		return err
	}))
	if e := entries[0]; e.Via != slipway.ViaREST || e.RequestID == "" || e.Address != "127.0.0.1" || e.TokenID == "" {
		t.Errorf("the audit does not know which way it came: %+v", e)
	}
}

// TestDocs: the page holds under the policy of all pages, names every operation,
// and fetches from nobody else.
func TestDocs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	page := r.want(http.StatusOK, call{method: "GET", path: "/api/docs", header: map[string]string{"Authorization": "Bearer nonsense"}})
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "style-src 'self'") {
		t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{"<script", "style=", "<style", "onclick", "unpkg", "cdn"} {
		if strings.Contains(page.body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if foreign := regexp.MustCompile(`(src|href)="(https?:)?//`).FindString(page.body); foreign != "" {
		t.Errorf("the page leads elsewhere: %s", foreign)
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		if ids[id[1]] {
			t.Errorf("two parts are called %s", id[1])
		}
		ids[id[1]] = true
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		if !ids[link[1]] {
			t.Errorf("a link leads to %s, which is not there", link[1])
		}
	}
	for _, op := range operations(t) {
		if !ids[op.id] {
			t.Errorf("%s is not documented", op.id)
		}
	}
	css := r.want(http.StatusOK, call{method: "GET", path: "/api/docs.css"})
	if !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") || strings.Contains(css.body, "url(") {
		t.Error("the style is no style, or fetches something")
	}
}
