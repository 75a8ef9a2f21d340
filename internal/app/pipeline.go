package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// ApplyPipeline replaces the pipeline of a service by a new revision.
type ApplyPipeline struct {
	Once
	Pipeline slipway.Pipeline
	// Locate finds the lines of faults in the file that was sent, and adds what
	// is wrong with its words; nil if there is no file.
	Locate func([]slipway.FieldError) []slipway.FieldError `json:"-"`
	DryRun bool
	// IfRevision is the revision that the change was made for; 0: any.
	IfRevision int
}

// Applied is what applying a pipeline did, or would do.
type Applied struct {
	Before  slipway.Pipeline // revision 0 if there was none
	After   slipway.Pipeline
	Changed bool
	// Warnings are doubts of the deployers whether the stages can go their ways.
	Warnings []string
}

// ApplyPipeline checks the whole pipeline, then keeps it as a new revision. The
// same pipeline again makes no revision. Waiting deployments are looked at
// again: if their plan is another now, their approvals are void.
func (a *App) ApplyPipeline(ctx context.Context, actor slipway.Actor, c ApplyPipeline) (Applied, error) {
	var out Applied
	p := c.Pipeline
	p.Normalize()
	warnings, err := a.askWays(ctx, p, c.Locate, func(tx slipway.Tx) (bool, error) {
		if _, err := a.service(ctx, tx, actor, p.Service, "", slipway.PipelineApply); err != nil || c.DryRun {
			return false, err
		}
		_, answered, err := a.answered(ctx, tx, actor, c.Once, c)
		return answered, err
	})
	if err != nil {
		return out, err
	}
	work := func(tx slipway.Tx) error {
		s, err := a.service(ctx, tx, actor, p.Service, "", slipway.PipelineApply)
		if err != nil {
			return err
		}
		if err := a.checkPipeline(ctx, tx, p, s, c.Locate); err != nil {
			return err
		}
		before, err := tx.Pipelines().Latest(ctx, p.Service)
		if err != nil && !slipway.IsNotFound(err) {
			return err
		}
		p.Team, p.Revision = s.Team, before.Revision+1
		out = Applied{Before: before, After: p, Changed: !before.SameStages(p)}
		if c.DryRun {
			return nil
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, func() (string, error) {
			if c.IfRevision != 0 && c.IfRevision != before.Revision {
				return "", slipway.Conflict(fmt.Sprintf("The pipeline is at revision %d by now, not %d.", before.Revision, c.IfRevision), "Look at the difference again.")
			}
			if !out.Changed {
				return appliedOutcome(before.Revision, false), nil
			}
			return appliedOutcome(p.Revision, true), a.addRevision(ctx, tx, actor, s, p)
		})
		if err != nil {
			return err
		}
		out, err = appliedOf(ctx, tx, p.Service, outcome)
		return err
	}
	if c.DryRun {
		err = a.Store.Read(ctx, work)
	} else {
		err = a.Store.Write(ctx, work)
	}
	out.Warnings = warnings
	return out, err
}

// appliedOutcome is what is kept of applying a pipeline, and appliedOf the
// answer that it stands for: the same however often it is asked for.
func appliedOutcome(revision int, changed bool) string {
	return fmt.Sprintf("%d %t", revision, changed)
}

func appliedOf(ctx context.Context, tx slipway.Tx, service, outcome string) (out Applied, err error) {
	var revision int
	if _, err = fmt.Sscanf(outcome, "%d %t", &revision, &out.Changed); err != nil {
		return out, fmt.Errorf("kept answer %q: %w", outcome, err)
	}
	if out.After, err = tx.Pipelines().Revision(ctx, service, revision); err != nil {
		return out, err
	}
	if !out.Changed {
		out.Before = out.After
	} else if revision > 1 {
		out.Before, err = tx.Pipelines().Revision(ctx, service, revision-1)
	}
	return out, err
}

func (a *App) checkPipeline(ctx context.Context, tx slipway.Tx, p slipway.Pipeline, s slipway.Service, locate func([]slipway.FieldError) []slipway.FieldError) error {
	environments, err := tx.Environments().List(ctx)
	if err != nil {
		return err
	}
	faults := slipway.CheckPipeline(p, environments, slipway.CheckAids{Deployers: a.Deployers, Expressions: a.Expressions})
	if p.Team != "" && p.Team != s.Team {
		faults = append(faults, slipway.FieldError{Field: "team", Message: fmt.Sprintf("%s belongs to team %s; move it there first", s.Name, s.Team)})
	}
	moved, err := movedDeployers(ctx, tx, p)
	if err != nil {
		return err
	}
	faults = append(faults, moved...)
	return fileFaults("The pipeline of "+p.Service, faults, locate)
}

// fileFaults refuses a file for what is wrong with its meaning and its words.
func fileFaults(what string, faults []slipway.FieldError, locate func([]slipway.FieldError) []slipway.FieldError) error {
	if locate != nil {
		faults = locate(faults)
	}
	return slipway.Invalid(what, faults)
}

// located is a refusal with its faults in their places of a file.
func located(err error, locate func([]slipway.FieldError) []slipway.FieldError) error {
	var e *slipway.Error
	if locate == nil || !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	refused := *e
	refused.Fields = locate(e.Fields)
	return &refused
}

// movedDeployers refuses to hand a stage to another deployer while something is
// live there: the new one could not stop what the old one runs, and it would run
// on for ever.
func movedDeployers(ctx context.Context, tx slipway.Tx, p slipway.Pipeline) ([]slipway.FieldError, error) {
	states, err := tx.Stages().Of(ctx, []string{p.Service})
	if err != nil {
		return nil, err
	}
	live := map[string]string{}
	for _, s := range states {
		if s.Live != nil {
			live[s.Environment] = s.Live.Spec.Deployer.Name
		}
	}
	var faults []slipway.FieldError
	for i, stage := range p.Stages {
		if was := live[stage.Environment]; was != "" && was != stage.Deployer.Name {
			faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("stages[%d].deployer.name", i),
				Message: fmt.Sprintf("%s is live in %s by deployer %s, which would run on; a stage keeps its deployer while something is live", p.Service, stage.Environment, was)})
		}
	}
	return faults, nil
}

func (a *App) addRevision(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service, p slipway.Pipeline) error {
	p.AppliedBy, p.AppliedAt = actor.Name, a.now()
	if err := tx.Pipelines().Add(ctx, p); err != nil {
		return err
	}
	err := a.record(ctx, tx, actor, change{action: "pipeline.applied", on: s.Resource(""), subject: "pipeline of " + s.Name,
		summary: fmt.Sprintf("applied revision %d of the pipeline of %s", p.Revision, s.Name), detail: map[string]int{"revision": p.Revision}})
	if err != nil {
		return err
	}
	return a.wakeWaiting(ctx, tx, slipway.DeploymentFilter{Service: s.Name})
}

// Pipeline returns a revision, 0 for the latest, and the list of all.
func (a *App) Pipeline(ctx context.Context, actor slipway.Actor, service string, revision int) (p slipway.Pipeline, all []slipway.Pipeline, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if _, err := a.service(ctx, tx, actor, service, "", slipway.ServiceRead); err != nil {
			return err
		}
		if all, err = tx.Pipelines().List(ctx, service); err != nil {
			return err
		}
		if revision == 0 {
			p, err = tx.Pipelines().Latest(ctx, service)
		} else {
			p, err = tx.Pipelines().Revision(ctx, service, revision)
		}
		return err
	})
	return p, all, err
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

func atoi(kind, text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, slipway.NotFound(kind, text)
	}
	return id, nil
}
