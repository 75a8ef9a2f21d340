package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// measureTimeout bounds one measurement. Most end sooner, by the limit of their
// own; a look as a whole may take a minute.
const measureTimeout = 45 * time.Second

// measure makes the check whose time has come, if there is one. What it is
// about is what the deployer reports this moment.
func (e *Engine) measure(ctx context.Context, d slipway.Deployment, seen slipway.Observed) (slipway.Measured, bool) {
	now := e.now()
	check, run, due := d.DueCheck(now)
	if !due {
		return slipway.Measured{}, false
	}
	measured := slipway.Measured{Generation: d.Current().Generation, Check: run.Name}
	failed := func(why string) (slipway.Measured, bool) {
		measured.Measurement = slipway.Measurement{At: now, Outcome: slipway.OutcomeError, Message: why}
		return measured, true
	}
	if e.Checks == nil {
		return failed("This portal cannot make checks.")
	}
	subject := e.subject(d, seen)
	subject.Key = fmt.Sprintf("%s-%d", jobKey(*d.Current()), len(run.Measurements)+run.Errors)
	if check.Job != nil {
		if e.Jobs == nil {
			return failed("This portal cannot run jobs.")
		}
		subject.Key = ownKey(e.Jobs.ID(), subject.Key+"-"+run.Name)
		if subject.Job = run.Job; run.Job != "" && runnerOf(run.Job) != e.Jobs.ID() {
			if run.JobSince != nil && now.Sub(*run.JobSince) < time.Duration(check.Job.Timeout)+jobGrace {
				return slipway.Measured{}, false // its own runner will ask
			}
			return failed("The portal that ran the job does not answer for it any more.")
		}
	}
	call, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	err := guard(func() error {
		measured.Measurement = e.Checks.Measure(call, check, subject)
		return nil
	})
	if err != nil {
		return failed(err.Error())
	}
	measured.Measurement.At = e.now()
	return measured, ctx.Err() == nil
}

// subject is what a job or a check of the phase at work is about.
func (e *Engine) subject(d slipway.Deployment, seen slipway.Observed) slipway.CheckSubject {
	s := slipway.CheckSubject{Now: e.now(), Service: d.Service, Environment: d.Environment, Site: d.Current().Desired.Site,
		Version: d.Version, Address: seen.Address}
	if d.Plan.From != nil {
		s.Stable = d.Plan.From.Version
	}
	if seen.Preview != "" {
		s.Address = seen.Preview
	}
	for _, t := range seen.Tracks {
		if t.Spec == d.Plan.To.ID() && len(t.Addresses) > 0 {
			s.Address = t.Addresses[0]
		}
	}
	return s
}

// probe asks the gates whose answers are due. It is called outside of any
// transaction: others may be slow.
func (e *Engine) probe(ctx context.Context, d slipway.Deployment) ([]slipway.Probe, error) {
	due := d.DueProbes(e.now())
	if len(due) == 0 || e.Prober == nil {
		return nil, nil
	}
	subject := slipway.ProbeSubject{Now: e.now(), Deployment: d}
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if subject.Service, err = tx.Services().Get(ctx, d.Service); err != nil {
			return err
		}
		if subject.Environment, err = tx.Environments().Get(ctx, d.Environment); err != nil {
			return err
		}
		subject.Release, err = tx.Releases().Get(ctx, d.Service, d.Version)
		return err
	})
	if err != nil {
		return nil, err
	}
	call, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	probes := make([]slipway.Probe, len(due))
	var wg sync.WaitGroup
	for i, gate := range due {
		wg.Go(func() {
			err := guard(func() error {
				probes[i] = e.Prober.Probe(call, d.Plan.Gates[gate], subject)
				return nil
			})
			if err != nil {
				probes[i] = slipway.Probe{Result: slipway.Unknown, Reason: err.Error(), Who: "who runs Slipway"}
			}
			probes[i].Gate, probes[i].PlanDigest, probes[i].At = gate, d.PlanDigest, e.now()
		})
	}
	wg.Wait()
	return probes, ctx.Err()
}
