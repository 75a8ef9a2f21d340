package page_test

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func stage() page.StageView {
	return page.StageView{
		Team: "Payments", Service: "billing-api", Environment: "production", State: component.Live, Word: "healthy",
		Version: "1.41.2", VersionHref: "/s/billing-api/r/1.41.2", Since: ago(6 * day), Line: billingLine(),
		Deployer: "kubernetes", Strategy: "canary 5, 25, 100 %", Observed: ago(4 * time.Second), Message: "deployment \"billing-api\" successfully rolled out",
		Tracks: []component.Track{
			{Name: "stable", Version: "1.41.2", State: component.Live, Weight: 75, Ready: 4, Wanted: 4},
			{Name: "canary", Version: "1.42.0", State: component.Rolling, Weight: 25, Ready: 1, Wanted: 2},
		},
		Facts: []page.Fact{
			{Name: "Digest", Text: "sha256:9f1c22aa70de41a7", Mono: true, Copy: true}, {Name: "Strategy", Text: "canary 5, 25, 100 %"},
			{Name: "Cluster", Text: "eu, namespace billing"}, {Name: "Address", Text: "billing.example.com", Href: "https://billing.example.com"},
		},
		Active: component.Link{Text: "1.42.0 waits for 1 of 2 approvals", Href: "/gates/218"}, ActiveState: component.Waiting,
		Hold: "Rolled back from 1.41.3: canary error rate 4 %.", HoldBy: "automation", HoldSince: ago(6 * day), CanLift: true,
		Drift:      "memory is 768Mi, the plan says 512Mi. Somebody changed it by hand.",
		Releases:   []component.Option{{Value: "1.43.0", Label: "1.43.0", Note: "soaks 23 min more", Disabled: true}, {Value: "1.42.0", Label: "1.42.0", Selected: true}, {Value: "1.41.3", Label: "1.41.3", Note: "blocked", Disabled: true}},
		CanPromote: true, WhyNot: blocks()[:1], CanRollback: true, LastGood: "1.41.1", Recent: deployments(), Key: key,
	}
}

func inbox() page.InboxView {
	item := page.InboxItem{ID: "218", Href: "/gates/218", Service: "billing-api", Environment: "production", From: "1.41.2", To: "1.42.0",
		AskedBy: "Jonas Lind", AskedAt: ago(40 * time.Minute), Note: "Invoice rounding fix, finance is waiting for it.", Deadline: in(23 * time.Hour),
		Need: "1 of 2 approvals", State: component.Waiting, Summary: "11 commits, 1 setting, 1 secret, 2 manifests", Changes: changes(), Commits: commits(), MoreCommits: 9,
		Plan: "sha256:7c1d", PlanShort: "7c1d", CanApprove: true}
	second := item
	second.ID, second.Href, second.Service, second.From, second.To, second.Cause = "221", "/gates/221", "search", "3.0.4", "3.0.2", "rollback"
	mine := item
	mine.ID, mine.Href, mine.Service, mine.CanApprove, mine.WhyNot = "219", "/gates/219", "ledger", false, blocks()[1:]
	done := item
	done.ID, done.Href, done.State, done.Result, done.DecidedAt, done.To = "211", "/gates/211", component.Live, "Approved by Ben Okafor and you, ran 24 min", ago(26*time.Hour), "1.41.2"
	no := done
	no.ID, no.Service, no.State, no.Result = "209", "web", component.Failed, "Rejected by Mira Sand: the migration is not reversible, split it."
	return page.InboxView{Waiting: []page.InboxItem{item, second}, Asked: []page.InboxItem{mine}, Decided: []page.InboxItem{done, no}, Key: key}
}

func service() page.ServiceView {
	rel := func(v string, d time.Duration, serves ...string) component.RibbonItem {
		return component.RibbonItem{Version: v, Href: "/s/billing-api/r/" + v, At: ago(d), Serves: serves}
	}
	bad := rel("1.41.3", 6*day)
	bad.Blocked, bad.Failed = true, true
	return page.ServiceView{
		Team: "Payments", TeamHref: "/?team=payments", Name: "billing-api", Title: "Billing API", Description: "Invoices, totals and tax.", OnCall: "Ana Nordin",
		Repository: component.Link{Text: "acme/billing-api", Href: "https://git.acme.example/billing-api"},
		Links:      []component.Link{{Text: "Dashboard", Href: "https://grafana.acme.example/d/billing"}, {Text: "Runbook", Href: "https://wiki.acme.example/billing"}},
		Line:       billingLine(),
		Promote:    []page.PromoteStep{{Version: "1.43.0", Environment: "staging", Can: true}, {Version: "1.42.0", Environment: "production", WhyNot: "already asked for"}},
		Releases:   []component.RibbonItem{rel("1.43.0", 2*time.Minute, "dev"), rel("1.42.0", 3*time.Hour, "staging"), bad, rel("1.41.2", 7*day, "production"), rel("1.41.1", 13*day), rel("1.41.0", 20*day), rel("1.40.7", 24*day), rel("1.40.6", 30*day)},
		AllHref:    "/s/billing-api/releases", PipelineRevision: 7,
		PipelineSummary: []component.Check{{Strong: "dev", Text: "process, promoted by itself"}, {Strong: "staging", Text: "kubernetes, rolling", Note: "after dev"}, {Strong: "production", Text: "kubernetes, canary", Note: "2 approvals, 1 h soak"}},
		DeploysPerDay:   []int{3, 5, 2, 0, 0, 6, 4, 7, 3, 1, 0, 4, 5, 6},
		Stats:           []page.Fact{{Name: "Lead time", Text: "3 h 10 min"}, {Name: "Failed", Text: "4 %"}, {Name: "Restored in", Text: "6 min"}},
		Recent:          deployments(), Key: key,
		HowTo: []component.Snippet{{Title: "Command line", Text: "slipway release create billing-api 1.43.1 \\\n  --artifact api=registry.acme.example/billing-api@sha256:…"}, {Title: "curl", Text: "curl -X POST https://slipway.acme.example/api/v1/services/billing-api/releases"}},
	}
}

