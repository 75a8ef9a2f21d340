package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/layout"
	"github.com/slipway-dev/slipway/web/page"
)

const key = "01JD0V3G5T"

func now() time.Time {
	return time.Date(2026, 11, 19, 14, 4, 10, 0, time.FixedZone("CET", 3600))
}

func ago(d time.Duration) time.Time { return now().Add(-d) }
func in(d time.Duration) time.Time  { return now().Add(d) }

const day = 24 * time.Hour

func shell(section, title, here string, topics ...string) layout.Shell {
	return layout.Shell{
		Asset: func(name string) string { return "/static/" + name },
		Title: title, Section: section, Now: now(), Here: here, Topics: topics, Key: key,
		SignedIn: true, Name: "Ana Nordin", Login: "ana@acme.example", Groups: []string{"payments-leads", "sre"},
		InboxCount: 2, Version: "0.9.0", Build: "3fa9c1d",
	}
}

func station(svc, env, version string, since time.Duration, state component.State, detail string) component.Station {
	return component.Station{ID: "c-" + svc + "-" + env, Service: svc, Environment: env, Href: "/s/" + svc + "/" + env,
		Version: version, Since: ago(since), State: state, Detail: detail}
}

func ahead(s component.Station, text, title string) component.Station {
	s.Ahead, s.AheadTitle = text, title
	return s
}

func to(s component.Station, href string, progress int) component.Station {
	s.DetailHref, s.Progress = href, progress
	return s
}

func billingLine() []component.Station {
	return []component.Station{
		station("billing-api", "dev", "1.43.0", 2*time.Minute, component.Live, "healthy, 2 of 2"),
		ahead(to(station("billing-api", "staging", "1.42.0", 48*time.Second, component.Rolling, "25 % of traffic, 3 of 5 ready"), "/runs/412", 60), "+1", "1 release ahead of production"),
		ahead(to(station("billing-api", "production", "1.41.2", 6*day, component.Waiting, "1.42.0 waits for 1 of 2 approvals"), "/gates/218", 0), "+11", "11 commits behind dev"),
	}
}

func board() page.BoardView {
	row := func(name, note string, cells ...component.Station) page.BoardService {
		return page.BoardService{Name: name, Href: "/s/" + name, Note: note, Cells: cells}
	}
	lost := station("payout-worker", "staging", "2.1.7", 14*time.Minute, component.Unknown, "last seen 14 min ago")
	lost.SinceText = "?"
	never := component.Station{ID: "c-assets-production", Service: "assets", Environment: "production", Href: "/s/assets/production", State: component.None, Detail: "never released"}
	return page.BoardView{
		Environments: []string{"dev", "staging", "production"},
		MineHref:     "/?mine=1", AllHref: "/", CanRegister: true,
		NeedsYou: 2, Rolling: 1, FailedToday: 1, FailedHref: "/activity?action=deployment.failed", RollingHref: "/activity?action=deployment.start",
		Frozen: "Storefront production frozen until 08:00", FrozenHref: "/settings/environments",
		Teams: []page.BoardTeam{
			{Name: "payments", Title: "Payments", OnCall: "Ana Nordin", Services: []page.BoardService{
				row("billing-api", "kubernetes · canary", billingLine()...),
				row("ledger", "kubernetes · blue/green",
					station("ledger", "dev", "0.9.1", time.Hour, component.Live, "healthy, 1 of 1"),
					station("ledger", "staging", "0.9.1", time.Hour, component.Live, "healthy, 2 of 2"),
					station("ledger", "production", "0.9.1", 3*time.Hour, component.Live, "healthy, 4 of 4")),
				row("payout-worker", "docker · rolling",
					station("payout-worker", "dev", "2.2.0", 26*time.Hour, component.Live, "healthy, 1 of 1"), lost,
					ahead(station("payout-worker", "production", "2.1.7", 12*day, component.Live, "healthy, 3 of 3"), "+4", "4 commits behind dev")),
			}},
			{Name: "storefront", Title: "Storefront", OnCall: "Ben Okafor", Services: []page.BoardService{
				row("web", "argo cd · rolling",
					station("web", "dev", "5.2.0", 9*time.Minute, component.Live, "healthy, 2 of 2"),
					to(station("web", "staging", "5.2.0", 9*time.Minute, component.Failed, "2 of 3 pods never became ready"), "/runs/409", 0),
					ahead(station("web", "production", "5.1.8", 50*time.Hour, component.Frozen, "frozen until 08:00"), "+23", "23 commits behind dev")),
				row("search", "kubernetes · partial",
					station("search", "dev", "3.0.4", 20*time.Minute, component.Live, "healthy, 1 of 1"),
					station("search", "staging", "3.0.4", 18*time.Minute, component.Live, "healthy, 2 of 2"),
					station("search", "production", "3.0.2", 31*time.Minute, component.RolledBack, "rolled back from 3.0.3, automation held")),
				row("checkout", "process · recreate",
					station("checkout", "dev", "1.0.9", 5*time.Hour, component.Live, "healthy, 1 of 1"),
					station("checkout", "staging", "1.0.8", 26*time.Hour, component.Live, "1.0.9 next: soaking, 23 min left"),
					station("checkout", "production", "1.0.8", 26*time.Hour, component.Live, "healthy, 2 of 2")),
				row("docs-site", "git · recreate",
					station("docs-site", "dev", "77", 3*day, component.Live, "healthy, 1 of 1"),
					component.Station{Environment: "staging", Absent: true},
					station("docs-site", "production", "77", 3*day, component.Live, "healthy, 1 of 1")),
				row("assets", "terraform",
					station("assets", "dev", "41", 4*time.Hour, component.Live, "no drift"),
					station("assets", "staging", "41", 4*time.Hour, component.Live, "no drift"), never),
			}},
		},
	}
}

