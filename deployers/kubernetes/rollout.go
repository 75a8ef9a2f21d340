package kubernetes

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// view is what the controller of a Rollout reports.
type view struct {
	seen     bool   // it has seen the spec as it is
	phase    string // Healthy, Progressing, Paused, Degraded
	message  string
	stable   string // hashes of pod templates
	current  string
	activeBG string // that the Service of all traffic selects
	step     int
	paused   []string // why
	waits    bool     // the controller waits, and for nobody's promotion yet
	aborted  bool
	full     bool // on its way past all steps
	held     bool // somebody has paused it by hand
}

// The reasons of a pause that end with a promotion.
const (
	pauseStep      = "CanaryPauseStep"
	pauseBlueGreen = "BlueGreenPause"
)

func viewOf(rollout *unstructured.Unstructured) view {
	v := view{}
	text := func(fields ...string) string {
		found, _, _ := unstructured.NestedString(rollout.Object, append([]string{"status"}, fields...)...)
		return found
	}
	yes := func(fields ...string) bool {
		found, _, _ := unstructured.NestedBool(rollout.Object, fields...)
		return found
	}
	v.seen = text("observedGeneration") == strconv.FormatInt(rollout.GetGeneration(), 10)
	v.phase, v.message, v.stable, v.current = text("phase"), text("message"), text("stableRS"), text("currentPodHash")
	v.activeBG = text("blueGreen", "activeSelector")
	step, _, _ := unstructured.NestedInt64(rollout.Object, "status", "currentStepIndex")
	v.step = int(step)
	v.aborted, v.full, v.held = yes("status", "abort"), yes("status", "promoteFull"), yes("spec", "paused")
	reasons, _, _ := unstructured.NestedSlice(rollout.Object, "status", "pauseConditions")
	for _, one := range reasons {
		if c, ok := one.(map[string]any); ok {
			reason, _ := c["reason"].(string)
			v.paused = append(v.paused, reason)
		}
	}
	ours := slices.Contains(v.paused, pauseStep) || slices.Contains(v.paused, pauseBlueGreen)
	v.waits = v.seen && yes("status", "controllerPause") && ours
	return v
}

// inFlight: on its way from one release to another.
func (v view) inFlight() bool { return v.stable != "" && v.current != "" && v.stable != v.current }

// trackIn is the track that a workload is told to run.
func trackIn(workload *unstructured.Unstructured) string {
	hash, _, _ := unstructured.NestedString(workload.Object, "spec", "template", "metadata", "labels", labelTrack)
	return hash
}

// trackOf is the track that a hash of a pod template stands for; empty for what
// is not from a release of Slipway.
func (s *snapshot) trackOf(podHash string) string {
	for _, u := range s.replicaSets {
		if podHash != "" && u.GetLabels()[labelRolloutHash] == podHash {
			return u.GetLabels()[labelTrack]
		}
	}
	return ""
}

// driveRollout says what is to run, and promotes it as far as is wanted. All of
// it is said under the version that was read.
func (s *snapshot) driveRollout(ctx context.Context, live *unstructured.Unstructured) error {
	want := s.wantHome(live)
	if live == nil {
		return s.cluster.apply(ctx, rolloutsResource(), want, nil)
	}
	v, hash := viewOf(live), trackHash(s.lead().track.ID)
	anew := live.GetAnnotations()[annotationGeneration] != strconv.FormatInt(s.record.Generation, 10)
	switch {
	case v.inFlight() && !v.aborted && trackIn(live) != hash && s.trackOf(v.stable) == hash:
		return s.tell(ctx, live, map[string]any{"abort": true}) // the traffic is back before anything else
	case v.inFlight() && v.aborted && trackIn(live) == hash && anew:
		return s.tell(ctx, live, map[string]any{"abort": false}) // once more
	case !s.asWritten(live):
		return s.cluster.apply(ctx, rolloutsResource(), want, live)
	case !v.seen || !v.inFlight() || v.aborted || v.held:
		return nil
	case s.record.Back && !v.full:
		return s.tell(ctx, live, map[string]any{"promoteFull": true})
	}
	// What does not fit any more is told by rolloutFailure.
	if target, err := courseOf(live).target(s.lead().track, len(s.tracks) == 1); err == nil && v.waits && v.step < target {
		return s.tell(ctx, live, map[string]any{"pauseConditions": nil})
	}
	return nil
}

