package browser_test

import (
	"fmt"
	"net/http"
	"testing"

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
	return []shot{
		{"board", "/"},
		{"board-team", "/?team=payments"},
		{"inbox", "/inbox"},
		{"gate", fmt.Sprintf("/gates/%d", deployment("billing-api", "production"))},
		{"service", "/s/billing-api"},
		{"stage", "/s/billing-api/production"},
		{"stage-failed", "/s/web/staging"},
		{"stage-held", "/s/search/production"},
		{"rollback", "/s/billing-api/production/rollback"},
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
		{"tokens", "/settings/tokens"},
		{"appearance", "/settings/appearance"},
		{"find", "/find?q=bil"},
		{"lost", "/s/biling/production"},
		{"api-docs", "/api/docs"},
	}
}

// look sets the theme that the system prefers and the size of the window.
func (b *tab) look(theme string, width int64) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	b.do(chromedp.EmulateViewport(width, 900))
}
