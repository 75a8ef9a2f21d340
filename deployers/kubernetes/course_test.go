package kubernetes

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/deployers"
)

func courseFrom(t *testing.T, strategy string) course {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte("kind: Rollout\nspec: {strategy: "+strategy+"}"), &object); err != nil {
		t.Fatal(err)
	}
	return courseOf(&unstructured.Unstructured{Object: object})
}

const (
	twoStops  = "{canary: {steps: [{setWeight: 20}, {pause: {}}, {setWeight: 50}, {pause: {}}, {setWeight: 80}, {pause: {duration: 10}}]}}"
	switching = "{blueGreen: {activeService: a, previewService: b, autoPromotionEnabled: false}}"
)

// phase is a desired state of an old and a new release, or of the new one alone.
func phase(weight int) []deployers.Track {
	if weight < 0 {
		return []deployers.Track{{ID: "new", Version: "1.1.0", Weight: 100}}
	}
	return []deployers.Track{{ID: "old", Version: "1.0.0", Weight: 100 - weight}, {ID: "new", Version: "1.1.0", Weight: weight}}
}

// TestStrategiesThatFit and those that do not, which are refused in words.
func TestStrategiesThatFit(t *testing.T) {
	t.Parallel()
	const whole = -1
	for name, c := range map[string]struct {
		strategy string
		weights  []int
		want     string
	}{
		"canary":              {twoStops, []int{20, 50, whole}, ""},
		"canary, held twice":  {twoStops, []int{20, 20, 50, whole}, ""},
		"no stop":             {"{canary: {}}", []int{whole}, ""},
		"timed only":          {"{canary: {steps: [{setWeight: 20}, {pause: {duration: 1m}}]}}", []int{whole}, ""},
		"blue and green":      {switching, []int{0, 100, whole}, ""},
		"by itself":           {"{blueGreen: {activeService: a}}", []int{whole}, ""},
		"another share":       {twoStops, []int{10, whole}, "1.1.0 is to get 10 % of the traffic, but the Rollout does not wait there: it is a canary that waits for a promotion at 20 %, 50 %"},
		"a stop too many":     {twoStops, []int{20, whole}, "the Rollout waits at 50 %, but nothing of the strategy does"},
		"the first left out":  {twoStops, []int{50, whole}, "the Rollout waits at 20 % before it gets to 50 %"},
		"all at once":         {twoStops, []int{whole}, "the Rollout waits at 20 %, but nothing of the strategy does"},
		"goes on by itself":   {twoStops, []int{20, 50, 80, whole}, "the Rollout goes on from there by itself after 10; let it say pause: {}"},
		"back again":          {twoStops, []int{20, 50, 20, whole}, "does not go back to 20 %"},
		"switch of a canary":  {twoStops, []int{0, 100, whole}, "1.1.0 is to get 0 % of the traffic"},
		"canary of a switch":  {switching, []int{5, whole}, "the Rollout is blueGreen: all or nothing"},
		"no look before":      {switching, []int{whole}, "the strategy that fits is blueGreen"},
		"switches by itself":  {"{blueGreen: {activeService: a}}", []int{0, 100, whole}, "switches by itself (autoPromotionEnabled is not false)"},
		"switches in seconds": {"{blueGreen: {activeService: a, autoPromotionEnabled: false, autoPromotionSeconds: 9}}", []int{0, 100, whole}, "autoPromotionSeconds is set"},
	} {
		w := &way{course: courseFrom(t, c.strategy), running: true}
		got := ""
		for _, weight := range c.weights {
			tracks := phase(weight)
			lead := tracks[len(tracks)-1]
			if got == "" {
				got = w.follow(tracks, storedTrack{ID: lead.ID, Version: lead.Version, Weight: lead.Weight})
			}
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, wanted %q", name, got, c.want)
		}
	}
}

func TestTheFirstReleaseMayGoPastPauses(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{twoStops, switching} {
		w := &way{course: courseFrom(t, strategy)}
		if why := w.follow(phase(-1), storedTrack{Weight: 100}); why != "" {
			t.Errorf("nothing of Slipway's runs yet: %s", why)
		}
		if why := w.follow(phase(-1), storedTrack{Weight: 100}); why == "" {
			t.Errorf("the second one went past the pauses of %s", strategy)
		}
	}
}

func TestCoursesThatNobodyCanFollow(t *testing.T) {
	t.Parallel()
	for strategy, want := range map[string]string{
		"{}":     "it needs canary or blueGreen",
		twoStops: "",
		"{canary: {steps: [{setWeight: 20}, {pause: {}}, {pause: {}}]}}":  "pauses at 20 % after it has paused at 20 %",
		"{canary: {trafficRouting: {maxTrafficWeight: 1000}, steps: []}}": "counts its weights up to 1000",
	} {
		if got := courseFrom(t, strategy).fault(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, wanted %q", strategy, got, want)
		}
	}
}

func TestWhoLeads(t *testing.T) {
	t.Parallel()
	before := []storedTrack{{ID: "old"}}
	both := []storedTrack{{ID: "old"}, {ID: "new"}}
	for name, c := range map[string]struct {
		before []storedTrack
		lead   string
		tracks []deployers.Track
		want   string
	}{
		"the first":          {nil, "", phase(-1), "new"},
		"who joins":          {before, "old", phase(20), "new"},
		"who led":            {both, "new", phase(50), "new"},
		"alone in the end":   {both, "new", phase(-1), "new"},
		"back to the old":    {both, "new", []deployers.Track{{ID: "old"}}, "old"},
		"another that joins": {both, "new", []deployers.Track{{ID: "old"}, {ID: "newer"}}, "newer"},
		"nothing":            {both, "new", nil, ""},
	} {
		if got := leadOf(c.before, c.lead, c.tracks); got != c.want {
			t.Errorf("%s: %q leads, not %q", name, got, c.want)
		}
	}
}

func TestSharesOfARolloutThatCannotBeExact(t *testing.T) {
	t.Parallel()
	routed := "{canary: {trafficRouting: {nginx: {stableIngress: a}}, steps: [{setWeight: 20}, {pause: {}}]}}"
	for _, c := range []struct {
		strategy     string
		weight, size int
		want         string
	}{
		{twoStops, 20, 5, ""},
		{twoStops, 20, 4, "which follows the replicas of the Rollout, and there are 4"},
		{routed, 20, 4, ""},
		{switching, 0, 3, ""},
	} {
		got := courseFrom(t, c.strategy).inexact(storedTrack{Version: "1.1.0", Weight: c.weight}, c.size)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%d %% of %d: %q, wanted %q", c.weight, c.size, got, c.want)
		}
	}
}
