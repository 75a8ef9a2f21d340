package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// RegisterFile registers a service together with its pipeline, as one file
// describes both: the two or neither.
type RegisterFile struct {
	Once
	// Service is what the file says of the service. Without a team the service
	// has to exist; unless Describes, an existing one keeps its description.
	Service   slipway.Service
	Describes bool
	Pipeline  slipway.Pipeline // without stages: only the service
	// Locate is as in ApplyPipeline.
	Locate func([]slipway.FieldError) []slipway.FieldError `json:"-"`
	DryRun bool
}

// RegisteredFile is what registering a file did, or would do.
type RegisteredFile struct {
	Before   slipway.Service // without a name if there was none
	Service  slipway.Service
	Pipeline Applied
}

// errDryRun undoes the transaction of a rehearsal.
var errDryRun = errors.New("dry run")

// RegisterFile saves both. A dry run goes the whole way and is then undone, so
// that it promises nothing that would not happen.
func (a *App) RegisterFile(ctx context.Context, actor slipway.Actor, c RegisterFile) (out RegisteredFile, err error) {
	p := c.Pipeline
	p.Normalize()
	p.Service = c.Service.Name
	warnings, err := a.askWays(ctx, p, c.Locate, func(tx slipway.Tx) (bool, error) {
		if _, err := a.service(ctx, tx, actor, p.Service, "", slipway.PipelineApply); err != nil || c.DryRun {
			return slipway.IsNotFound(err), unlessNotFound(err) // a new service has nothing to be asked about
		}
		_, answered, err := a.answered(ctx, tx, actor, c.Once, c)
		return answered, err
	})
	if err != nil {
		return out, err
	}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		out = RegisteredFile{}
		worked := false
		work := func() (string, error) {
			worked = true
			err := a.registerFile(ctx, tx, actor, c, &out)
			return fmt.Sprintf("%t %s", out.Before.Name == "", appliedOutcome(out.Pipeline.After.Revision, out.Pipeline.Changed)), err
		}
		if c.DryRun {
			if _, err := work(); err != nil {
				return err
			}
			return errDryRun
		}
		outcome, err := a.once(ctx, tx, actor, c.Once, c, work)
		if err != nil {
			return err
		}
		if out.Service, err = a.service(ctx, tx, actor, c.Service.Name, "", slipway.ServiceRead); err != nil || worked {
			return err
		}
		created, applied, _ := strings.Cut(outcome, " ")
		if created == "false" {
			out.Before = out.Service // what it said before, nobody kept
		}
		if len(c.Pipeline.Stages) > 0 {
			out.Pipeline, err = appliedOf(ctx, tx, c.Service.Name, applied)
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	out.Pipeline.Warnings = warnings
	return out, err
}

func (a *App) registerFile(ctx context.Context, tx slipway.Tx, actor slipway.Actor, c RegisterFile, out *RegisteredFile) error {
	s := c.Service
	old, err := tx.Services().Get(ctx, s.Name)
	if err != nil && !slipway.IsNotFound(err) {
		return err
	}
	known := err == nil
	if s.Team == "" && known {
		s.Team = old.Team
	}
	if known && !c.Describes {
		team := s.Team
		s = old
		s.Team = team
	}
	if err := a.putService(ctx, tx, actor, RegisterService{Service: s}, ""); err != nil {
		return located(err, c.Locate)
	}
	if out.Service, err = tx.Services().Get(ctx, s.Name); err != nil {
		return err
	}
	out.Before = old
	if len(c.Pipeline.Stages) == 0 {
		return fileFaults("The file", nil, c.Locate)
	}
	p := c.Pipeline
	p.Normalize()
	p.Service, p.Team = s.Name, s.Team
	if err := a.authorize(ctx, tx, actor, slipway.PipelineApply, out.Service.Resource("")); err != nil {
		return err
	}
	if err := a.checkPipeline(ctx, tx, p, out.Service, c.Locate); err != nil {
		return err
	}
	before, err := tx.Pipelines().Latest(ctx, s.Name)
	if err != nil && !slipway.IsNotFound(err) {
		return err
	}
	p.Revision = before.Revision + 1
	out.Pipeline = Applied{Before: before, After: p, Changed: !before.SameStages(p)}
	if !out.Pipeline.Changed {
		out.Pipeline.After = before
		return nil
	}
	return a.addRevision(ctx, tx, actor, out.Service, p)
}

// ServiceOutlook is what registering a service would do: "new", "changes" or
// "same"; with a fault nothing.
type ServiceOutlook struct {
	What  string
	Fault string
}

// PreviewServices says of each service what RegisterServices would do with it,
// and changes nothing.
func (a *App) PreviewServices(ctx context.Context, actor slipway.Actor, commands []RegisterService) (out []ServiceOutlook, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out = out[:0]
		for _, c := range commands {
			one, err := a.previewService(ctx, tx, actor, c.Service)
			if err != nil {
				return err
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

func (a *App) previewService(ctx context.Context, tx slipway.Tx, actor slipway.Actor, s slipway.Service) (ServiceOutlook, error) {
	why, err := a.may(ctx, tx, actor, slipway.ServiceRegister, slipway.Resource{Team: s.Team, Service: s.Name})
	if err != nil || why != "" {
		return ServiceOutlook{Fault: why}, err
	}
	if err := slipway.Invalid("The service", s.Validate()); err != nil {
		return ServiceOutlook{Fault: err.Error()}, nil //nolint:nilerr // the fault is the answer
	}
	if _, err := tx.Teams().Get(ctx, s.Team); slipway.IsNotFound(err) {
		return ServiceOutlook{Fault: "There is no team " + s.Team + " yet."}, nil
	} else if err != nil {
		return ServiceOutlook{}, err
	}
	old, err := tx.Services().Get(ctx, s.Name)
	switch {
	case slipway.IsNotFound(err):
		return ServiceOutlook{What: "new"}, nil
	case err != nil:
		return ServiceOutlook{}, err
	}
	if why, err = a.may(ctx, tx, actor, slipway.ServiceRegister, old.Resource("")); err != nil || why != "" {
		return ServiceOutlook{Fault: why}, err
	}
	if s.Title == "" {
		s.Title = s.Name
	}
	if s.Team != old.Team {
		if why, err = a.may(ctx, tx, actor, slipway.ServiceRegister, slipway.Resource{Team: s.Team}); err != nil || why != "" {
			return ServiceOutlook{Fault: why}, err
		}
	}
	if sameService(old, s) {
		return ServiceOutlook{What: "same"}, nil
	}
	return ServiceOutlook{What: "changes"}, nil
}
