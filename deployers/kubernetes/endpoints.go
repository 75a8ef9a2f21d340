package kubernetes

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// What the API server says of pods and Services is not yet where requests go: a
// controller of the cluster makes EndpointSlices of it, and proxies follow these.
// It hears of Services and of pods by two ways, and may be seconds behind: a
// Service that is told to lead to pods which the controller has not seen ready
// leads nowhere for a while. So a Service is switched, and what it led to is
// ended, by what the slices say. What proxies make of them nobody can ask.

// fetchEndpoints reads where the target's Services lead. A role of an older
// release does not allow it; then there is only time to go by.
func (s *snapshot) fetchEndpoints(ctx context.Context) error {
	if hostsAll(s.kind()) || len(s.services) == 0 {
		return nil
	}
	selector := labelServiceName + " in (" + strings.Join(sortedKeys(s.services), ",") + ")"
	found, err := s.cluster.in(slicesResource(), s.record.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if apierrors.IsForbidden(err) {
		s.blind = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("read endpointslices in namespace %s: %w", s.record.Namespace, plain(err))
	}
	s.endpoints = map[string]map[types.UID]bool{}
	for i := range found.Items {
		service := found.Items[i].GetLabels()[labelServiceName]
		if s.endpoints[service] == nil {
			s.endpoints[service] = map[types.UID]bool{}
		}
		readSlice(&found.Items[i], s.endpoints[service])
	}
	return nil
}

// readSlice adds the pods that a slice leads to.
func readSlice(slice *unstructured.Unstructured, pods map[types.UID]bool) {
	list, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, one := range list {
		endpoint, _ := one.(map[string]any)
		uid, _, _ := unstructured.NestedString(endpoint, "targetRef", "uid")
		ready, given, _ := unstructured.NestedBool(endpoint, "conditions", "ready")
		if uid != "" && (ready || !given) {
			pods[types.UID(uid)] = true
		}
	}
}

// leadsTo: a Service leads to every ready pod of a track.
func (s *snapshot) leadsTo(service string, t *rendered) bool {
	for _, p := range s.ready(t) {
		if !s.endpoints[service][p.UID] {
			return false
		}
	}
	return true
}

// announced: some Service leads to all of a track already, so that any other may
// be switched to it.
func (s *snapshot) announced(t *rendered) bool {
	for service := range s.endpoints {
		if s.leadsTo(service, t) {
			return true
		}
	}
	return s.endpoints == nil
}

// announcedByGateway: what an HTTPRoute may divide the traffic between.
func (s *snapshot) announcedByGateway() bool {
	for _, t := range s.tracks {
		if s.endpoints != nil && t.track.Weight > 0 && !s.leadsTo(s.backendName(t), t) {
			return false
		}
	}
	return true
}

// picked is the track that a selector picks; nil where it picks several, or none.
func (s *snapshot) picked(selector map[string]string) *rendered {
	for _, t := range s.tracks {
		if trackHash(t.track.ID) == selector[labelTrack] {
			return t
		}
	}
	return nil
}

// nextName is the Service that makes a track known before it gets the traffic.
func (s *snapshot) nextName() string { return targetName(s.record.Target) + "-next" }

// next is the track that such a Service is needed for: no other leads to it yet.
func (s *snapshot) next() *rendered {
	if s.endpoints == nil || s.gateway() != nil || s.main() == nil {
		return nil
	}
	now, t := selectorOf(s.services[s.main().GetName()]), s.picked(s.wantSelector())
	if t == nil || now[labelTrack] == "" || now[labelTrack] == noTrack || s.picked(now) == t || s.previewed() == t {
		return nil
	}
	if s.allReady() && s.announced(t) {
		return nil
	}
	return t
}

// strays counts the pods that the main Service still leads to, as its controller
// says, and that are to get nothing more.
func (s *snapshot) strays() int {
	main := s.main()
	if main == nil || s.gateway() != nil {
		return 0
	}
	selector := selectorOf(s.services[main.GetName()])
	pods := map[types.UID]*corev1.Pod{}
	for i := range s.pods {
		pods[s.pods[i].UID] = &s.pods[i]
	}
	n := 0
	for uid := range s.endpoints[main.GetName()] {
		p := pods[uid]
		if p == nil && selector[labelTrack] == "" { // may be one of the team's own
			continue
		}
		if p == nil || !picks(selector, p) {
			n++
		}
	}
	return n
}

func picks(selector map[string]string, p *corev1.Pod) bool {
	for key, value := range selector {
		if p.Labels[key] != value {
			return false
		}
	}
	return true
}

// endpointNotes say what is waited for.
func (s *snapshot) endpointNotes() []string {
	main := s.main()
	if main == nil || s.gateway() != nil || !s.allReady() {
		return nil
	}
	if n := s.strays(); n > 0 {
		return []string{fmt.Sprintf("Service %s still leads to %d that are to get no more requests", main.GetName(), n)}
	}
	want := s.wantSelector()
	now := s.services[main.GetName()]
	if t := s.picked(want); t != nil && s.picked(selectorOf(now)) != t && !s.mayMove(selectorOf(now), want) {
		return []string{fmt.Sprintf("%s gets the traffic once the cluster leads a Service to it", t.track.Version)}
	}
	return nil
}
