package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

func (g *gauntlet) lift(service string) {
	g.must("root", http.MethodDelete, "services/"+service+"/environments/prod/hold", nil, nil)
}

// office is what people do beside deployments.
func (g *gauntlet) office(n int) {
	name := fmt.Sprintf("n%d", n)
	var made struct{ ID any }
	g.must("root", http.MethodPost, "bindings", map[string]any{"subject": map[string]any{"kind": "group", "name": name}, "role": "viewer", "scope": map[string]any{"kind": "organisation"}}, &made)
	g.must("root", http.MethodDelete, "bindings/"+fmt.Sprint(made.ID), nil, nil)
	g.must("root", http.MethodPost, "freezes", map[string]any{"environment": "dev", "reason": name, "until": time.Now().Add(time.Hour)}, &made)
	g.must("root", http.MethodDelete, "freezes/"+fmt.Sprint(made.ID), nil, nil)
	g.must("root", http.MethodPut, "environments/dev/lock", map[string]any{"reason": name}, nil)
	g.must("root", http.MethodDelete, "environments/dev/lock", nil, nil)
	g.must("root", http.MethodPost, "services/web/releases/1."+fmt.Sprint(n)+"/block", map[string]any{"reason": name}, nil)
	g.must("root", http.MethodDelete, "services/web/releases/1."+fmt.Sprint(n)+"/block", nil, nil)
	g.must("root", http.MethodPost, "apply", "apiVersion: slipway/v1\nservice: filed-"+name+"\nteam: web\nstages:\n"+plain(), nil)
	g.must("root", http.MethodPost, "services/import", "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: imported-"+name+"}\nspec: {type: service, lifecycle: production, owner: web}\n", nil)
	g.rules(name)
	g.told(name)
	g.must("root", http.MethodGet, "services/web/environments/prod/dry-run?version=1."+fmt.Sprint(n), nil, nil)
	g.rollback("wide", "prod")
	g.until(time.Minute, "the rollback ended", func() bool { return !g.newest("wide", "prod").State.Active() })
	g.lift("wide")
	g.token(name)
}

// token makes one and takes it back.
func (g *gauntlet) token(name string) {
	var made struct{ ID string }
	g.shownOnce("tokens", map[string]any{"name": name, "days": 1}, &made)
	g.must("root", http.MethodDelete, "tokens/"+made.ID, nil, nil)
}

// shownOnce makes something whose secret is in the answer, which a kill may
// take: so it is made again rather than asked for again.
func (g *gauntlet) shownOnce(path string, body, made any) {
	g.until(30*time.Second, "it was made: "+path, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		a, err := g.call(ctx, g.portal.url(), "root", http.MethodPost, path, body, "")
		if err == nil && a.status/100 == 4 {
			g.t.Fatalf("POST %s: %d %s", path, a.status, a.body)
		}
		return err == nil && a.status/100 == 2 && json.Unmarshal(a.body, made) == nil
	})
}

// rules are those of the calendar and of trust, made and taken back.
func (g *gauntlet) rules(name string) {
	var made struct{ ID int64 }
	g.must("root", http.MethodPost, "freezes/calendars", map[string]any{"environment": "dev", "name": name, "rule": "DTSTART:20200102T170000\nRRULE:FREQ=YEARLY;COUNT=1",
		"duration": "1h", "zone": "UTC", "reason": name}, &made)
	g.must("root", http.MethodDelete, fmt.Sprintf("freezes/calendars/%d", made.ID), nil, nil)
	g.must("root", http.MethodPost, "trust-rules", map[string]any{"name": name, "kind": "github", "issuer": "https://token.actions.githubusercontent.com", "audience": "https://slipway.example.com",
		"team": "web", "claims": map[string]any{"repository_id": "74", "repository_owner_id": "65"}, "permissions": []string{"release.create"}}, &made)
	g.must("root", http.MethodDelete, fmt.Sprintf("trust-rules/%d", made.ID), nil, nil)
}

// told: a route of notifications is tried, and somebody says what they want to
// hear of.
func (g *gauntlet) told(name string) {
	var made struct{ ID int64 }
	g.shownOnce("notification-routes", map[string]any{"name": name, "channel": "webhook", "address": g.far.url + "/told", "kinds": []string{"deployment.*"}}, &made)
	g.must("root", http.MethodPost, fmt.Sprintf("notification-routes/%d/test", made.ID), nil, nil)
	g.must("root", http.MethodDelete, fmt.Sprintf("notification-routes/%d", made.ID), nil, nil)
	g.must("root", http.MethodPut, "me/notifications", map[string]any{"approvals": true, "teams": []string{"web"}, "services": []string{}, "kinds": []string{}, "channel": "email", "urgent": true}, nil)
}
