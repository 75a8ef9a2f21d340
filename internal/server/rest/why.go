package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Why is the answer to "why does this not go on?".
type Why struct {
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Deployment  *Deployment       `json:"deployment,omitempty" doc:"The one asked about, or the one under way."`
	Summary     string            `json:"summary"`
	BlockedBy   []Verdict         `json:"blockedBy" doc:"What keeps it; empty if nothing does."`
	Gates       []Verdict         `json:"gates" doc:"All that was judged."`
	Hold        *Hold             `json:"hold,omitempty" doc:"Keeps automation away."`
	WhyNot      map[string]string `json:"whyNot" doc:"Why you may not, by permission; one that is missing you have."`
}

func whyAnswer(w app.Why, err error) (*answer[Why], error) {
	if err != nil {
		return nil, err
	}
	out := Why{Service: w.Service, Environment: w.Environment, Summary: w.Summary, BlockedBy: verdicts(w.Stands), Gates: verdicts(w.Verdicts), Hold: hold(w.Hold), WhyNot: map[string]string{}}
	if w.Deployment != nil {
		d := deployment(*w.Deployment)
		out.Deployment = &d
	}
	for p, why := range w.WhyNot {
		if why != "" {
			out.WhyNot[string(p)] = why
		}
	}
	return &answer[Why]{out}, nil
}

// DryRun is what would happen if a release were promoted now.
type DryRun struct {
	Starts    bool         `json:"starts" doc:"Whether it would start at once."`
	Plan      Plan         `json:"plan" doc:"With the deployer's preview. The digest is that of the plan without it."`
	Changes   []Difference `json:"changes" doc:"From what is live."`
	Refusals  []Verdict    `json:"refusals" doc:"What keeps it from starting at all."`
	Gates     []Verdict    `json:"gates" doc:"What it would wait for, those that ask outside included."`
	Takes     *Deployment  `json:"takes,omitempty" doc:"Whose place it would take."`
	NoPreview string       `json:"noPreview,omitempty" doc:"Why the deployer could not say what would change. A promotion fails for that."`
	WhyNot    string       `json:"whyNot,omitempty" doc:"Why you may not promote it."`
}

func (s *Surface) registerWhy() {
	const stage = "/services/{service}/environments/{environment}"
	add(s, operation{id: "why-deployment", method: http.MethodGet, path: "/deployments/{id}/why", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "Say why a deployment is where it is"},
		func(ctx context.Context, actor slipway.Actor, in *DeploymentIn) (*answer[Why], error) {
			return whyAnswer(s.App.Why(ctx, actor, in.ID))
		})
	add(s, operation{id: "why-stage", method: http.MethodGet, path: stage + "/why", access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Say why nothing new starts, or why what is under way does not go on"},
		func(ctx context.Context, actor slipway.Actor, in *StageIn) (*answer[Why], error) {
			return whyAnswer(s.App.WhyStage(ctx, actor, in.Service, in.Environment))
		})
	add(s, operation{id: "dry-run", method: http.MethodGet, path: stage + "/dry-run", access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Say what would happen if a release were promoted now",
		about:   "Changes nothing, and asks all that a promotion would ask: the deployer for a preview, and the gates that ask outside."}, s.dryRun)
}

type dryRunIn struct {
	StageIn
	Version  string    `query:"version" required:"true" maxLength:"64" doc:"The release in question."`
	Redeploy bool      `query:"redeploy" doc:"As if it were sent out again."`
	Share    int       `query:"share" minimum:"0" maximum:"100" doc:"Percent of the traffic, in the place of what a partial strategy says."`
	At       time.Time `query:"at" doc:"As if it were promoted for this time."`
}

func (s *Surface) dryRun(ctx context.Context, actor slipway.Actor, in *dryRunIn) (*answer[DryRun], error) {
	c := app.Promote{Service: in.Service, Environment: in.Environment, Version: in.Version, Redeploy: in.Redeploy, Part: PromoteHow{Share: in.Share}.part()}
	if !in.At.IsZero() {
		c.NotBefore = &in.At
	}
	r, err := s.App.DryRun(ctx, actor, c)
	if err != nil {
		return nil, err
	}
	p := r.Draft.Plan
	out := DryRun{Starts: r.Starts(), Plan: plan(p, p.Digest()), Changes: differences(r.Changes), Refusals: verdicts(r.Refusals), Gates: verdicts(r.Verdicts),
		NoPreview: r.Silent, WhyNot: r.WhyNot}
	out.Plan.Preview = r.Preview
	if r.Takes != nil {
		takes := deployment(*r.Takes)
		out.Takes = &takes
	}
	return &answer[DryRun]{out}, nil
}
