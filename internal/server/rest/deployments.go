package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Deployment is one release going to one environment.
type Deployment struct {
	ID           int64      `json:"id"`
	Team         string     `json:"team"`
	Service      string     `json:"service"`
	Environment  string     `json:"environment"`
	Version      string     `json:"version"`
	Cause        string     `json:"cause" doc:"promote, rollback, redeploy or rotation"`
	State        string     `json:"state" doc:"waiting, running, paused, reverting; or ended: succeeded, failed, rolledBack, cancelled, rejected, expired, superseded"`
	Active       bool       `json:"active" doc:"Whether it still has something to do."`
	Plan         string     `json:"plan" doc:"Digest of what exactly it is going to do. An approval is for this digest."`
	RequestedBy  Person     `json:"requestedBy"`
	Note         string     `json:"note,omitempty"`
	Message      string     `json:"message" doc:"What it does, or how it ended."`
	Phases       []PhaseRun `json:"phases" doc:"Phases begun, the last one current."`
	Gates        []Verdict  `json:"gates" doc:"As last judged."`
	SupersededBy int64      `json:"supersededBy,omitempty"`
	CreatedAt    time.Time  `json:"createdAt"`
	StartedAt    *time.Time `json:"startedAt,omitempty" doc:"When the gates opened."`
	EndedAt      *time.Time `json:"endedAt,omitempty"`
	BackAfter    *float64   `json:"backAfter,omitempty" doc:"Of a rollback: the seconds until what served before had all traffic again."`
}

