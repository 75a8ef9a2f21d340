package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// facts is an event with what is told of it.
type facts struct {
	notice     slipway.Notice
	deployment slipway.Deployment // its ID is 0 if there is none
	forms      []form             // CDEvents that it amounts to
}

// form is one CDEvent. Its key makes it be told once per route, however many
// events amount to it: every phase says that a deployment runs, and the first one
// that its approval is over.
type form struct {
	key      string
	form     string
	decision string
	incident int64
}

func factsOf(ctx context.Context, tx slipway.Tx, e slipway.DomainEvent) (facts, error) {
	detail := e.Detail
	e.Detail = nil // it is for us; what is told says it in words
	f := facts{notice: slipway.Notice{Event: e}}
	if e.Deployment == 0 {
		f.forms = environmentForms(e, detail)
		return f, nil
	}
	d, err := tx.Deployments().Get(ctx, e.Deployment)
	if err != nil {
		return f, err
	}
	f.deployment, f.notice.Deployment = d, slipway.NoticeOf(d)
	environment, err := tx.Environments().Get(ctx, d.Environment)
	if err != nil {
		return f, err
	}
	f.notice.Urgent = environment.Tier == slipway.TierProduction && troubled(e.Kind)
	f.forms, err = deploymentForms(ctx, tx, e, d)
	return f, err
}

// troubled names what somebody wants to be woken up for, in production.
func troubled(kind string) bool {
	return slices.Contains([]string{"deployment.failed", "deployment.reverting", "deployment.rolledBack", "line.stopped"}, kind)
}

// thread is within what the order counts: of one deployment nobody reads that it
// succeeded before they read that it began.
func (f facts) thread() string {
	switch e := f.notice.Event; {
	case e.Deployment != 0:
		return fmt.Sprintf("deployment/%d", e.Deployment)
	case e.Service != "":
		return "service/" + e.Service
	default:
		return "environment/" + e.Environment
	}
}

func environmentForms(e slipway.DomainEvent, detail json.RawMessage) []form {
	key := fmt.Sprintf("event/%d", e.ID)
	switch e.Kind {
	case "environment.saved":
		var news slipway.EnvironmentNews
		if json.Unmarshal(detail, &news) == nil && news.Created {
			return []form{{key: key, form: "environment.created"}}
		}
		return []form{{key: key, form: "environment.modified"}}
	case "environment.locked", "environment.unlocked":
		return []form{{key: key, form: "environment.modified"}}
	default:
		return nil
	}
}

func deploymentForms(ctx context.Context, tx slipway.Tx, e slipway.DomainEvent, d slipway.Deployment) ([]form, error) {
	asks := slices.ContainsFunc(d.Plan.Gates, func(g slipway.Gate) bool { return g.Approval != nil })
	once := func(name string) string { return fmt.Sprintf("deployment/%d/%s", d.ID, name) }
	var forms []form
	approval := func(name, key, decision string) {
		if asks {
			forms = append(forms, form{key: key, form: "approval." + name, decision: decision})
		}
	}
	closed := func(status string) { approval("closed", once("approval.closed"), status) }
	switch e.Kind {
	case "deployment.waiting":
		approval("created", once("approval.created"), "")
	case "deployment.approve":
		approval("updated", fmt.Sprintf("event/%d", e.ID), "approved")
	case "deployment.running":
		closed("approved")
	case "deployment.rejected":
		approval("updated", fmt.Sprintf("event/%d", e.ID), "rejected")
		closed("rejected")
	case "deployment.expired":
		closed("expired")
	case "deployment.cancelled", "deployment.superseded":
		if d.StartedAt == nil {
			closed("cancelled")
		}
	case "deployment.reverting":
		if d.Ending == slipway.RolledBack || d.State == slipway.RolledBack {
			forms = append(forms, form{key: once("incident.detected"), form: "incident.detected", incident: d.ID})
		}
	case "deployment.rolledBack":
		forms = append(forms, form{key: once("incident.detected"), form: "incident.detected", incident: d.ID},
			form{key: once("service.rolledback"), form: "service.rolledback"},
			form{key: once("incident.resolved"), form: "incident.resolved", incident: d.ID})
	case "deployment.failed":
		failed, err := firstFailure(ctx, tx, d)
		return []form{{key: once("incident.detected"), form: "incident.detected", incident: max(failed, 0)}}, err
	case "deployment.succeeded":
		return succeeded(ctx, tx, d, once)
	}
	return forms, nil
}

func succeeded(ctx context.Context, tx slipway.Tx, d slipway.Deployment, once func(string) string) ([]form, error) {
	name := "service.deployed"
	switch {
	case d.Cause == slipway.CauseRollback:
		name = "service.rolledback"
	case d.Plan.From != nil && d.Plan.From.Version != d.Version:
		name = "service.upgraded"
	}
	forms := []form{{key: once(name), form: name}}
	failed, err := firstFailure(ctx, tx, d)
	if err == nil && failed != 0 && failed != d.ID {
		forms = append(forms, form{key: fmt.Sprintf("deployment/%d/incident.resolved", failed), form: "incident.resolved", incident: failed})
	}
	return forms, err
}

// lookBack is how many deployments of a stage are searched for the one that an
// incident began with.
const lookBack = 50

// firstFailure returns the deployment that the current row of failures in the
// stage of d began with: failures one after the other are one incident, which the
// next success ends. It is 0 if the deployment before d did not fail and neither
// did d.
func firstFailure(ctx context.Context, tx slipway.Tx, d slipway.Deployment) (int64, error) {
	ended, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: d.Service, Environment: d.Environment,
		States: []slipway.State{slipway.Failed, slipway.Succeeded, slipway.RolledBack}}, slipway.Page{Limit: lookBack})
	if err != nil {
		return 0, err
	}
	first := int64(0)
	if d.State == slipway.Failed {
		first = d.ID
	}
	for _, before := range ended {
		if before.ID >= d.ID {
			continue
		}
		if before.State != slipway.Failed {
			break
		}
		first = before.ID
	}
	return first, nil
}
