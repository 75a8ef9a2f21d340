package kubernetes

import (
	"context"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// givenBack: the way back leads to before the first release, and what ran in an
// adopted workload then was its team's own. Nothing at all would be an outage.
func (s *snapshot) givenBack() bool {
	return len(s.tracks) == 0 && s.record.Adopted != nil && s.record.Back
}

// asFound says of the adopted workload what it was found with. All else that
// Slipway has said of it is taken back by leaving it out.
func (s *snapshot) asFound(live *unstructured.Unstructured) *unstructured.Unstructured {
	a := s.record.Adopted
	template, _ := deepCopy(a.Template)["spec"].(map[string]any)
	var images []any
	for _, c := range containers(template) {
		images = append(images, map[string]any{"name": c["name"], "image": c["image"]})
	}
	spec := map[string]any{"containers": images}
	if grace, ok := whole(template["terminationGracePeriodSeconds"]); ok {
		spec["terminationGracePeriodSeconds"] = grace
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": live.GetAPIVersion(), "kind": live.GetKind(),
		"spec": map[string]any{"replicas": a.Replicas, "template": map[string]any{"spec": spec}},
	}}
	u.SetName(live.GetName())
	u.SetNamespace(live.GetNamespace())
	u.SetLabels(map[string]string{labelTarget: targetHash(s.record.Target)})
	u.SetAnnotations(map[string]string{annotationTarget: s.record.Target.String()})
	stamp(u, s.record.Generation)
	return u
}

func (s *snapshot) restore(ctx context.Context, live *unstructured.Unstructured) error {
	if s.kind() == kindRollout {
		if v := viewOf(live); v.inFlight() && !v.aborted && trackIn(live) != "" {
			return s.tell(ctx, live, map[string]any{"abort": true})
		}
	}
	want := s.asFound(live)
	if stamped(live, want) && !changed(live, want) {
		if s.kind() == kindStatefulSet { // which waits for its bad pod to get ready, for ever
			return s.endStuck(ctx, live)
		}
		return nil
	}
	return s.cluster.apply(ctx, workloadResource(s.kind()), want, live)
}

// isGivenBack: what was found runs again, and nothing of a release does.
func (s *snapshot) isGivenBack(live *unstructured.Unstructured) bool {
	if live == nil {
		return true // whoever owns it has removed it
	}
	want := s.asFound(live)
	return stamped(live, want) && !changed(live, want) && len(s.pods) == 0
}

// rest has nothing run in the adopted workload, or what its team ran in it.
func (s *snapshot) rest(ctx context.Context, live *unstructured.Unstructured) error {
	if s.givenBack() {
		return s.restore(ctx, live)
	}
	generation := strconv.FormatInt(s.record.Generation, 10)
	if replicasOf(live) == 0 && live.GetAnnotations()[annotationGeneration] == generation {
		return nil
	}
	return s.merge(ctx, workloadResource(s.kind()), live, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{annotationGeneration: generation}}, "spec": map[string]any{"replicas": 0},
	})
}

// release gives the adopted objects back: they go on as they are, and the
// Service finds all of the workload's pods again.
func (s *snapshot) release(ctx context.Context) error {
	a := s.record.Adopted
	forget := map[string]any{
		"labels": map[string]any{labelTarget: nil, labelTrack: nil, labelRole: nil},
		"annotations": map[string]any{annotationTarget: nil, annotationTrack: nil, annotationVersion: nil,
			annotationGeneration: nil, annotationContent: nil, annotationSelector: nil},
	}
	if u := s.services[a.Service]; u != nil && u.GetLabels()[labelTarget] != "" {
		selector := map[string]any{labelTrack: nil, labelTarget: nil}
		for key, value := range a.Selector {
			selector[key] = value
		}
		if err := s.merge(ctx, servicesResource(), u, map[string]any{"metadata": forget, "spec": map[string]any{"selector": selector}}); err != nil {
			return err
		}
	}
	if u := s.workloads[a.Workload]; u != nil && u.GetLabels()[labelTarget] != "" {
		return s.merge(ctx, workloadResource(s.kind()), u, map[string]any{"metadata": forget})
	}
	return nil
}
