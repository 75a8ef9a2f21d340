package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Approve says yes to exactly one plan.
type Approve struct {
	Plan    string `json:"plan" doc:"Digest of the plan that you looked at. If it is another by now, the answer is 409."`
	Comment string `json:"comment,omitempty" maxLength:"2000"`
}

// Reject says no, and ends the deployment.
type Reject struct {
	Plan   string `json:"plan,omitempty" doc:"Digest of the plan that you looked at; whichever it is if left out."`
	Reason string `json:"reason" maxLength:"2000"`
}

// Control says why, if anything.
type Control struct {
	Reason string `json:"reason,omitempty" maxLength:"2000"`
	As     string `json:"as,omitempty" enum:"done,again" doc:"To resume a call of which nobody knows whether it took effect: take it as done, or make it again."`
}

type approveIn struct {
	DeploymentIn
	KeyIn
	Body Approve
}

type rejectIn struct {
	DeploymentIn
	KeyIn
	Body Reject
}

type controlIn struct {
	DeploymentIn
	KeyIn
	Body *Control
}

func (in controlIn) command() app.Control {
	c := app.Control{Once: in.once(), Deployment: in.ID}
	if in.Body != nil {
		c.Reason, c.As = in.Body.Reason, in.Body.As
	}
	return c
}

func (s *Surface) registerControls() {
	add(s, operation{id: "approve", method: http.MethodPost, path: "/deployments/{id}/approve", access: server.Needs(slipway.DeploymentApprove), tag: "deployments",
		summary: "Approve the plan of a waiting deployment", about: "Only people approve. Who asks for a deployment does not approve it, unless the gate says so."}, s.approve)
	add(s, operation{id: "reject", method: http.MethodPost, path: "/deployments/{id}/reject", access: server.Needs(slipway.DeploymentApprove), tag: "deployments",
		summary: "Reject a waiting deployment, which ends it"}, s.reject)
	control := func(verb, summary string, do func(context.Context, slipway.Actor, app.Control) (slipway.Deployment, error)) {
		add(s, operation{id: verb + "-deployment", method: http.MethodPost, path: "/deployments/{id}/" + verb, access: server.Needs(slipway.DeploymentControl), tag: "deployments",
			summary: summary}, func(ctx context.Context, actor slipway.Actor, in *controlIn) (*answer[Deployment], error) {
			return decided(do(ctx, actor, in.command()))
		})
	}
	control("cancel", "Cancel a deployment: one that waits ends, one at work goes back to what was live", s.cancel)
	control("pause", "Hold a deployment before its next phase", s.pause)
	control("resume", "Let a paused deployment go on", s.resume)
	add(s, operation{id: "retry-deployment", method: http.MethodPost, path: "/deployments/{id}/retry", access: server.Needs(slipway.DeploymentControl), tag: "deployments",
		summary: "Ask again for what an ended deployment asked for", about: "A new deployment, with a plan and gates of its own.", status: http.StatusAccepted}, s.retry)
	add(s, operation{id: "get-deployment-logs", method: http.MethodGet, path: "/deployments/{id}/logs", access: server.Needs(slipway.ServiceRead), tag: "deployments",
		summary: "Show what the workloads printed while it was at work", about: "Send Accept: text/plain for the bare lines.",
		produce: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[Logs](s)}, "text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}, s.getLogs)
}

// The indirection lets the API be described without use cases behind it.
func (s *Surface) cancel(ctx context.Context, actor slipway.Actor, c app.Control) (slipway.Deployment, error) {
	return s.App.Cancel(ctx, actor, c)
}

func (s *Surface) pause(ctx context.Context, actor slipway.Actor, c app.Control) (slipway.Deployment, error) {
	return s.App.Pause(ctx, actor, c)
}

func (s *Surface) resume(ctx context.Context, actor slipway.Actor, c app.Control) (slipway.Deployment, error) {
	return s.App.Resume(ctx, actor, c)
}

func decided(d slipway.Deployment, err error) (*answer[Deployment], error) {
	if err != nil {
		return nil, err
	}
	return &answer[Deployment]{deployment(d)}, nil
}

func (s *Surface) approve(ctx context.Context, actor slipway.Actor, in *approveIn) (*answer[Deployment], error) {
	return decided(s.App.Approve(ctx, actor, app.Approve{Once: in.once(), Deployment: in.ID, PlanDigest: in.Body.Plan, Comment: in.Body.Comment}))
}

func (s *Surface) reject(ctx context.Context, actor slipway.Actor, in *rejectIn) (*answer[Deployment], error) {
	return decided(s.App.Reject(ctx, actor, app.Reject{Once: in.once(), Deployment: in.ID, PlanDigest: in.Body.Plan, Reason: in.Body.Reason}))
}

func (s *Surface) retry(ctx context.Context, actor slipway.Actor, in *controlIn) (*deploymentOut, error) {
	return accepted(s.App.Retry(ctx, actor, in.command()))
}

// LogLine is one line that a workload printed.
type LogLine struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Source string    `json:"source" doc:"Which replica."`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
}

// Logs is a piece of a log.
type Logs struct {
	Lines []LogLine `json:"lines"`
	After int64     `json:"after" doc:"Send it back to go on from here."`
}

type logsIn struct {
	DeploymentIn
	After  int64  `query:"after" minimum:"0" doc:"Number of the last line that you have."`
	Limit  int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
	Accept string `header:"Accept" doc:"text/plain or application/json"`
}

// logsOut is written by hand: what is printed as plain text has no schema.
type logsOut struct{ Body func(huma.Context) }

func (s *Surface) getLogs(ctx context.Context, actor slipway.Actor, in *logsIn) (*logsOut, error) {
	lines, err := s.App.Logs(ctx, actor, in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	return &logsOut{func(c huma.Context) {
		if strings.HasPrefix(in.Accept, "text/plain") {
			c.SetHeader("Content-Type", "text/plain; charset=utf-8")
			for _, l := range lines {
				fmt.Fprintf(c.BodyWriter(), "%s %s %s\n", at(l.At).Format(time.RFC3339Nano), l.Source, l.Text)
			}
			return
		}
		out := Logs{After: in.After, Lines: each(lines, func(l slipway.LogLine) LogLine {
			return LogLine{Number: l.Number, At: at(l.At), Source: l.Source, Stream: l.Stream, Text: l.Text}
		})}
		if n := len(lines); n > 0 {
			out.After = lines[n-1].Number
		}
		c.SetHeader("Content-Type", "application/json")
		if err := json.NewEncoder(c.BodyWriter()).Encode(out); err != nil {
			exchangeOf(ctx).fail(err)
		}
	}}, nil
}
