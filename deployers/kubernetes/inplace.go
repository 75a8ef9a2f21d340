package kubernetes

import (
	"context"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// A Rollout and a StatefulSet host all tracks of a target. Their own controllers
// lead them from one release to the next, so Slipway says only which one, and how
// far: it promotes a Rollout from pause to pause, and moves the partition of a
// StatefulSet.

// leadOf is the track that a desired state leads to: the one that has joined, or
// else the one that led before. The old one is listed first.
func leadOf(before []storedTrack, lead string, tracks []deployers.Track) string {
	if len(tracks) == 0 {
		return ""
	}
	for _, t := range slices.Backward(tracks) {
		if len(before) > 0 && !ran(before, t.ID) {
			return t.ID
		}
	}
	if slices.ContainsFunc(tracks, func(t deployers.Track) bool { return t.ID == lead }) {
		return lead
	}
	return tracks[len(tracks)-1].ID
}

func ran(before []storedTrack, id string) bool {
	return slices.ContainsFunc(before, func(b storedTrack) bool { return b.ID == id })
}

func (s *snapshot) lead() *rendered {
	for _, t := range s.tracks {
		if t.track.ID == s.record.Lead {
			return t
		}
	}
	return s.newest()
}

// home is the workload that hosts all tracks; nil where it is not there.
func (s *snapshot) home() *unstructured.Unstructured {
	if t := s.lead(); t != nil {
		return s.workloads[t.workload.GetName()]
	}
	for _, name := range sortedKeys(s.workloads) {
		return s.workloads[name]
	}
	return nil
}

// renderHome is a track of an adopted workload that hosts all of them.
func renderHome(target deployers.Target, a *adopted, track storedTrack, c config) (*rendered, error) {
	whole := &unstructured.Unstructured{Object: map[string]any{"kind": c.Kind, "spec": map[string]any{"template": deepCopy(a.Template)}}}
	whole.SetName(a.Workload)
	r := &rendered{track: track, config: c, ports: a.Ports}
	var err error
	if r.container, err = pickContainer(whole, c.Container); err != nil {
		return nil, deployers.Terminal(err)
	}
	return r, r.moveHome(target, a, c.Kind)
}

// drive takes the workload a step further.
func (s *snapshot) drive(ctx context.Context) error {
	live := s.home()
	switch {
	case live != nil && live.GetDeletionTimestamp() != nil:
		return nil // on its way out; the next step makes a new one
	case len(s.tracks) == 0 && live == nil:
		return nil
	case len(s.tracks) == 0 && s.record.Adopted == nil:
		return s.cluster.remove(ctx, workloadResource(s.kind()), live)
	case len(s.tracks) == 0:
		return s.rest(ctx, live)
	case s.kind() == kindStatefulSet:
		return s.driveSet(ctx, live)
	}
	return s.driveRollout(ctx, live)
}

// wantHome is the workload as it shall be. While it hosts two tracks its size is
// left as it is: its controller divides it between them.
func (s *snapshot) wantHome(live *unstructured.Unstructured) *unstructured.Unstructured {
	lead := s.lead()
	want := lead.workload.DeepCopy()
	if len(s.tracks) > 1 && replicasOf(live) > 0 {
		_ = unstructured.SetNestedField(want.Object, replicasOf(live), "spec", "replicas")
	}
	if s.kind() == kindStatefulSet {
		s.setPartition(want)
	}
	stamp(want, s.record.Generation)
	return want
}

// asWritten: the live workload says what it was last told.
func (s *snapshot) asWritten(live *unstructured.Unstructured) bool {
	if live == nil || live.GetDeletionTimestamp() != nil {
		return false
	}
	want := s.wantHome(live)
	return stamped(live, want) && !changed(live, want)
}

// convergedInPlace: see deployers.Observed.
func (s *snapshot) convergedInPlace() bool {
	live := s.home()
	if s.givenBack() {
		return s.isGivenBack(live)
	}
	if len(s.tracks) == 0 {
		return (live == nil || s.record.Adopted != nil && replicasOf(live) == 0) && len(s.pods) == 0
	}
	if !s.asWritten(live) || s.overwritten() {
		return false
	}
	there := s.setThere
	if s.kind() == kindRollout {
		there = s.rolloutThere
	}
	if !there(live) {
		return false
	}
	for i := range s.pods {
		if p := &s.pods[i]; !leaving(p) && !s.alive()[p.Labels[labelTrack]] && !s.kept(p) {
			return false
		}
	}
	return s.servicesInPlace() && s.calm()
}

// routeInPlace makes the Services of manifests so. The hash that a Rollout adds
// to a selector is its own and stays.
func (s *snapshot) routeInPlace(ctx context.Context) error {
	if s.newest() == nil {
		return nil
	}
	for _, u := range s.newest().services {
		want, live := u.DeepCopy(), s.services[u.GetName()]
		stamp(want, s.record.Generation)
		if live != nil && (live.GetDeletionTimestamp() != nil || stamped(live, want)) {
			continue
		}
		setSelector(want, s.selectorInPlace(live))
		if err := s.cluster.apply(ctx, servicesResource(), want, live); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) selectorInPlace(live *unstructured.Unstructured) map[string]string {
	selector := map[string]string{labelTarget: targetHash(s.record.Target)}
	if hash := selectorOf(live)[labelRolloutHash]; hash != "" {
		selector[labelRolloutHash] = hash
	}
	return selector
}

func (s *snapshot) servicesInPlace() bool {
	for _, u := range s.newest().services {
		live := s.services[u.GetName()]
		if live == nil || !reflect.DeepEqual(selectorOf(live), s.selectorInPlace(live)) {
			return false
		}
	}
	return true
}

// wanted is how many replicas a track is to have. What hosts two divides its
// size between them by itself.
func (s *snapshot) wanted(t *rendered) int {
	switch {
	case s.kind() == kindStatefulSet && len(s.tracks) > 1:
		return s.shareOfSet(t)
	case s.kind() == kindRollout && len(s.tracks) > 1:
		return s.shareOfRollout(t)
	}
	return t.track.Replicas
}

// stays counts the pods of a track that are not on their way out.
func (s *snapshot) stays(t *rendered) int {
	n := 0
	for _, p := range s.podsOf(trackHash(t.track.ID)) {
		if !leaving(p) && !s.kept(p) {
			n++
		}
	}
	return n
}

func ownerOf(p *corev1.Pod) string {
	if len(p.OwnerReferences) == 0 {
		return ""
	}
	return p.OwnerReferences[0].Name
}