// tell changes the status of a Rollout, which is how its controller is spoken to.
func (s *snapshot) tell(ctx context.Context, live *unstructured.Unstructured, status map[string]any) error {
	data, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": live.GetResourceVersion()}, "status": status,
	})
	if err != nil {
		return err
	}
	_, err = s.cluster.in(rolloutsResource(), live.GetNamespace()).Patch(ctx, live.GetName(), types.MergePatchType, data,
		metav1.PatchOptions{FieldManager: fieldManager}, "status")
	return plain(err)
}

// rolloutThere: the controller is where it was told to go.
func (s *snapshot) rolloutThere(live *unstructured.Unstructured) bool {
	v, lead := viewOf(live), s.lead()
	if !v.seen || v.aborted || v.held || s.trackOf(v.current) != trackHash(lead.track.ID) {
		return false
	}
	if len(s.tracks) == 1 {
		return v.phase == "Healthy" && !v.inFlight() && s.complete(lead) && s.stays(lead) == lead.track.Replicas
	}
	course := courseOf(live)
	target, err := course.target(lead.track, false)
	if err != nil {
		return false
	}
	if course.blueGreen && target > 0 {
		return v.phase == "Healthy" && v.activeBG == v.current && s.complete(lead)
	}
	if !v.waits || v.step != target && !course.blueGreen {
		return false
	}
	for _, t := range s.tracks {
		if t != lead && s.trackOf(v.stable) != trackHash(t.track.ID) || s.wanted(t) == 0 || !s.complete(t) || s.stays(t) != s.wanted(t) {
			return false
		}
	}
	return true
}

// shareOfRollout is how many replicas the controller gives to a track now.
func (s *snapshot) shareOfRollout(t *rendered) int {
	n := 0
	for _, u := range s.replicaSets {
		if u.GetLabels()[labelTrack] == trackHash(t.track.ID) {
			n += int(replicasOf(u))
		}
	}
	return n
}

const annotationScaleDown = "scale-down-deadline"

// keptUntil is when the controller will end a pod that it keeps for a quick way
// back, though it gets no traffic any more; zero for others.
func (s *snapshot) keptUntil(p *corev1.Pod) time.Time {
	owner := s.replicaSets[ownerOf(p)]
	if owner == nil {
		return time.Time{}
	}
	until, err := time.Parse(time.RFC3339, owner.GetAnnotations()[annotationScaleDown])
	if err != nil {
		return time.Time{}
	}
	return until
}

func (s *snapshot) kept(p *corev1.Pod) bool { return !s.keptUntil(p).IsZero() }

// rolloutShares are what the controller has divided the traffic into.
func (s *snapshot) rolloutShares() map[string]int {
	live := s.home()
	if live == nil {
		return map[string]int{}
	}
	v, course := viewOf(live), courseOf(live)
	if course.blueGreen {
		out := map[string]int{}
		for i := range s.pods {
			if p := &s.pods[i]; isReady(p) && p.Labels[labelRolloutHash] == v.activeBG && v.activeBG != "" {
				out[p.Labels[labelTrack]] = 100
			}
		}
		return out
	}
	weights, routed, _ := unstructured.NestedMap(live.Object, "status", "canary", "weights")
	if !routed {
		return s.replicaShares(nil)
	}
	out := map[string]int{}
	for _, side := range []string{"canary", "stable"} {
		one, _ := weights[side].(map[string]any)
		hash, _ := one["podTemplateHash"].(string)
		if n, ok := whole(one["weight"]); ok && hash != "" {
			out[s.trackOf(hash)] += int(n)
		}
	}
	return out
}

// addressesInPlace are those of the Services that the team or the manifests name.
func (s *snapshot) addressesInPlace() (main, preview string) {
	course := course{}
	if live := s.home(); live != nil && s.kind() == kindRollout {
		course = courseOf(live)
	}
	names := []string{course.active}
	if t := s.newest(); t != nil {
		names = append(names, t.config.Service)
		if t.main != nil {
			names = append(names, t.main.GetName())
		}
	}
	for _, name := range names {
		if u := s.services[name]; u != nil {
			main = address(u)
		}
	}
	if main == "" {
		main = address(s.liveMain())
	}
	if s.previewed() != nil {
		preview = address(s.services[course.preview])
	}
	return main, preview
}

// fetchServices reads the Services that a Rollout of somebody else's names.
func (s *snapshot) fetchServices(ctx context.Context) error {
	live := s.home()
	if s.kind() != kindRollout || live == nil {
		return nil
	}
	course := courseOf(live)
	for _, name := range []string{course.active, course.preview} {
		if name == "" || s.services[name] != nil {
			continue
		}
		u, err := s.cluster.get(ctx, servicesResource(), s.record.Namespace, name)
		if err != nil {
			return err
		}
		if u != nil {
			s.services[name] = u
		}
	}
	return nil
}