func changes() []component.Change {
	return []component.Change{
		{Kind: "changed", Thing: "artifact", From: "sha256:9f1c22aa70de41a7", To: "sha256:c07e5512ab9e8d12"},
		{Kind: "changed", Thing: "setting", Name: "ROUNDING", From: "half_up", To: "half_even"},
		{Kind: "new", Thing: "secret", Name: "TAX_API_KEY", Note: "version 3, value not shown"},
		{Kind: "changed", Thing: "manifest", Name: "memory", From: "512Mi", To: "640Mi", Href: "#preview-1"},
	}
}

func commits() []component.Commit {
	return []component.Commit{
		{SHA: "4be1a90", Subject: "Round half to even in invoice totals", Author: "Jonas", At: ago(5 * time.Hour), Href: "https://git.acme.example/billing-api/commit/4be1a90"},
		{SHA: "c2207fe", Subject: "Ask the tax service with its own key", Author: "Mira", At: ago(7 * time.Hour)},
	}
}

func checks() []component.Check {
	return []component.Check{
		{State: component.Live, Text: "Staging verified: 8 of 8 smoke checks, error rate 0.02 %", Since: ago(2 * time.Hour)},
		{State: component.Live, Text: "Built by `acme/billing-api` on a trusted runner, signature holds", Note: "provenance"},
		{State: component.Live, Text: "All 14 keys that it needs exist in production", Note: "secrets"},
		{State: component.Waiting, Strong: "1 of 2 approvals.", Text: "Ben Okafor approved 12 min ago. One more from payments-leads or sre.", Note: "expires in 23 h"},
		{State: component.Live, Text: "Window Mon to Thu 09:00 to 17:00, closes in 3 h", Note: "Stockholm"},
	}
}

func gate() page.GateView {
	return page.GateView{
		ID: "218", Team: "Payments", Service: "billing-api", Environment: "production", Cause: "promote", State: "open",
		From:    component.Station{Version: "1.41.2", Href: "/s/billing-api/r/1.41.2", State: component.Live, Detail: "in production, 6 days"},
		To:      component.Station{Version: "1.42.0", Href: "/s/billing-api/r/1.42.0", State: component.Waiting, Detail: "in staging for 2 h 10 min, no error"},
		AskedBy: "Jonas Lind", AskedAt: ago(40 * time.Minute), Note: "Invoice rounding fix, finance is waiting for it.",
		PlanShort: "7c1d", Plan: "sha256:7c1d00000000", Summary: "11 commits, 1 setting, 1 secret, 2 manifests",
		Changes: changes(), Commits: commits(), MoreCommits: 9, CompareHref: "/s/billing-api/compare?from=1.41.2&to=1.42.0",
		Previews: []page.Preview{{ID: "preview-1", Title: "kubernetes would change 2 objects", Lines: diff()}},
		Checks:   checks(),
		HowOut: []component.Check{
			{Text: "Canary 5 %, 25 %, 100 %, ten minutes each, watched by error rate and p99. Goes back by itself if either breaks.", Note: "usually 24 min"},
			{Text: "Back to `1.41.2` with its settings and secrets: yes. Database changes in this release: none declared.", Note: "reversible"},
		},
		CanApprove: true, CanReject: true, Key: key, Expires: in(23 * time.Hour),
	}
}

func diff() []component.DiffLine {
	return []component.DiffLine{
		{Kind: "hunk", Text: "@@ Deployment billing/billing-api @@"},
		{Text: "  containers:"},
		{Text: "  - name: api"},
		{Kind: "del", Text: "    image: registry.acme.example/billing-api@sha256:9f1c…41a7"},
		{Kind: "add", Text: "    image: registry.acme.example/billing-api@sha256:c07e…8d12"},
		{Text: "    resources:"},
		{Kind: "del", Text: "      limits: {memory: 512Mi}"},
		{Kind: "add", Text: "      limits: {memory: 640Mi}"},
	}
}

func blocks() []component.Block {
	return []component.Block{
		{What: "Freeze", Why: "Quarter end: no change to production.", Since: ago(6 * time.Hour), Until: in(18 * time.Hour), Who: "Ben Okafor", Href: "/settings/environments"},
		{What: "Permission", Why: "You asked for this release, and this gate does not take the asker's own approval.", Who: "payments-leads or sre"},
	}
}

func deployments() []component.Deployment {
	return []component.Deployment{
		{ID: "412", Href: "/runs/412", Service: "billing-api", Version: "1.42.0", Environment: "staging", State: component.Rolling, Progress: 60, Word: "rolling, 3 of 5", Cause: "promote", Actor: "Jonas Lind", At: ago(48 * time.Second)},
		{ID: "410", Href: "/runs/410", Service: "billing-api", Version: "1.43.0", Environment: "dev", State: component.Live, Word: "succeeded", Cause: "promote", Actor: "automation", At: ago(2 * time.Minute), Took: "31 s"},
		{ID: "396", Href: "/runs/396", Service: "billing-api", Version: "1.41.3", Environment: "production", State: component.Failed, Word: "failed in canary 5 %", Cause: "promote", Actor: "Ana Nordin", At: ago(6 * day), Took: "4 min"},
		{ID: "397", Href: "/runs/397", Service: "billing-api", Version: "1.41.2", Environment: "production", State: component.RolledBack, Word: "rolled back", Cause: "rollback", Actor: "automation", At: ago(6 * day), Took: "38 s"},
	}
}
