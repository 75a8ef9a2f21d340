package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Observed is what a deployer reports, with the time it saw it.
type Observed struct {
	At         time.Time       `json:"at"`
	Generation int64           `json:"generation"`
	Converged  bool            `json:"converged"`
	Tracks     []ObservedTrack `json:"tracks"`
	Address    string          `json:"address,omitempty"`
	Preview    string          `json:"preview,omitempty" doc:"Where a release without traffic can be looked at."`
	Message    string          `json:"message,omitempty"`
	Failed     bool            `json:"failed,omitempty" doc:"Waiting longer cannot help."`
}

// ObservedTrack is one release as the deployer sees it run.
type ObservedTrack struct {
	Site     string `json:"site,omitempty" doc:"Where, if there are several sites."`
	Spec     string `json:"spec"`
	Version  string `json:"version"`
	Wanted   int    `json:"wanted"`
	Ready    int    `json:"ready"`
	Weight   int    `json:"weight"`
	Draining int    `json:"draining,omitempty" doc:"Replicas that finish what they have begun, and get nothing new."`
	Message  string `json:"message,omitempty"`
}

// Live is the release that last succeeded in an environment.
type Live struct {
	Deployment int64     `json:"deployment"`
	Since      time.Time `json:"since"`
	Spec       Spec      `json:"spec"`
}

// Hold keeps automation from starting deployments.
type Hold struct {
	Reason     string    `json:"reason"`
	By         string    `json:"by"`
	Deployment int64     `json:"deployment,omitempty"`
	Since      time.Time `json:"since"`
	Frozen     bool      `json:"frozen,omitempty" doc:"People may start nothing but rollbacks either, until it is lifted."`
}

// Failure is the newest failed deployment since the last success.
type Failure struct {
	Deployment int64     `json:"deployment"`
	Version    string    `json:"version"`
	State      string    `json:"state"`
	Message    string    `json:"message"`
	At         time.Time `json:"at"`
}

// Running is one service in one environment: what should run, what was seen to
// run, what is under way.
type Running struct {
	Service     string            `json:"service"`
	Team        string            `json:"team"`
	Environment string            `json:"environment"`
	Tier        string            `json:"tier"`
	Stage       Stage             `json:"stage"`
	Live        *Live             `json:"live,omitempty"`
	Partial     *Partial          `json:"partial,omitempty" doc:"Has a part of the traffic beside what is live. Roll back to withdraw it."`
	Observed    *Observed         `json:"observed,omitempty" doc:"Left out if nobody has looked yet."`
	Active      *Deployment       `json:"active,omitempty"`
	Hold        *Hold             `json:"hold,omitempty"`
	Failure     *Failure          `json:"failure,omitempty"`
	Lock        *Lock             `json:"lock,omitempty"`
	Freezes     []Freeze          `json:"freezes" doc:"Current and coming."`
	WhyNot      map[string]string `json:"whyNot" doc:"Why you may not, by verb: promote, rollback, liftHold; a verb that is missing you may."`
}

func live(l *slipway.Live) *Live {
	if l == nil {
		return nil
	}
	return &Live{Deployment: l.Deployment, Since: at(l.Since), Spec: spec(l.Spec)}
}

func observed(o *slipway.Observed) *Observed {
	if o == nil {
		return nil
	}
	return &Observed{At: at(o.At), Generation: o.Generation, Converged: o.Converged, Address: o.Address, Preview: o.Preview, Message: o.Message, Failed: o.Failed,
		Tracks: each(o.Tracks, observedTrack)}
}

func observedTrack(t slipway.ObservedTrack) ObservedTrack {
	return ObservedTrack{Site: t.Site, Spec: t.Spec, Version: t.Version, Wanted: t.Wanted, Ready: t.Ready, Weight: t.Weight, Draining: t.Draining, Message: t.Message}
}

func hold(h *slipway.Hold) *Hold {
	if h == nil {
		return nil
	}
	return &Hold{Reason: h.Reason, By: h.By, Deployment: h.Deployment, Since: at(h.Since), Frozen: h.Frozen}
}

func failure(f *slipway.LastFailure) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{Deployment: f.Deployment, Version: f.Version, State: string(f.State), Message: f.Message, At: at(f.At)}
}