func pipelineText() string {
	return strings.Join([]string{"apiVersion: slipway/v1", "service: billing-api", "team: payments", "stages:", "  - environment: dev",
		"    deployer: {name: process, config: {replicas: 1}}", "    strategy: {type: recreate}", "    autoPromote: true", "  - environment: production",
		"    after: [staging]", "    deployer: {name: kubernetes, config: {cluster: eu, namespace: billing}}", "    strategy: {type: canary, steps: [{weight: 5, bake: 5m}, {weight: 25}, {weight: 100}]}",
		"    gates:", "      - approval: {count: 2, groups: [payments-leads, sre], expires: 24h}", "      - soak: {in: staging, for: 1h}", "    onFailure: rollback"}, "\n")
}

func pipeline() page.PipelineView {
	return page.PipelineView{Team: "Payments", Service: "billing-api", Revision: 7, Latest: 7, YAML: pipelineText(), CanApply: true, Key: key,
		Problems:  []component.Problem{{Line: 11, Text: "stage production comes after staging, which is not defined"}, {Line: 12, Text: "weights must rise; 25 comes after 100"}},
		DiffTitle: "1 stage changes", Diff: diff(), Notices: []component.Check{{State: component.Waiting, Text: "1 open approval becomes void, as its plan names revision 7."}},
		Revisions: []page.PipelineRevision{{Number: 7, Href: "/s/billing-api/pipeline?revision=7", By: "Ana Nordin", At: ago(3 * day), Note: "adds soak to production", Current: true}, {Number: 6, Href: "/s/billing-api/pipeline?revision=6", By: "Jonas Lind", At: ago(20 * day), Note: "canary 5, 25, 100"}}}
}

func release() page.ReleaseView {
	return page.ReleaseView{Team: "Payments", Service: "billing-api", Version: "1.42.0", State: component.Rolling, Word: "rolling to staging", CreatedAt: ago(3 * time.Hour), CreatedBy: "CI, acme/billing-api run 1841",
		Notes: "Rounds half to even, as finance asked.", CanBlock: true, Blocked: "Leaks file handles under load.", BlockedBy: "Mira Sand", BlockedAt: ago(time.Hour),
		Artifacts: []page.Artifact{{Name: "api", Kind: "image", Reference: "registry.acme.example/billing-api:1.42.0", Digest: "sha256:c07e5512ab9e8d12"}, {Name: "worker", Kind: "image", Reference: "registry.acme.example/billing-worker:1.42.0", Digest: "sha256:11de5512ab9e77aa"}},
		Commit:    component.Commit{SHA: "4be1a90", Subject: "Round half to even in invoice totals"},
		Commits:   commits(), More: 9, Previous: "1.41.2", Config: []page.Fact{{Name: "ROUNDING", Text: "half_even", Mono: true}, {Name: "LOG_LEVEL", Text: "info", Mono: true}},
		Provenance: []component.Check{{State: component.Live, Text: "Signed by acme/billing-api/.github/workflows/release.yml on main", Note: "signature"}, {State: component.Live, Text: "Builder is trusted, source matches the registered repository", Note: "SLSA 3"}, {State: component.Unknown, Text: "No bill of materials came with it", Note: "SBOM"}},
		Reversible: "Yes. No database change was declared.", Undoable: true, Runs: billingLine(), Recent: deployments()[:1],
		Targets: []component.Option{{Value: "production", Label: "production", Selected: true}}, CanPromote: true, Key: key}
}

func compare() page.CompareView {
	g := gate()
	return page.CompareView{Team: "Payments", Service: "billing-api", Chosen: true, From: g.From, To: g.To, Summary: g.Summary, Changes: changes(), Commits: commits(), More: 9,
		FromOptions: []component.Option{{Value: "production", Label: "production, 1.41.2", Selected: true}}, ToOptions: []component.Option{{Value: "staging", Label: "staging, 1.42.0", Selected: true}},
		Promote: component.Link{Text: "Promote this difference", Href: "/s/billing-api/production"}, Missing: "1.41.2 came without commits; the list starts at its build."}
}