// PhaseRun is a phase at work.
type PhaseRun struct {
	Phase
	State     string     `json:"state" doc:"applying, converging, baking, held, unknown (nobody can tell whether the call took effect), done or failed"`
	Message   string     `json:"message,omitempty"`
	StartedAt time.Time  `json:"startedAt"`
	ReadyAt   *time.Time `json:"readyAt,omitempty"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
	Try       int        `json:"try,omitempty" doc:"Of a hook: runs before this one."`
	Back      int        `json:"back,omitempty" doc:"Place on the way back, from 1; left out on the way forward."`
	Released  bool       `json:"released,omitempty" doc:"Whether somebody let it go on."`
	Checks    []CheckRun `json:"checks,omitempty"`

	WithheldSince *time.Time `json:"withheldSince,omitempty" doc:"Since when it waits for its secrets, if it does."`
}

func deployment(d slipway.Deployment) Deployment {
	out := Deployment{ID: d.ID, Team: d.Team, Service: d.Service, Environment: d.Environment, Version: d.Version, Cause: string(d.Cause), State: string(d.State),
		Active: d.State.Active(), Plan: d.PlanDigest, RequestedBy: person(d.RequestedBy), Note: d.Note, Message: d.Message, Phases: each(d.Runs, phaseRun),
		Gates: verdicts(d.Verdicts), SupersededBy: d.SupersededBy, CreatedAt: at(d.CreatedAt), StartedAt: utc(d.StartedAt), EndedAt: utc(d.EndedAt)}
	if took, ok := d.WayBack(); ok {
		seconds := took.Seconds()
		out.BackAfter = &seconds
	}
	return out
}

func phaseRun(r slipway.PhaseRun) PhaseRun {
	return PhaseRun{Phase: phase(r.Desired), State: string(r.State), Message: r.Message, StartedAt: at(r.StartedAt), ReadyAt: utc(r.ReadyAt), EndedAt: utc(r.EndedAt),
		Try: r.Try, Back: r.Back, Released: r.Released, Checks: each(r.Checks, checkRun), WithheldSince: utc(r.WithheldSince)}
}

// measuredRun is phaseRun with what its checks have measured, which would be
// too long for lists.
func measuredRun(r slipway.PhaseRun) PhaseRun {
	out := phaseRun(r)
	for i, c := range r.Checks {
		out.Checks[i].Measurements = each(c.Measurements, measurement)
	}
	return out
}

// Vote is one person's decision on exactly one plan.
type Vote struct {
	Decision string    `json:"decision" doc:"approve or reject"`
	Plan     string    `json:"plan"`
	By       string    `json:"by"`
	ByName   string    `json:"byName"`
	Comment  string    `json:"comment,omitempty"`
	Via      string    `json:"via"`
	At       time.Time `json:"at"`
}

func vote(v slipway.Vote) Vote {
	return Vote{Decision: string(v.Decision), Plan: v.PlanDigest, By: v.By, ByName: v.ByName, Comment: v.Comment, Via: string(v.Via), At: at(v.At)}
}

// DeploymentDetail is a deployment with what a decision about it needs.
type DeploymentDetail struct {
	Deployment
	Changes  []Difference      `json:"changes" doc:"From what is live."`
	Commits  []Change          `json:"commits" doc:"Of the releases in between, too."`
	Voided   []Difference      `json:"voided" doc:"What changed in the plan since it was last shown; approvals of then are void."`
	Votes    []Vote            `json:"votes"`
	Bypasses []Bypassed        `json:"bypasses" doc:"Gates that somebody went around. None of them is an approval."`
	WhyNot   map[string]string `json:"whyNot" doc:"Why you may not, by verb; a verb that is missing you may."`
}

func deploymentDetail(p app.DeploymentPage) DeploymentDetail {
	out := DeploymentDetail{Deployment: deployment(p.Deployment), Changes: differences(p.Changes), Commits: each(p.Commits, change), Voided: differences(p.Voided),
		WhyNot: map[string]string{}, Bypasses: each(p.Bypasses, bypassed), Votes: each(p.Votes, vote)}
	out.Gates, out.Phases = verdicts(p.Verdicts), each(p.Deployment.Runs, measuredRun)
	verbs := map[string]string{"approve": p.VoteWhyNot, "reject": p.WhyNot[slipway.DeploymentApprove], "control": p.WhyNot[slipway.DeploymentControl],
		"rollback": p.WhyNot[slipway.DeploymentRollback], "bypass": p.WhyNot[slipway.GateBypass]}
	for verb, why := range verbs {
		if why != "" {
			out.WhyNot[verb] = why
		}
	}
	return out
}

// DeploymentIn names a deployment.
type DeploymentIn struct {
	ID int64 `path:"id" minimum:"1" doc:"Number of the deployment."`
}

// Promote asks for a release to go to an environment.
type Promote struct {
	Environment string `json:"environment"`
	Version     string `json:"version"`
	Note        string `json:"note,omitempty" maxLength:"2000"`
	Redeploy    bool   `json:"redeploy,omitempty" doc:"Send out again what is live already, with today's settings."`
	PromoteHow
}

type promoteIn struct {
	ServiceIn
	KeyIn
	Body Promote
}

// deploymentOut says with 202 that something was begun, not done.
type deploymentOut struct {
	Location string `header:"Location"`
	Body     Deployment
}

func accepted(d slipway.Deployment, err error) (*deploymentOut, error) {
	if err != nil {
		return nil, err
	}
	return &deploymentOut{Location: base + "/deployments/" + strconv.FormatInt(d.ID, 10), Body: deployment(d)}, nil
}

func (s *Surface) registerDeployments() {
	add(s, operation{id: "list-deployments", method: http.MethodGet, path: "/services/{service}/deployments", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "List the deployments of a service, newest first"}, s.listDeployments)
	add(s, operation{id: "promote", method: http.MethodPost, path: "/services/{service}/deployments", access: server.Needs(slipway.DeploymentPromote), tag: "deployments",
		summary: "Promote a release to an environment", status: http.StatusAccepted,
		about: "Freezes a plan and asks the gates. Where one refuses for good, the answer is 409 with blockedBy and nothing is started; else the deployment waits for them, visibly."}, s.promote)
	add(s, operation{id: "get-deployment", method: http.MethodGet, path: "/deployments/{id}", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "Show a deployment"}, s.getDeployment)
	add(s, operation{id: "get-plan", method: http.MethodGet, path: "/deployments/{id}/plan", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "Show exactly what a deployment is going to do"}, s.getPlan)
	add(s, operation{id: "list-deployment-events", method: http.MethodGet, path: "/deployments/{id}/events", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "List what happened in a deployment, oldest first"}, s.listEvents)
}

type listDeploymentsIn struct {
	ServiceIn
	PageIn
	Environment string `query:"environment" maxLength:"63"`
	Version     string `query:"version" maxLength:"64"`
	State       string `query:"state" enum:"waiting,running,paused,reverting,succeeded,failed,rolledBack,cancelled,rejected,expired,superseded"`
}

func (s *Surface) listDeployments(ctx context.Context, actor slipway.Actor, in *listDeploymentsIn) (*answer[Page[Deployment]], error) {
	if _, err := s.App.Service(ctx, actor, in.Service); err != nil {
		return nil, err
	}
	filter := slipway.DeploymentFilter{Service: in.Service, Environment: in.Environment, Version: in.Version}
	if in.State != "" {
		filter.States = []slipway.State{slipway.State(in.State)}
	}
	rows, next, err := s.App.Deployments(ctx, actor, filter, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, deployment), nil
}

func (s *Surface) promote(ctx context.Context, actor slipway.Actor, in *promoteIn) (*deploymentOut, error) {
	b := in.Body
	return accepted(s.App.Promote(ctx, actor, app.Promote{Once: in.once(), Service: in.Service, Environment: b.Environment, Version: b.Version, Note: b.Note, Redeploy: b.Redeploy,
		NotBefore: b.At, Part: b.part()}))
}

func (s *Surface) getDeployment(ctx context.Context, actor slipway.Actor, in *DeploymentIn) (*answer[DeploymentDetail], error) {
	p, err := s.App.Deployment(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[DeploymentDetail]{deploymentDetail(p)}, nil
}

func (s *Surface) getPlan(ctx context.Context, actor slipway.Actor, in *DeploymentIn) (*answer[Plan], error) {
	p, err := s.App.Deployment(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[Plan]{plan(p.Deployment.Plan, p.Deployment.PlanDigest)}, nil
}

// Event is something that happened.
type Event struct {
	ID          int64     `json:"id"`
	At          time.Time `json:"at"`
	Kind        string    `json:"kind" example:"deployment.running"`
	Service     string    `json:"service,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Actor       string    `json:"actor,omitempty"`
	Message     string    `json:"message"`
}

func (s *Surface) listEvents(ctx context.Context, actor slipway.Actor, in *DeploymentIn) (*answer[Page[Event]], error) {
	p, err := s.App.Deployment(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	return pageOf(p.Events, "", func(e slipway.DomainEvent) Event {
		return Event{ID: e.ID, At: at(e.At), Kind: e.Kind, Service: e.Service, Environment: e.Environment, Actor: e.Actor, Message: e.Message}
	}), nil
}
