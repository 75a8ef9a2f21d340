package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/deployers"
)

// Observe implements deployers.Deployer. Each observation is one tick of the
// scripts (ReadyAfter, DrainFor and BlindFor count them), which is why it writes.
func (d *Deployer) Observe(ctx context.Context, target deployers.Target) (deployers.Observed, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Observed{}, err
	}
	script, err := d.scripting(ctx, target)
	if err != nil {
		return deployers.Observed{}, err
	}
	var o deployers.Observed
	hang := false
	err = d.store.update(ctx, target, func(s *state) (bool, error) {
		for _, t := range s.Wanted {
			how := script(t)
			hang = hang || how.ObserveHang
			if how.ObserveError != "" {
				return false, fmt.Errorf("version %s: %s", t.Version, how.ObserveError)
			}
		}
		if s.Blind != nil && s.Blind.Left > 0 {
			s.Blind.Left--
			o = s.Blind.Before
			o.At = d.now()
			return true, nil
		}
		changed := s.tick(script)
		o = s.report(target, script)
		o.At = d.now()
		o.Forgot = d.forgot(target) && slices.ContainsFunc(s.Wanted, func(t track) bool { return t.Secrets })
		return s.leave() || changed, nil
	})
	if err != nil {
		return deployers.Observed{}, err
	}
	if hang {
		<-ctx.Done()
		return deployers.Observed{}, ctx.Err()
	}
	return o, nil
}

// tick moves every track on by one observation.
func (s *state) tick(script scripting) (changed bool) {
	ready := true
	for i := range s.Wanted {
		t := &s.Wanted[i]
		how := script(*t)
		blocked := how.NeverReady || how.Fail != "" || how.Lie
		if now := !blocked && (t.Ready || t.Seen >= how.ReadyAfter); now != t.Ready || !now {
			t.Ready, t.Seen, changed = now, t.Seen+1, true
		}
		ready = ready && t.Ready
	}
	if ready && !slices.EqualFunc(s.Serving, s.Wanted, sameTrack) {
		before := s.running()
		s.Serving, changed = slices.Clone(s.Wanted), true
		s.giveUp(before, script)
	}
	return changed
}

// leave counts an observation of those who finish their work.
func (s *state) leave() (changed bool) {
	for i := range s.Leaving {
		s.Leaving[i].Left--
		changed = true
	}
	s.Leaving = slices.DeleteFunc(s.Leaving, func(l leaver) bool { return l.Left <= 0 })
	return changed
}

func (s *state) report(target deployers.Target, script scripting) deployers.Observed {
	o := deployers.Observed{Generation: s.Generation}
	ready, lie := len(s.Wanted) > 0 || len(s.Leaving) == 0, false
	for _, t := range s.Wanted {
		how := script(t)
		ready, lie = ready && t.Ready, lie || how.Lie
		if how.Fail != "" {
			o.Failure = &deployers.Failure{Terminal: true, Reason: fmt.Sprintf("version %s: %s", t.Version, how.Fail)}
		} else if how.NeverReady && o.Failure == nil {
			o.Failure = &deployers.Failure{Reason: fmt.Sprintf("version %s: 0 of %d ready, scripted never to become ready", t.Version, t.Replicas)}
		}
	}
	o.Converged = ready || lie
	if slices.ContainsFunc(s.Serving, func(t track) bool { return t.Preview }) {
		o.Preview = previewOf(target)
	}
	total, up := 0, 0
	for _, t := range s.running() {
		seen := deployers.ObservedTrack{ID: t.ID, Version: t.Version}
		if serving := find(s.Serving, t.ID); serving != nil {
			seen.Weight = serving.Weight
		}
		if wanted := find(s.Wanted, t.ID); wanted != nil {
			seen.Wanted = wanted.Replicas
		}
		if t.Ready {
			seen.Ready = t.Replicas
		}
		seen.Message = fmt.Sprintf("%d of %d ready", seen.Ready, seen.Wanted)
		total, up = total+seen.Wanted, up+min(seen.Ready, seen.Wanted)
		o.Tracks = append(o.Tracks, seen)
	}
	o.Tracks = s.addLeaving(o.Tracks)
	if s.Known {
		o.Message = fmt.Sprintf("%d of %d ready", up, total)
	}
	return o
}

// addLeaving counts those who finish their work at their tracks.
func (s *state) addLeaving(tracks []deployers.ObservedTrack) []deployers.ObservedTrack {
	for _, l := range s.Leaving {
		i := slices.IndexFunc(tracks, func(t deployers.ObservedTrack) bool { return t.ID == l.ID })
		if i < 0 {
			i, tracks = len(tracks), append(tracks, deployers.ObservedTrack{ID: l.ID, Version: l.Version})
		}
		tracks[i].Draining += len(l.Instances)
	}
	for i := range tracks {
		t, words := &tracks[i], "1 finishes its work"
		if t.Draining > 1 {
			words = fmt.Sprintf("%d finish their work", t.Draining)
		}
		switch {
		case t.Draining == 0:
		case t.Wanted+t.Ready == 0:
			t.Message = words
		default:
			t.Message += "; " + words
		}
	}
	return tracks
}

// previewOf invents an address that no name service knows.
func previewOf(target deployers.Target) string {
	name := target.Service + "." + target.Environment
	if target.Site != "" {
		name = target.Site + "." + name
	}
	return "http://" + name + ".preview.invalid"
}

func sameTrack(a, b track) bool {
	return a.ID == b.ID && a.Weight == b.Weight && a.Ready == b.Ready && a.Preview == b.Preview && slices.Equal(a.Instances, b.Instances)
}
