package fake

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const keptLogLines = 200

// state is all that the fake knows of a target.
type state struct {
	Known       bool                `json:"known"`
	Generation  int64               `json:"generation"`
	Content     string              `json:"content,omitempty"`
	Wanted      []track             `json:"wanted,omitempty"`  // of Generation
	Serving     []track             `json:"serving,omitempty"` // the last that converged
	ApplyErrors map[string]int      `json:"applyErrors,omitempty"`
	Log         []deployers.LogLine `json:"log,omitempty"`
}

type track struct {
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Weight    int               `json:"weight"`
	Replicas  int               `json:"replicas"`
	Seen      int               `json:"seen"` // observations so far
	Ready     bool              `json:"ready"`
	Instances []string          `json:"instances,omitempty"`
	Scripts   map[string]Script `json:"scripts,omitempty"`
}

func newTracks(d deployers.Desired) []track {
	var tracks []track
	for _, t := range d.Tracks {
		c, _ := parseConfig(t.Config) // checked by checkDesired
		tracks = append(tracks, track{ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Scripts: c.Scripts})
	}
	return tracks
}

// accept makes the desired state the wanted one. What runs under the same
// track ID goes on running.
func (s *state) accept(d deployers.Desired, content string, now time.Time) {
	wanted := newTracks(d)
	for i := range wanted {
		t := &wanted[i]
		if old := find(s.running(), t.ID); old != nil {
			t.Seen, t.Ready = old.Seen, old.Ready
			t.Instances = slices.Clone(old.Instances[:min(len(old.Instances), t.Replicas)])
		}
		for len(t.Instances) < t.Replicas {
			t.Instances = append(t.Instances, strings.ToLower(rand.Text()[:8]))
		}
	}
	s.Known, s.Generation, s.Content, s.Wanted = true, d.Generation, content, wanted
	s.Log = append(s.Log, deployers.LogLine{
		At: now, Source: "fake", Stream: "stdout",
		Text: fmt.Sprintf("generation %d: %s", d.Generation, describe(wanted)),
	})
	s.Log = s.Log[max(0, len(s.Log)-keptLogLines):]
}

// running is what exists: what is wanted, and until that converged also what
// served before.
func (s *state) running() []track {
	all := slices.Clone(s.Wanted)
	for _, t := range s.Serving {
		if find(all, t.ID) == nil {
			all = append(all, t)
		}
	}
	return all
}

func find(tracks []track, id string) *track {
	i := slices.IndexFunc(tracks, func(t track) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &tracks[i]
}

// Observe implements deployers.Deployer. Each observation is one tick of the
// scripts (ReadyAfter counts them), which is why it writes.
func (d *Deployer) Observe(ctx context.Context, target deployers.Target) (deployers.Observed, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Observed{}, err
	}
	scripts, err := d.store.scripts(ctx)
	if err != nil {
		return deployers.Observed{}, err
	}
	var o deployers.Observed
	hang := false
	err = d.store.update(ctx, target, func(s *state) (bool, error) {
		changed := false
		for _, t := range s.Wanted {
			script := scriptFor(scripts, target, t.Version, t.Scripts)
			hang = hang || script.ObserveHang
			if script.ObserveError != "" {
				return false, fmt.Errorf("version %s: %s", t.Version, script.ObserveError)
			}
		}
		o, changed = s.observe(func(t track) Script { return scriptFor(scripts, target, t.Version, t.Scripts) })
		o.At = d.now()
		return changed, nil
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

func (s *state) observe(script func(track) Script) (o deployers.Observed, changed bool) {
	o.Generation = s.Generation
	ready, lie := true, false
	for i := range s.Wanted {
		t := &s.Wanted[i]
		how := script(*t)
		blocked := how.NeverReady || how.Fail != "" || how.Lie
		if now := !blocked && (t.Ready || t.Seen >= how.ReadyAfter); now != t.Ready || !now {
			t.Ready, t.Seen, changed = now, t.Seen+1, true
		}
		ready, lie = ready && t.Ready, lie || how.Lie
		if how.Fail != "" {
			o.Failure = &deployers.Failure{Terminal: true, Reason: fmt.Sprintf("version %s: %s", t.Version, how.Fail)}
		} else if how.NeverReady && o.Failure == nil {
			o.Failure = &deployers.Failure{Reason: fmt.Sprintf("version %s: 0 of %d ready, scripted never to become ready", t.Version, t.Replicas)}
		}
	}
	if ready && !slices.EqualFunc(s.Serving, s.Wanted, sameTrack) {
		s.Serving, changed = slices.Clone(s.Wanted), true
	}
	o.Converged = ready || lie
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
	if s.Known {
		o.Message = fmt.Sprintf("%d of %d ready", up, total)
	}
	return o, changed
}

func sameTrack(a, b track) bool {
	return a.ID == b.ID && a.Weight == b.Weight && a.Ready == b.Ready && slices.Equal(a.Instances, b.Instances)
}

func (d *Deployer) scriptsFor(ctx context.Context, target deployers.Target, desired deployers.Desired) ([]Script, error) {
	scripts, err := d.store.scripts(ctx)
	if err != nil {
		return nil, err
	}
	var found []Script
	for _, t := range newTracks(desired) {
		found = append(found, scriptFor(scripts, target, t.Version, t.Scripts))
	}
	return found, nil
}

func scriptKey(service, environment, version string) string {
	return strings.Join([]string{service, environment, version}, "\x1f")
}

// scriptFor picks the most exact script, and that of the config as a last resort.
func scriptFor(scripts map[string]Script, target deployers.Target, version string, own map[string]Script) Script {
	for mask := range 8 {
		pick := func(bit int, value string) string {
			if mask&bit != 0 {
				return ""
			}
			return value
		}
		if s, ok := scripts[scriptKey(pick(4, target.Service), pick(2, target.Environment), pick(1, version))]; ok {
			return s
		}
	}
	return cmp.Or(own[version], own["*"])
}
