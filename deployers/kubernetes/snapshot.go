package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// snapshot is a target as it was seen at one moment: the record first, then what
// runs, so that what runs is never older than what is wanted.
type snapshot struct {
	at      time.Time
	record  *record
	cluster *cluster
	tracks  []*rendered // as wanted, in the order of the record

	workloads   map[string]*unstructured.Unstructured
	replicaSets map[string]*unstructured.Unstructured // of a Rollout
	services    map[string]*unstructured.Unstructured
	configMaps  map[string]*unstructured.Unstructured
	routes      map[string]*unstructured.Unstructured
	pods        []corev1.Pod                  // by name
	endpoints   map[string]map[types.UID]bool // of Services: the pods they lead to; nil where that is not known
	blind       bool                          // Slipway's role does not let it read them
	settledFor  time.Duration
	beside      bool // a first release runs beside the adopted workload, and is not at home yet
}

func (d *Deployer) look(ctx context.Context, r *record) (*snapshot, error) {
	s := &snapshot{at: time.Now(), record: r, workloads: map[string]*unstructured.Unstructured{}, routes: map[string]*unstructured.Unstructured{}}
	if r.Namespace == "" {
		return s, nil
	}
	var err error
	if s.tracks, err = d.renderAll(ctx, r); err != nil {
		return nil, err
	}
	if s.cluster, err = d.cluster(r.Cluster); err != nil {
		return nil, err
	}
	if s.workloads, err = s.list(ctx, workloadResource(s.kind())); err != nil {
		return nil, err
	}
	pods, err := s.list(ctx, podsResource())
	if err != nil {
		return nil, err
	}
	for _, u := range pods {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &pod); err != nil {
			return nil, fmt.Errorf("pod %s: %w", u.GetName(), err)
		}
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed || pod.DeletionTimestamp != nil {
			s.pods = append(s.pods, pod)
		}
	}
	slices.SortFunc(s.pods, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	if s.services, err = s.list(ctx, servicesResource()); err != nil {
		return nil, err
	}
	if s.configMaps, err = s.list(ctx, configMapsResource()); err != nil {
		return nil, err
	}
	if s.gateway() != nil || r.Gateway {
		if s.routes, err = s.list(ctx, routesResource()); err != nil {
			return nil, err
		}
	}
	if s.kind() == kindRollout {
		if s.replicaSets, err = s.list(ctx, replicaSetsResource()); err != nil {
			return nil, err
		}
	}
	if err := s.fetchAdopted(ctx); err != nil {
		return nil, err
	}
	if err := s.fetchServices(ctx); err != nil {
		return nil, err
	}
	if err := s.fetchEndpoints(ctx); err != nil {
		return nil, err
	}
	s.settledFor = d.target(r.Target).unchangedFor(s.trafficPrint())
	return s, s.settleHome()
}

// list reads what carries the target's label, by name. A record is no part of
// what runs.
func (s *snapshot) list(ctx context.Context, r schema.GroupVersionResource) (map[string]*unstructured.Unstructured, error) {
	selector := labelTarget + "=" + targetHash(s.record.Target)
	found, err := s.cluster.in(r, s.record.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("read %s in namespace %s: %w", r.Resource, s.record.Namespace, plain(err))
	}
	out := map[string]*unstructured.Unstructured{}
	for i := range found.Items {
		out[found.Items[i].GetName()] = &found.Items[i]
	}
	return out, nil
}

// newest is the track that the shared objects are described by; nil without one.
func (s *snapshot) newest() *rendered {
	if len(s.tracks) == 0 {
		return nil
	}
	return s.tracks[len(s.tracks)-1]
}

func (s *snapshot) gateway() *gateway {
	if t := s.newest(); t != nil {
		return t.config.Gateway
	}
	return nil
}

func leaving(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }

func isReady(p *corev1.Pod) bool {
	if leaving(p) {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// podsOf are those of a track, by its hash.
func (s *snapshot) podsOf(hash string) []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range s.pods {
		if s.pods[i].Labels[labelTrack] == hash {
			pods = append(pods, &s.pods[i])
		}
	}
	return pods
}

// foreign says that a pod runs something else than its track says: somebody
// changed the workload by hand.
func (t *rendered) foreign(p *corev1.Pod) bool { return imageIn(p, t.container) != t.image }

func imageIn(p *corev1.Pod, container string) string {
	for _, c := range p.Spec.Containers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

// ready are the ready pods that are what the track says.
func (s *snapshot) ready(t *rendered) []*corev1.Pod {
	var ready []*corev1.Pod
	for _, p := range s.podsOf(trackHash(t.track.ID)) {
		if isReady(p) && !t.foreign(p) {
			ready = append(ready, p)
		}
	}
	return ready
}

// complete reports whether a track has all its replicas.
func (s *snapshot) complete(t *rendered) bool {
	n := 0
	for _, p := range s.ready(t) {
		if workloadOf(p) == t.workload.GetName() { // and not a copy whose time is over
			n++
		}
	}
	return n >= s.wanted(t)
}

// allReady: every track that is to get traffic is complete.
func (s *snapshot) allReady() bool {
	for _, t := range s.tracks {
		if t.track.Weight > 0 && !s.complete(t) {
			return false
		}
	}
	return true
}

// trafficPrint changes whenever the traffic is divided in another way, or among
// other replicas.
func (s *snapshot) trafficPrint() string {
	var parts []string
	for name, u := range s.services {
		selector, _, _ := unstructured.NestedStringMap(u.Object, "spec", "selector")
		parts = append(parts, fmt.Sprint(name, selector))
	}
	for name, pods := range s.endpoints {
		parts = append(parts, fmt.Sprint(name, sortedKeys(pods)))
	}
	for name, u := range s.routes {
		parts = append(parts, fmt.Sprint(name, u.GetGeneration(), u.Object["spec"]))
	}
	for name, u := range s.workloads {
		if hostsAll(s.kind()) { // its controller has something new to do
			parts = append(parts, fmt.Sprint(name, u.GetGeneration()))
		}
	}
	for i := range s.pods {
		if p := &s.pods[i]; isReady(p) { // one that leaves has left already
			parts = append(parts, string(p.UID))
		}
	}
	slices.Sort(parts)
	return shortHash(parts...)
}
