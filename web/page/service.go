package page

import (
	"net/url"

	"github.com/slipway-dev/slipway/web/component"
)

// ServiceView is one service: its line, its releases, who owns it.
type ServiceView struct {
	Team        string
	TeamHref    string
	Name        string
	Title       string // "Billing API"; the name when there is none
	Description string
	OnCall      string
	Repository  component.Link   // typed by people
	Links       []component.Link // typed by people: dashboards, runbooks
	Note        string           // "kubernetes · canary"
	Line        []component.Station
	Promote     []PromoteStep // next moves along the line
	Releases    []component.RibbonItem
	AllHref     string // list of all releases, "" = the ribbon has all

	PipelineRevision int // 0 = none yet
	PipelineSummary  []component.Check
	DeploysPerDay    []int // last 14 days, oldest first
	Stats            []Fact
	Recent           []component.Deployment
	Sets             []SetRow            // the newest that it is in
	HowTo            []component.Snippet // sending a release: curl, CLI, workflow
	Error            string
	Key              string
}

// PromoteStep is one button between two stations.
type PromoteStep struct {
	Version     string
	Environment string
	Can         bool
	WhyNot      string // short; the stage page has the long answer
}

func dryRunHref(service string, p PromoteStep) string {
	return "/s/" + service + "/" + p.Environment + "/dry-run?" + url.Values{"version": {p.Version}}.Encode()
}
