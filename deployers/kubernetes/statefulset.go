package kubernetes

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// A StatefulSet has each of its pods once, and gives a new release to those with
// the highest numbers first: to all from its partition on. Two releases share it
// by their replicas, and none can wait in it without any.

// possibleInSet refuses what a StatefulSet has no way to do.
func (s *snapshot) possibleInSet() error {
	lead := s.lead()
	for _, t := range s.tracks {
		switch {
		case len(s.tracks) > 1 && t.track.Weight == 0, t.track.Preview:
			return deployers.Terminal(fmt.Errorf("version %s is to wait beside what runs, but a StatefulSet has each pod only once; rolling, canary and recreate fit", t.track.Version))
		case len(s.tracks) > 1 && t.config.Shares == sharesExact:
			return deployers.Terminal(errors.New("a StatefulSet divides the traffic by whole pods, and exact shares are asked for"))
		}
	}
	if len(s.tracks) > 1 && lead.track.Replicas < 1 {
		return deployers.Terminal(fmt.Errorf("version %s is to have a part of the StatefulSet, and no replica", lead.track.Version))
	}
	return nil
}

// partition is the number of the first pod of the release that leads.
func (s *snapshot) partition(size int) int {
	if len(s.tracks) < 2 {
		return 0
	}
	return max(0, size-s.lead().track.Replicas)
}

func (s *snapshot) setPartition(want *unstructured.Unstructured) {
	size := int(replicasOf(want))
	_ = unstructured.SetNestedMap(want.Object, map[string]any{
		"type": "RollingUpdate", "rollingUpdate": map[string]any{"partition": int64(s.partition(size))},
	}, "spec", "updateStrategy")
}

// driveSet says what is to run, and ends pods that its controller would wait for
// in vain: it replaces none before the one that it has replaced last is ready, and
// a bad release never is.
func (s *snapshot) driveSet(ctx context.Context, live *unstructured.Unstructured) error {
	if !s.asWritten(live) {
		return s.cluster.apply(ctx, statefulSetsResource(), s.wantHome(live), live)
	}
	return s.endStuck(ctx, live)
}

// endStuck ends the pods of releases that are not wanted and that are not ready.
func (s *snapshot) endStuck(ctx context.Context, live *unstructured.Unstructured) error {
	for i := range s.pods {
		p := &s.pods[i]
		if isReady(p) || leaving(p) || s.alive()[p.Labels[labelTrack]] || workloadOf(p) != live.GetName() {
			continue
		}
		stuck := &unstructured.Unstructured{}
		stuck.SetName(p.Name)
		stuck.SetNamespace(p.Namespace)
		stuck.SetUID(p.UID)
		stuck.SetResourceVersion(p.ResourceVersion)
		if err := s.cluster.remove(ctx, podsResource(), stuck); err != nil {
			return err
		}
	}
	return nil
}

// shareOfSet is how many pods a track is to have.
func (s *snapshot) shareOfSet(t *rendered) int {
	size := int(replicasOf(s.home()))
	if t == s.lead() {
		return size - s.partition(size)
	}
	return s.partition(size)
}

// setThere: each pod is of the release that it is to be of, and ready.
func (s *snapshot) setThere(live *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	if seen != live.GetGeneration() {
		return false
	}
	for _, t := range s.tracks {
		if !s.complete(t) || s.stays(t) != s.wanted(t) {
			return false
		}
	}
	return true
}
