package process

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Observe implements deployers.Deployer. Readiness is that of the last checks,
// which are at most an interval old; weights and requests in flight are what
// the proxy says now. A proxy that runs but does not answer is an error.
func (d *Deployer) Observe(ctx context.Context, name deployers.Target) (deployers.Observed, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Observed{}, err
	}
	t, err := d.open(name, false)
	if err != nil {
		return deployers.Observed{}, err
	}
	if t == nil {
		return deployers.Observed{At: time.Now(), Converged: true}, nil
	}
	t.mu.Lock()
	proxy := t.proxy
	t.mu.Unlock()
	var status proxyStatus
	if proxy != nil && !proxy.ended() {
		if status, err = (proxyClient{t.dir}).status(ctx); err != nil && !proxy.ended() {
			return deployers.Observed{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return t.observe(status), nil
}

func (t *target) observe(status proxyStatus) deployers.Observed {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := deployers.Observed{At: time.Now(), Generation: t.state.Generation, Converged: t.inEffect() && t.routed(status.Routes)}
	o.Forgot = t.forgot()
	// What the proxy says is newer than what is written down.
	if port := cmp.Or(status.Routes.Port, t.state.Port); t.proxy != nil && port != 0 {
		o.Address = fmt.Sprintf("http://127.0.0.1:%d", port)
	}
	if t.proxy != nil && status.Routes.preview() && status.Routes.PreviewPort != 0 {
		o.Preview = fmt.Sprintf("http://127.0.0.1:%d", status.Routes.PreviewPort)
	}
	shares := status.Routes.shares()
	ready, wanted := 0, 0
	var notes []string
	for _, spec := range t.state.Desired {
		seen := t.observeTrack(spec, shares)
		if seen.Ready < seen.Wanted || seen.Weight != spec.Weight {
			o.Converged = false
		}
		if f := t.failure(spec, seen); f != nil && (o.Failure == nil || f.Terminal && !o.Failure.Terminal) {
			o.Failure = f
		}
		ready, wanted = ready+seen.Ready, wanted+seen.Wanted
		o.Tracks = append(o.Tracks, seen)
	}
	for _, spec := range t.leftovers() {
		o.Tracks = append(o.Tracks, t.observeTrack(spec, shares))
	}
	for i := range o.Tracks {
		seen := &o.Tracks[i]
		draining, others, last := t.leavers(seen.ID)
		if seen.Draining = draining; draining > 0 {
			notes = append(notes, finishes(draining, " of "+seen.Version))
			addLeaving(seen, time.Until(last))
		}
		// What only finishes its work does not count, unless nothing is to run.
		if others > seen.Wanted || others+draining > 0 && len(t.state.Desired) == 0 {
			o.Converged = false
		}
	}
	if a := t.attempts[proxyAttempt]; a != nil && a.reason != "" && (t.proxy == nil || !o.Converged) {
		o.Converged = false
		o.Failure = &deployers.Failure{Terminal: false, Reason: fmt.Sprintf("the proxy of %s: %s", t.name, a.reason)}
	}
	o.Message = strings.Join(append([]string{fmt.Sprintf("%d of %d ready", ready, wanted)}, notes...), "; ")
	return o
}

// routed reports whether the proxy does what is wanted of it: otherwise it may
// still send requests to a replica that was given up. Locked.
func (t *target) routed(has routes) bool {
	if t.proxy == nil {
		return len(t.state.Desired) == 0
	}
	return reflect.DeepEqual(has, t.wantedRoutes())
}

// leftovers are the tracks that run without being desired, in an order that
// does not change: they serve until what is desired is ready, or finish their
// work. Locked.
func (t *target) leftovers() []trackSpec {
	var specs []trackSpec
	for _, c := range t.children {
		if _, desired := findSpec(t.state.Desired, c.rec.Track.ID); desired {
			continue
		}
		if _, known := findSpec(specs, c.rec.Track.ID); !known {
			spec := c.rec.Track
			spec.Replicas = 0
			specs = append(specs, spec)
		}
	}
	slices.SortFunc(specs, func(a, b trackSpec) int {
		return cmp.Or(strings.Compare(a.Version, b.Version), strings.Compare(a.ID, b.ID))
	})
	return specs
}

func (t *target) observeTrack(spec trackSpec, shares map[string]int) deployers.ObservedTrack {
	seen := deployers.ObservedTrack{ID: spec.ID, Version: spec.Version, Wanted: spec.Replicas, Weight: shares[spec.ID]}
	said := ""
	for _, c := range t.of(spec.ID) {
		if c.ready {
			seen.Ready++
			seen.Addresses = append(seen.Addresses, fmt.Sprintf("http://127.0.0.1:%d", c.rec.Port))
		} else {
			said = c.said
		}
	}
	seen.Message = fmt.Sprintf("%d of %d ready", seen.Ready, seen.Wanted)
	if said != "" && seen.Ready < seen.Wanted {
		seen.Message += ": " + said
	}
	return seen
}

// failure says why a desired track is not ready; nil while that is only a
// matter of time. A replica is late once it was asked after its time, and was
// not ready then: a machine that stood still has asked nobody meanwhile.
func (t *target) failure(spec trackSpec, seen deployers.ObservedTrack) *deployers.Failure {
	if seen.Ready >= seen.Wanted {
		return nil
	}
	if a := t.attempts[spec.ID]; a != nil && a.reason != "" {
		return &deployers.Failure{Terminal: a.terminal, Reason: a.reason}
	}
	reason := fmt.Sprintf("version %s: %s", spec.Version, seen.Message)
	for _, c := range t.of(spec.ID) {
		asked := c.asked.Sub(c.rec.Created)
		if limit := time.Duration(spec.Config.Readiness.Timeout); !c.ready && !c.everReady && asked > limit {
			return &deployers.Failure{Terminal: true, Reason: fmt.Sprintf("%s (not ready within %v)", reason, limit)}
		}
		if !c.ready && c.everReady {
			return &deployers.Failure{Reason: reason}
		}
	}
	return nil
}
