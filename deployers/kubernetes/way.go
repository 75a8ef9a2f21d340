package kubernetes

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/deployers"
)

// CheckWay implements deployers.WayChecker: the pauses of a Rollout and the
// phases of a strategy have to be the same.
func (d *Deployer) CheckWay(ctx context.Context, target deployers.Target, desired []deployers.Desired) error {
	r, err := d.readRecord(ctx, target)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if r == nil {
		r = &record{Target: target}
	}
	if err := d.checkWay(ctx, r, desired); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

func (d *Deployer) checkWay(ctx context.Context, r *record, desired []deployers.Desired) error {
	var w *way
	now := *r
	for _, one := range desired {
		next := now
		next.Lead, next.Tracks = leadOf(now.Tracks, now.Lead, one.Tracks), nil
		for _, t := range one.Tracks {
			next.Tracks = append(next.Tracks, stored(t))
		}
		tracks, err := d.renderAll(ctx, &next)
		if err != nil {
			return err
		}
		if err := d.possible(ctx, &now, &next, tracks); err != nil {
			return err
		}
		if next.Kind != kindRollout {
			now = next
			continue
		}
		s := &snapshot{record: &next, tracks: tracks}
		lead := s.lead()
		if w == nil && lead != nil {
			if w, err = d.begin(ctx, &now, &next, lead); err != nil {
				return err
			}
		}
		if w != nil {
			var track storedTrack
			if lead != nil {
				track = lead.track
			}
			if why := w.follow(one.Tracks, track); why != "" {
				return deployers.Terminal(fmt.Errorf("the strategy of the stage and that of the Rollout do not fit: %s", why))
			}
		}
		now = next
	}
	return nil
}

// begin is where a way begins: at what is accepted now.
func (d *Deployer) begin(ctx context.Context, now, next *record, lead *rendered) (*way, error) {
	rollout := lead.workload
	if next.Adopted != nil {
		k, err := d.cluster(next.Cluster)
		if err != nil {
			return nil, err
		}
		if rollout, err = k.get(ctx, rolloutsResource(), next.Namespace, lead.workload.GetName()); err != nil {
			return nil, err
		}
	}
	w := &way{course: courseOf(rollout), running: len(now.Tracks) > 0}
	if len(now.Tracks) == 2 && next.Lead == now.Lead { // it goes on from a part
		for _, t := range now.Tracks {
			if t.ID != now.Lead {
				continue
			}
			w.waited = true
			for w.next < len(w.stops) && w.stops[w.next].weight <= t.Weight {
				w.next++
			}
		}
	}
	return w, nil
}

// way is a sequence of desired states on its way along a course.
type way struct {
	course
	next    int  // of the stops
	waited  bool // beside what runs, before the switch
	running bool // something runs that this begins from
}

// follow says why the next desired state does not fit to the course; empty if it
// does. No stop of the Rollout may be passed over: its team wants it looked at.
func (w *way) follow(tracks []deployers.Track, lead storedTrack) string {
	switch {
	case len(tracks) == 0:
		w.running = false
		return ""
	case len(tracks) == 1 && !w.running:
		w.running, w.next, w.waited = true, 0, false
		return ""
	case len(tracks) == 1 && w.blueGreen && w.auto == "" && !w.waited:
		return fmt.Sprintf("the Rollout waits before it switches, but version %s is to get all traffic at once; the strategy that fits is blueGreen", lead.Version)
	case len(tracks) == 1 && w.next < len(w.stops):
		return fmt.Sprintf("the Rollout waits at %d %%, but nothing of the strategy does; %s", w.stops[w.next].weight, w.said())
	case len(tracks) == 1:
		w.next, w.waited = 0, false
		return ""
	}
	if _, err := w.target(lead, false); err != nil {
		return err.Error()
	}
	if w.blueGreen {
		if lead.Weight > 0 && !w.waited {
			return fmt.Sprintf("version %s is to get all traffic without having waited beside what runs", lead.Version)
		}
		w.waited = true
		return ""
	}
	switch {
	case w.next < len(w.stops) && w.stops[w.next].weight == lead.Weight:
		w.next++
	case w.next > 0 && w.stops[w.next-1].weight == lead.Weight:
	case w.next < len(w.stops):
		return fmt.Sprintf("the Rollout waits at %d %% before it gets to %d %%; %s", w.stops[w.next].weight, lead.Weight, w.said())
	default:
		return fmt.Sprintf("the Rollout does not go back to %d %%", lead.Weight)
	}
	return ""
}
