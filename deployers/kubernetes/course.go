package kubernetes

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// course is what the strategy of a Rollout says about the way of a release: it
// is its team's, and is followed rather than replaced.
type course struct {
	blueGreen bool
	auto      string // why a Rollout of blue and green switches by itself; empty if it waits
	stops     []stop // of a canary
	steps     int
	timed     []stop // pauses that end by themselves
	scale     int64  // what weights add up to
	active    string // the Service of all traffic; may be empty
	preview   string // the Service of the new side; may be empty
	keeps     int64  // seconds that blue stays once green has the traffic
	none      bool   // there is no strategy
	routed    bool   // something divides the traffic by weight, rather than by replicas
}

// stop is a step at which a Rollout waits until somebody promotes it, and the
// share of the new release meanwhile.
type stop struct {
	step   int
	weight int
	long   string // of a pause that ends by itself
}

// keepsByDefault is how long Argo keeps the old side of a switch, in seconds.
const keepsByDefault = 30

func courseOf(rollout *unstructured.Unstructured) course {
	spec, _, _ := unstructured.NestedMap(rollout.Object, "spec", "strategy")
	if bg, ok := spec["blueGreen"].(map[string]any); ok {
		c := course{blueGreen: true, keeps: keepsByDefault, scale: 100}
		c.active, _ = bg["activeService"].(string)
		c.preview, _ = bg["previewService"].(string)
		if enabled, given := bg["autoPromotionEnabled"].(bool); enabled || !given {
			c.auto = "autoPromotionEnabled is not false"
		} else if _, given := bg["autoPromotionSeconds"]; given {
			c.auto = "autoPromotionSeconds is set"
		}
		if seconds, ok := whole(bg["scaleDownDelaySeconds"]); ok {
			c.keeps = seconds
		}
		return c
	}
	canary, ok := spec["canary"].(map[string]any)
	if !ok {
		return course{none: true, scale: 100}
	}
	c := course{scale: 100}
	c.active, _ = canary["stableService"].(string)
	c.preview, _ = canary["canaryService"].(string)
	if routing, ok := canary["trafficRouting"].(map[string]any); ok {
		c.routed = true
		if most, ok := whole(routing["maxTrafficWeight"]); ok && most > 0 {
			c.scale = most
		}
	}
	steps, _ := canary["steps"].([]any)
	c.read(steps)
	return c
}

func (c *course) read(steps []any) {
	c.steps = len(steps)
	weight := 0
	for i, one := range steps {
		step, _ := one.(map[string]any)
		if w, ok := whole(step["setWeight"]); ok {
			weight = int(w)
		}
		pause, ok := step["pause"].(map[string]any)
		if !ok {
			continue
		}
		if long, given := pause["duration"]; given && long != nil {
			c.timed = append(c.timed, stop{i, weight, fmt.Sprint(long)})
		} else {
			c.stops = append(c.stops, stop{step: i, weight: weight})
		}
	}
}

// whole reads a whole number of JSON.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// fault is what makes it impossible to follow a course, whatever is wanted.
func (c course) fault() string {
	switch {
	case c.none:
		return "the Rollout has no strategy: it needs canary or blueGreen"
	case c.scale != 100:
		return fmt.Sprintf("the Rollout counts its weights up to %d (maxTrafficWeight), Slipway in percent", c.scale)
	}
	for i := range c.stops {
		if i > 0 && c.stops[i].weight <= c.stops[i-1].weight {
			return fmt.Sprintf("the Rollout pauses at %d %% after it has paused at %d %%; a share grows from one pause to the next", c.stops[i].weight, c.stops[i-1].weight)
		}
	}
	return ""
}

func (c course) said() string {
	if c.blueGreen {
		if c.auto != "" {
			return "it is blueGreen and switches by itself"
		}
		return "it is blueGreen and waits before it switches"
	}
	if len(c.stops) == 0 {
		return "it is a canary without a pause that waits for a promotion"
	}
	var at []string
	for _, s := range c.stops {
		at = append(at, fmt.Sprintf("%d %%", s.weight))
	}
	return "it is a canary that waits for a promotion at " + strings.Join(at, ", ")
}

// stopAt finds the stop with just this share.
func (c course) stopAt(weight int) (stop, bool) {
	for _, s := range c.stops {
		if s.weight == weight {
			return s, true
		}
	}
	return stop{}, false
}

// inexact says why a share cannot be had exactly of so many replicas.
func (c course) inexact(lead storedTrack, size int) string {
	if c.routed || c.blueGreen || lead.Weight*size%100 == 0 {
		return ""
	}
	return fmt.Sprintf("version %s is to get exactly %d %% of the traffic, which follows the replicas of the Rollout, and there are %d; give it a trafficRouting, or other replicas",
		lead.Version, lead.Weight, size)
}

// target is the step at which a desired state is true; the number of steps for
// the whole. Of blue and green only 0 (before the switch) and 1 are told apart.
func (c course) target(lead storedTrack, alone bool) (int, error) {
	switch {
	case c.blueGreen && (alone || lead.Weight == 100):
		return 1, nil
	case c.blueGreen && lead.Weight != 0:
		return 0, fmt.Errorf("version %s is to get %d %% of the traffic, but the Rollout is blueGreen: all or nothing", lead.Version, lead.Weight)
	case c.blueGreen && c.auto != "":
		return 0, fmt.Errorf("version %s is to wait beside what runs, but the Rollout switches by itself (%s)", lead.Version, c.auto)
	case c.blueGreen:
		return 0, nil
	case alone:
		return c.steps, nil
	}
	if s, ok := c.stopAt(lead.Weight); ok {
		return s.step, nil
	}
	for _, s := range c.timed {
		if s.weight == lead.Weight {
			return 0, fmt.Errorf("version %s is to stay at %d %% of the traffic, but the Rollout goes on from there by itself after %s; let it say pause: {}", lead.Version, lead.Weight, s.long)
		}
	}
	return 0, fmt.Errorf("version %s is to get %d %% of the traffic, but the Rollout does not wait there: %s", lead.Version, lead.Weight, c.said())
}
