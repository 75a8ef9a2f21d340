package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// wayOf is a stage whose deployer is asked about the way that it describes.
type wayOf struct {
	stage int // of the pipeline
	plan  slipway.Plan
	live  bool // something is: what the deployer sees there is what will be led
}

// askWays asks the deployers, outside of any transaction, whether they can lead
// their targets along the strategies of a pipeline. Where something is live, a no
// refuses the pipeline. Before that it is a warning, since the workload may yet
// come or change; and so is a deployer that cannot be reached, which must keep
// nobody from applying a pipeline. The first function authorizes, and says when
// there is nothing to ask because the answer is known.
func (a *App) askWays(ctx context.Context, p slipway.Pipeline, locate func([]slipway.FieldError) []slipway.FieldError,
	may func(slipway.Tx) (known bool, err error),
) (warnings []string, err error) {
	var asked []wayOf
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		if known, err := may(tx); err != nil || known {
			return err
		}
		asked, err = a.waysOf(ctx, tx, p)
		return err
	})
	if err != nil || len(asked) == 0 {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, evidenceFor)
	defer cancel()
	answers := make([]error, len(asked))
	var wg sync.WaitGroup
	for i, way := range asked {
		wg.Go(func() { answers[i] = a.Deployers.CheckWay(asking, way.plan) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var faults []slipway.FieldError
	for i, err := range answers {
		if err == nil {
			continue
		}
		stage, why := p.Stages[asked[i].stage], strings.TrimSuffix(inItsWords(err).Error(), ".")
		switch {
		case slipway.CodeOf(err) != slipway.CodeConflict:
			warnings = append(warnings, fmt.Sprintf("%s: deployer %s could not be asked whether it can go this way: %s. It is asked again before a promotion.",
				stage.Environment, stage.Deployer.Name, why))
		case asked[i].live:
			faults = append(faults, slipway.FieldError{Field: fmt.Sprintf("stages[%d].strategy", asked[i].stage), Message: why})
		default:
			warnings = append(warnings, fmt.Sprintf("%s: %s. As it is now, a promotion would be refused.", stage.Environment, why))
		}
	}
	if len(faults) > 0 {
		return nil, fileFaults("The pipeline of "+p.Service, faults, locate)
	}
	return warnings, nil
}

// waysOf are the stages that can be asked about: of a pipeline without faults and
// a service that has a release, where nothing is on its way.
func (a *App) waysOf(ctx context.Context, tx slipway.Tx, p slipway.Pipeline) ([]wayOf, error) {
	release, err := tx.Releases().Newest(ctx, p.Service)
	if err != nil {
		return nil, unlessNotFound(err)
	}
	environments, err := tx.Environments().List(ctx)
	if err != nil || len(slipway.CheckPipeline(p, environments, slipway.CheckAids{Deployers: a.Deployers, Expressions: a.Expressions})) > 0 {
		return nil, err // the faults are told by who applies it
	}
	var asked []wayOf
	for i, stage := range p.Stages {
		state, err := tx.Stages().Get(ctx, p.Service, stage.Environment)
		if err != nil {
			return nil, err
		}
		active, err := tx.Deployments().Active(ctx, p.Service, stage.Environment)
		if err != nil && !slipway.IsNotFound(err) {
			return nil, err
		}
		if err == nil && active.ID != 0 || state.Partial != nil {
			continue
		}
		sites, replicas, _ := slipway.SiteSpecs(stage, a.Deployers)
		in := slipway.PlanInput{Cause: slipway.CausePromote, Pipeline: p, Stage: stage, Release: release, Replicas: replicas, Sites: sites}
		if state.Live != nil {
			in.Live = &state.Live.Spec
		}
		asked = append(asked, wayOf{stage: i, live: in.Live != nil, plan: slipway.Rehearsal(in)})
	}
	return asked, nil
}

// inItsWords is what the deployer said, without what would be true of a promotion.
func inItsWords(err error) error {
	var e *slipway.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

func unlessNotFound(err error) error {
	if slipway.IsNotFound(err) {
		return nil
	}
	return err
}
