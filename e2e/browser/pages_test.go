package browser_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// A shot is a page and the name of its picture.
type shot struct{ name, path string }

// pages are all pages of the demo, as an administrator sees them.
func pages(t testing.TB, p *portal.Portal) []shot {
	t.Helper()
	deployment := func(service, environment string) int64 {
		var running struct {
			Live    *struct{ Deployment int64 }
			Active  *struct{ ID int64 }
			Failure *struct{ Deployment int64 }
		}
		p.Must(t, http.MethodGet, "/api/v1/services/"+service+"/environments/"+environment, nil, &running)
		switch {
		case running.Active != nil:
			return running.Active.ID
		case running.Failure != nil:
			return running.Failure.Deployment
		default:
			return running.Live.Deployment
		}
	}
	set := together(t, p)
	told(t, p)
	for environment, keys := range map[string]map[string]string{"dev": {"DATABASE_URL": "a", "STRIPE_KEY": "b"}, "production": {"DATABASE_URL": "c"}} {
		p.Must(t, http.MethodPatch, "/api/v1/services/billing-api/environments/"+environment+"/secrets", map[string]any{"set": keys}, nil)
	}
	p.Must(t, http.MethodPost, "/api/v1/services/billing-api/environments/dev/secrets/restrict", map[string]any{"keys": []string{"STRIPE_KEY"}}, nil)
	return []shot{
		{"sets", "/sets"},
		{"set", fmt.Sprintf("/sets/%d", set)},
		{"set-new", "/sets/new"},
		{"board", "/"},
		{"board-team", "/?team=payments"},
		{"board-panel", "/?panel=billing-api/production"},
		{"board-mine", "/?mine=1"},
		{"inbox", "/inbox"},
		{"gate", fmt.Sprintf("/gates/%d", deployment("billing-api", "production"))},
		{"service", "/s/billing-api"},
		{"secrets", "/s/billing-api/secrets?environment=dev"},
		{"stage", "/s/billing-api/production"},
		{"stage-failed", "/s/web/staging"},
		{"stage-held", "/s/search/production"},
		{"rollback", "/s/billing-api/production/rollback"},
		{"dry-run", "/s/billing-api/production/dry-run?version=1.43.0"},
		{"dry-run-refused", "/s/billing-api/production/dry-run?version=1.41.2"},
		{"dry-run-starts", "/s/ledger/staging/dry-run?version=0.9.0"},
		{"why-run", fmt.Sprintf("/runs/%d/why", deployment("billing-api", "production"))},
		{"why-stage", "/s/web/production/why"},
		{"why-held", "/s/search/production/why"},
		{"release", "/s/billing-api/r/1.42.0"},
		{"compare", "/s/billing-api/compare?from=1.41.2&to=1.43.0"},
		{"pipeline", "/s/billing-api/pipeline"},
		{"run-failed", fmt.Sprintf("/runs/%d", deployment("web", "staging"))},
		{"run", fmt.Sprintf("/runs/%d", deployment("ledger", "production"))},
		{"activity", "/activity"},
		{"register", "/new"},
		{"register-yaml", "/new?from=yaml"},
		{"register-backstage", "/new?from=backstage"},
		{"people", "/settings/people"},
		{"environments", "/settings/environments"},
		{"calendar", "/settings/calendars/new"},
		{"calendar-rule", "/settings/calendars/new?from=rule"},
		{"calendar-file", "/settings/calendars/new?from=file"},
		{"tokens", "/settings/tokens"},
		{"notifications", "/settings/notifications"},
		{"my-notifications", "/settings/me/notifications"},
		{"chat", "/settings/chat"},
		{"ci", "/settings/ci"},
		{"device", "/device"},
		{"appearance", "/settings/appearance"},
		{"find", "/find?q=bil"},
		{"lost", "/s/biling/production"},
		{"api-docs", "/api/docs"},
	}
}

// together is a set of the demo that waits for a person at its second service;
// it is asked for once.
func together(t testing.TB, p *portal.Portal) int64 {
	t.Helper()
	var known struct{ Items []struct{ ID int64 } }
	p.Must(t, http.MethodGet, "/api/v1/sets", nil, &known)
	if len(known.Items) > 0 {
		return known.Items[0].ID
	}
	var made struct{ ID int64 }
	p.Must(t, http.MethodPost, "/api/v1/sets", map[string]any{"name": "Autumn fonts", "environment": "production", "note": "The shop's new look.", "items": []any{
		map[string]any{"service": "search", "version": "3.0.3", "after": []string{"assets", "gateway"}},
		map[string]any{"service": "assets", "version": "41", "after": []string{"gateway"}},
		map[string]any{"service": "gateway", "version": "7.5.0"}}}, &made)
	awaitSet(t, p, made.ID, func(s set) bool { return s.Items[1].Deployment != 0 })
	return made.ID
}

// told has a notification route that nobody answers, so that it fails, and one that
// nothing was sent to yet.
func told(t testing.TB, p *portal.Portal) {
	t.Helper()
	var known struct{ Items []struct{ ID int64 } }
	p.Must(t, http.MethodGet, "/api/v1/notification-routes", nil, &known)
	if len(known.Items) > 0 {
		return
	}
	var made struct{ ID int64 }
	p.Must(t, http.MethodPost, "/api/v1/notification-routes", map[string]any{"name": "Pager", "environment": "production", "kinds": []string{"deployment.failed", "line.stopped"},
		"channel": "webhook", "address": "http://127.0.0.1:1/hooks/production?key=x"}, &made)
	p.Must(t, http.MethodPost, "/api/v1/notification-routes", map[string]any{"name": "Tools", "team": "payments", "channel": "webhook", "format": "cdevents",
		"address": "https://events.acme.example/cdevents"}, nil)
	p.Must(t, http.MethodPost, fmt.Sprintf("/api/v1/notification-routes/%d/test", made.ID), nil, nil)
}

// set is as much of a release set as tests look at.
type set struct {
	State string
	Items []struct{ Deployment int64 }
}

func awaitSet(t testing.TB, p *portal.Portal, id int64, so func(set) bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		var s set
		p.Must(t, http.MethodGet, fmt.Sprintf("/api/v1/sets/%d", id), nil, &s)
		if so(s) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("set %d does not go on: %+v", id, s)
		}
	}
}

// look sets the theme that the system prefers and the size of the window.
func (b *tab) look(theme string, width int64) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	b.do(chromedp.EmulateViewport(width, 900))
}
