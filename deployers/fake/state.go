package fake

import (
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
	Leaving     []leaver            `json:"leaving,omitempty"`
	ApplyErrors map[string]int      `json:"applyErrors,omitempty"`
	Lost        int64               `json:"lost,omitempty"` // newest generation of which a call or reply was lost
	Blind       *blind              `json:"blind,omitempty"`
	Log         []deployers.LogLine `json:"log,omitempty"`
}

type track struct {
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Weight    int               `json:"weight"`
	Replicas  int               `json:"replicas"`
	Preview   bool              `json:"preview,omitempty"`
	Secrets   bool              `json:"secrets,omitempty"` // it needs some
	Seen      int               `json:"seen"`              // observations so far
	Ready     bool              `json:"ready"`
	Instances []string          `json:"instances,omitempty"`
	Scripts   map[string]Script `json:"scripts,omitempty"`
}

// leaver is what was given up of a track and finishes its work.
type leaver struct {
	ID        string   `json:"id"`
	Version   string   `json:"version"`
	Instances []string `json:"instances"`
	Left      int      `json:"left"` // observations
}

// blind is what Observe goes on reporting for a while.
type blind struct {
	Left   int                `json:"left"` // observations
	Before deployers.Observed `json:"before"`
}

func newTracks(d deployers.Desired) []track {
	var tracks []track
	for _, t := range d.Tracks {
		c, _ := parseConfig(t.Config) // checked by checkDesired
		tracks = append(tracks, track{ID: t.ID, Version: t.Version, Weight: t.Weight, Replicas: t.Replicas, Preview: t.Preview,
			Secrets: len(t.Secrets) > 0, Scripts: c.Scripts})
	}
	return tracks
}

// accept makes the desired state the wanted one. What runs under the same
// track ID goes on running.
func (s *state) accept(d deployers.Desired, content string, now time.Time, script scripting) {
	wanted, before := newTracks(d), s.running()
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
	s.giveUp(before, script)
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

// giveUp has those replicas leave that ran before and do not any more.
func (s *state) giveUp(before []track, script scripting) {
	var now []string
	for _, t := range s.running() {
		now = append(now, t.Instances...)
	}
	for _, t := range before {
		gone := slices.DeleteFunc(slices.Clone(t.Instances), func(name string) bool { return slices.Contains(now, name) })
		if drain := script(t).DrainFor; drain > 0 && len(gone) > 0 {
			s.Leaving = append(s.Leaving, leaver{ID: t.ID, Version: t.Version, Instances: gone, Left: drain})
		}
	}
}
