package kubernetes

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// step does what can be done now and says when to look again; 0: not before
// somebody wishes for something new. Every step may be taken any number of times,
// by any process.
func (d *Deployer) step(ctx context.Context, t *target) (time.Duration, error) {
	r, err := d.readRecord(ctx, t.name)
	if err != nil || r == nil {
		return 0, err
	}
	if r.Namespace == "" || r.Ending {
		return 0, nil
	}
	s, err := d.look(ctx, r)
	if err != nil {
		return 0, err
	}
	if r.Settled == r.Generation && !s.overwritten() {
		return s.afterwards(ctx, d)
	}
	for _, part := range s.parts() {
		if err := part(ctx); err != nil {
			return 0, err
		}
	}
	if s.converged() {
		r.Settled = r.Generation
		return pollEvery, d.writeRecord(ctx, r)
	}
	return pollEvery, nil
}

// parts of a step, in their order.
func (s *snapshot) parts() []func(context.Context) error {
	if hostsAll(s.kind()) {
		return []func(context.Context) error{s.startExtras, s.routeInPlace, s.drive}
	}
	return []func(context.Context) error{s.startExtras, s.start, s.route, s.stop}
}

// overwritten: a process that was overtaken between its look and its first
// write of an object has left something of an older generation.
func (s *snapshot) overwritten() bool {
	for _, u := range s.workloads {
		if u.GetAnnotations()[annotationGeneration] != strconv.FormatInt(s.record.Generation, 10) && u.GetDeletionTimestamp() == nil {
			return true
		}
	}
	return false
}

// afterwards is what goes on once a wish has come true: traffic follows what is
// ready where a route has to say so, and what drained is tidied up.
func (s *snapshot) afterwards(ctx context.Context, d *Deployer) (time.Duration, error) {
	next := time.Duration(0)
	if s.gateway() != nil {
		next = restEvery
		if err := s.routeGateway(ctx); err != nil {
			return 0, err
		}
	}
	left, err := s.tidy(ctx, d)
	if left {
		next = restEvery
	}
	return next, err
}

// startExtras makes what the pods of each track need to be started.
func (s *snapshot) startExtras(ctx context.Context) error {
	for _, t := range s.tracks {
		for _, u := range t.extras {
			if err := s.ensure(ctx, configMapsResource(), s.configMaps[u.GetName()], u); err != nil {
				return err
			}
		}
	}
	return nil
}

// start makes the tracks so. Replicas are only taken away once those of the
// other tracks are ready.
func (s *snapshot) start(ctx context.Context) error {
	for _, t := range s.tracks {
		live := s.workloads[t.workload.GetName()]
		want := t.workload.DeepCopy()
		if has := replicasOf(live); has > int64(t.track.Replicas) && !s.othersReady(t) {
			_ = unstructured.SetNestedField(want.Object, has, "spec", "replicas")
		}
		if err := s.ensure(ctx, workloadResource(s.kind()), live, want); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) othersReady(t *rendered) bool {
	for _, other := range s.tracks {
		if other != t && other.track.Weight > 0 && !s.complete(other) {
			return false
		}
	}
	return true
}

func replicasOf(u *unstructured.Unstructured) int64 {
	if u == nil {
		return 0
	}
	n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
	return n
}

// ensure writes an object unless it is as this generation wrote it. A Deployment
// that somebody has changed since is written again.
func (s *snapshot) ensure(ctx context.Context, r schema.GroupVersionResource, live, want *unstructured.Unstructured) error {
	stamp(want, s.record.Generation)
	if live != nil && live.GetDeletionTimestamp() != nil {
		return nil // on its way out; the next step makes a new one
	}
	if live != nil && stamped(live, want) && !changed(live, want) {
		return nil
	}
	return s.cluster.apply(ctx, r, want, live)
}

// changed compares what is easily changed by hand.
func changed(live, want *unstructured.Unstructured) bool {
	if _, isWorkload, _ := unstructured.NestedMap(want.Object, "spec", "template", "spec"); !isWorkload {
		return false
	}
	if replicasOf(live) != replicasOf(want) {
		return true
	}
	has, asked := imagesOf(live), imagesOf(want)
	for name, image := range asked {
		if has[name] != image {
			return true
		}
	}
	return false
}

func imagesOf(u *unstructured.Unstructured) map[string]string {
	images := map[string]string{}
	spec, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
	for _, c := range containers(spec) {
		name, _ := c["name"].(string)
		images[name], _ = c["image"].(string)
	}
	return images
}

// stop removes what is wanted no more, once the traffic has left it and all
// proxies had the time to hear of that.
func (s *snapshot) stop(ctx context.Context) error {
	if len(s.tracks) > 0 && (!s.allReady() || !s.routed() || !s.calm()) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.workloads)) {
		live := s.workloads[name]
		if s.isWanted(name) || live.GetDeletionTimestamp() != nil || s.isHome(name) && s.beside {
			continue
		}
		if s.isHome(name) {
			if err := s.rest(ctx, live); err != nil {
				return err
			}
			continue
		}
		if err := s.cluster.remove(ctx, workloadResource(s.kind()), live); err != nil {
			return err
		}
	}
	return nil
}

// calm: the traffic has been divided as it is for long enough, and not only in the
// words of the API server.
func (s *snapshot) calm() bool {
	t := s.newest()
	return t == nil || s.strays() == 0 && s.settledFor >= time.Duration(t.config.Settle)
}

func (s *snapshot) isWanted(workload string) bool {
	return slices.ContainsFunc(s.tracks, func(t *rendered) bool { return t.workload.GetName() == workload })
}