func running(p app.StagePage) Running {
	out := Running{Service: p.Service.Name, Team: p.Service.Team, Environment: p.Environment.Name, Tier: string(p.Environment.Tier), Stage: stage(p.Stage),
		Live: live(p.State.Live), Partial: partial(p.State.Partial), Observed: observed(p.State.Observed), Hold: hold(p.State.Hold), Failure: failure(p.State.Failure), Lock: lock(p.Environment.Lock),
		Freezes: each(p.Freezes, freeze), WhyNot: map[string]string{}}
	if p.Active != nil {
		d := deployment(*p.Active)
		out.Active = &d
	}
	for verb, permission := range map[string]slipway.Permission{"promote": slipway.DeploymentPromote, "rollback": slipway.DeploymentRollback, "liftHold": slipway.HoldLift} {
		if why := p.WhyNot[permission]; why != "" {
			out.WhyNot[verb] = why
		}
	}
	return out
}

// Held says whether automation is held.
type Held struct {
	Held bool  `json:"held"`
	Hold *Hold `json:"hold,omitempty"`
}

func (s *Surface) registerRunning() {
	const path = "/services/{service}/environments/{environment}"
	add(s, operation{id: "get-stage", method: http.MethodGet, path: path, access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Show what runs, as it was observed, and what is under way"}, s.getRunning)
	add(s, operation{id: "get-hold", method: http.MethodGet, path: path + "/hold", access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Show whether automation is held"}, s.getHold)
	add(s, operation{id: "lift-hold", method: http.MethodDelete, path: path + "/hold", access: server.Needs(slipway.HoldLift), tag: "environments of a service",
		summary: "Let automation act again"}, s.liftHold)
	add(s, operation{id: "get-outlook", method: http.MethodGet, path: path + "/outlook", access: server.Needs(slipway.ServiceRead), tag: "environments of a service",
		summary: "Show what would happen if a release were promoted now", about: "Changes nothing."}, s.getOutlook)
}

func (s *Surface) getRunning(ctx context.Context, actor slipway.Actor, in *StageIn) (*answer[Running], error) {
	p, err := s.App.StagePage(ctx, actor, in.Service, in.Environment)
	if err != nil {
		return nil, err
	}
	return &answer[Running]{running(p)}, nil
}

func (s *Surface) getHold(ctx context.Context, actor slipway.Actor, in *StageIn) (*answer[Held], error) {
	p, err := s.App.StagePage(ctx, actor, in.Service, in.Environment)
	if err != nil {
		return nil, err
	}
	return &answer[Held]{Held{Held: p.State.Hold != nil, Hold: hold(p.State.Hold)}}, nil
}

func (s *Surface) liftHold(ctx context.Context, actor slipway.Actor, in *liftHoldIn) (*empty, error) {
	_, err := s.App.LiftHold(ctx, actor, app.LiftHold{Once: in.once(), Service: in.Service, Environment: in.Environment})
	return nil, err
}

type liftHoldIn struct {
	StageIn
	KeyIn
}

type outlookIn struct {
	StageIn
	Version  string `query:"version" required:"true" maxLength:"64" doc:"The release in question."`
	Redeploy bool   `query:"redeploy" doc:"As if it were sent out again."`
}

// Outlook is what would happen.
type Outlook struct {
	Plan     Plan         `json:"plan" doc:"Without the deployer's preview, and so without a digest."`
	Changes  []Difference `json:"changes" doc:"From what is live."`
	Refusals []Verdict    `json:"refusals" doc:"What keeps it from starting at all."`
	Gates    []Verdict    `json:"gates" doc:"As they would be judged now."`
	WhyNot   string       `json:"whyNot,omitempty" doc:"Why you may not promote it."`
}

func (s *Surface) getOutlook(ctx context.Context, actor slipway.Actor, in *outlookIn) (*answer[Outlook], error) {
	// The question is asked through the service first: what may not be seen is
	// answered like what does not exist.
	if _, err := s.App.Service(ctx, actor, in.Service); err != nil {
		return nil, err
	}
	o, err := s.App.Outlook(ctx, actor, app.Promote{Service: in.Service, Environment: in.Environment, Version: in.Version, Redeploy: in.Redeploy})
	if err != nil {
		return nil, err
	}
	p := o.Draft.Plan
	return &answer[Outlook]{Outlook{Plan: plan(p, ""), Changes: differences(slipway.DiffSpecs(p.From, p.To)), Refusals: verdicts(o.Refusals),
		Gates: verdicts(o.Verdicts), WhyNot: o.WhyNot}}, nil
}
