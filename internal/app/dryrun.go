package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// DryRun is what would happen if a release were promoted now, asked as far as
// the real thing would ask: deployer and gates included.
type DryRun struct {
	Outlook
	Takes   *slipway.Deployment  // whose place it would take
	Changes []slipway.Difference // from what is live
	Commits []slipway.Change     // of the releases between what is live and this
	Preview string               // what the deployer would change, in its own words
	Silent  string               // why the deployer could not say
}

// Starts reports whether it would start at once.
func (r DryRun) Starts() bool {
	return r.WhyNot == "" && r.Silent == "" && len(r.Refusals) == 0 && len(slipway.Blocking(r.Verdicts)) == 0
}

// dryRunFor bounds how long others are asked.
const dryRunFor = 15 * time.Second

// DryRun answers what would happen, and changes nothing. Deployer and gates are
// asked outside of any transaction.
func (a *App) DryRun(ctx context.Context, actor slipway.Actor, c Promote) (DryRun, error) {
	var out DryRun
	var d slipway.Deployment
	var subject slipway.ProbeSubject
	err := a.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		if out.Outlook, d, err = a.outlook(ctx, tx, actor, c); err != nil {
			return err
		}
		draft := out.Draft
		subject = slipway.ProbeSubject{Now: a.now(), Deployment: d, Release: draft.Release, Service: draft.Service, Environment: draft.Environment}
		r, err := c.request(actor, a.now())
		if err != nil {
			return err
		}
		if out.Commits, err = commitsBetween(ctx, tx, d); err != nil {
			return err
		}
		out.Takes, err = slipway.Room(ctx, tx, draft, r)
		out.Refusals, err = refusedAs(out.Refusals, err)
		return err
	})
	if err != nil {
		return out, err
	}
	out.Changes = slipway.DiffSpecs(d.Plan.From, d.Plan.To)
	asking, cancel := context.WithTimeout(ctx, dryRunFor)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		preview, _, err := a.Deployers.Preview(asking, d.Plan)
		if out.Preview = preview; slipway.CodeOf(err) == slipway.CodeConflict {
			out.Refusals, _ = refusedAs(out.Refusals, err)
		} else if err != nil {
			out.Silent = strings.TrimSuffix(err.Error(), ".") + "."
		}
	})
	d.Probes = a.probes(asking, d, subject)
	wg.Wait()
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	return out, a.Store.Read(ctx, func(tx slipway.Tx) error {
		facts, err := slipway.LoadGateFacts(ctx, tx, a.aids(), d, a.now())
		out.Verdicts = slipway.Verdicts(facts)
		return err
	})
}

// refusedAs adds what stands in the way to what keeps a request from starting;
// every other error stays one.
func refusedAs(refusals []slipway.Verdict, err error) ([]slipway.Verdict, error) {
	var e *slipway.Error
	if !errors.As(err, &e) || (e.Code != slipway.CodeConflict && e.Code != slipway.CodeBlocked) {
		return refusals, err
	}
	if len(e.BlockedBy) > 0 {
		return append(refusals, e.BlockedBy...), nil
	}
	return append(refusals, slipway.Verdict{Gate: "state", Result: slipway.Fail, Reason: strings.TrimSpace(e.Message + " " + e.Do), Who: "you"}), nil
}

// probes asks the gates of a plan that ask outside, all at once.
func (a *App) probes(ctx context.Context, d slipway.Deployment, subject slipway.ProbeSubject) []slipway.Probe {
	due := d.DueProbes(a.now())
	if a.Prober == nil {
		return nil
	}
	probes := make([]slipway.Probe, len(due))
	var wg sync.WaitGroup
	for i, gate := range due {
		wg.Go(func() {
			defer func() {
				if fault := recover(); fault != nil {
					probes[i] = slipway.Probe{Result: slipway.Unknown, Reason: fmt.Sprintf("It could not be asked: %v.", fault), Who: "who runs Slipway"}
				}
				probes[i].Gate, probes[i].PlanDigest, probes[i].At = gate, d.PlanDigest, a.now()
			}()
			probes[i] = a.Prober.Probe(ctx, d.Plan.Gates[gate], subject)
		})
	}
	wg.Wait()
	return slipway.MergeProbes(nil, slices.Clip(probes))
}
