package kubernetes

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/deployers"
)

// possible refuses what cannot be had of a target as it is.
func (d *Deployer) possible(ctx context.Context, before, next *record, tracks []*rendered) error {
	if hostsAll(next.Kind) {
		return d.possibleInPlace(ctx, before, next, tracks)
	}
	if err := possible(tracks); err != nil {
		return deployers.Terminal(err)
	}
	return nil
}

// possible refuses traffic that cannot be had, rather than give something else.
func possible(tracks []*rendered) error {
	weighted, replicas, silent := 0, 0, 0
	for _, t := range tracks {
		if t.track.Weight > 0 {
			weighted, replicas = weighted+1, replicas+t.track.Replicas
		} else {
			silent++
		}
		if len(t.track.Match) > 0 && t.config.Gateway == nil {
			return fmt.Errorf("version %s is to get requests by header or cookie, which needs a gateway in the config", t.track.Version)
		}
	}
	if weighted < 2 {
		return nil
	}
	for _, t := range tracks {
		switch real := 100 * t.track.Replicas / replicas; {
		case t.config.Gateway != nil || t.track.Weight == 0:
		case silent > 0:
			return errors.New("some releases share the traffic while another gets none, which needs a gateway in the config")
		case t.config.Shares == sharesExact && (t.track.Weight < real || t.track.Weight > real+1):
			return fmt.Errorf("version %s is to get %d %% of the traffic, but %d of %d replicas get %d %%; configure a gateway, or other replicas",
				t.track.Version, t.track.Weight, t.track.Replicas, replicas, real)
		}
	}
	return nil
}

// possibleInPlace refuses what the workload cannot host, before it is accepted.
func (d *Deployer) possibleInPlace(ctx context.Context, before, next *record, tracks []*rendered) error {
	for _, t := range tracks {
		if len(t.track.Match) > 0 {
			return deployers.Terminal(fmt.Errorf("version %s is to get requests by header or cookie, which a %s cannot be asked for", t.track.Version, next.Kind))
		}
	}
	if len(tracks) > 2 {
		return deployers.Terminal(fmt.Errorf("a %s hosts two releases at most, and %d are wanted", next.Kind, len(tracks)))
	}
	if len(tracks) == 0 {
		return nil
	}
	if len(tracks) == 2 && !ran(before.Tracks, tracks[0].track.ID) && !ran(before.Tracks, tracks[1].track.ID) {
		return deployers.Terminal(fmt.Errorf("a %s begins with one release; a second one can join it later", next.Kind))
	}
	s := &snapshot{record: next, tracks: tracks}
	if next.Kind == kindStatefulSet {
		return s.possibleInSet()
	}
	lead := s.lead()
	k, err := d.cluster(next.Cluster)
	if err != nil {
		return err
	}
	live, err := k.get(ctx, rolloutsResource(), next.Namespace, lead.workload.GetName())
	rollout := live
	switch {
	case err != nil:
		return err
	case next.Adopted == nil:
		rollout = lead.workload // what it says is what the live one will say
	case live == nil:
		return deployers.Terminal(fmt.Errorf("the adopted Rollout %s is gone from namespace %s", lead.workload.GetName(), next.Namespace))
	}
	course := courseOf(rollout)
	if fault := course.fault(); fault != "" {
		return deployers.Terminal(fmt.Errorf("version %s cannot be rolled out: %s", lead.track.Version, fault))
	}
	if _, err := course.target(lead.track, len(tracks) == 1); err != nil {
		return deployers.Terminal(err)
	}
	if why := course.inexact(lead.track, int(replicasOf(live))); why != "" && len(tracks) > 1 && lead.config.Shares == sharesExact {
		return deployers.Terminal(errors.New(why))
	}
	return nil
}
