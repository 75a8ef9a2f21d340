package kubernetes

import (
	"context"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Without a gateway, a Service carries the traffic, and its selector says which
// track: one, or all of them, where the share of each follows its replicas.

func (s *snapshot) main() *unstructured.Unstructured {
	if t := s.newest(); t != nil && t.main != nil {
		return t.main
	}
	return nil
}

func selectorOf(u *unstructured.Unstructured) map[string]string {
	if u == nil {
		return nil
	}
	selector, _, _ := unstructured.NestedStringMap(u.Object, "spec", "selector")
	return selector
}

// wantSelector is what the main Service shall select once all is ready.
func (s *snapshot) wantSelector() map[string]string {
	selector := map[string]string{labelTarget: targetHash(s.record.Target)}
	var weighted []*rendered
	for _, t := range s.tracks {
		if t.track.Weight > 0 {
			weighted = append(weighted, t)
		}
	}
	if s.record.Adopted != nil {
		return s.adoptedSelector(weighted)
	}
	switch {
	case s.gateway() != nil: // the routes decide
	case len(weighted) == 0:
		selector[labelTrack] = noTrack
	case len(weighted) == 1:
		selector[labelTrack] = trackHash(weighted[0].track.ID)
	}
	return selector
}

// mayMove: the traffic moves when what is to get it is complete and known to the
// cluster, or when what gets it now has nothing ready any more.
func (s *snapshot) mayMove(now, want map[string]string) bool {
	if t := s.picked(want); now == nil || s.allReady() && (t == nil || s.picked(now) == t || s.announced(t)) {
		return true
	}
	if _, single := want[labelTrack]; !single {
		return true // only ready replicas are selected
	}
	for i := range s.pods {
		if p := &s.pods[i]; isReady(p) && (now[labelTrack] == "" || p.Labels[labelTrack] == now[labelTrack]) {
			return false
		}
	}
	for _, t := range s.tracks {
		if t.track.Weight > 0 && len(s.ready(t)) > 0 {
			return true
		}
	}
	return false
}

func (s *snapshot) route(ctx context.Context) error {
	if s.givenBack() {
		return s.giveServiceBack(ctx)
	}
	if len(s.tracks) == 0 {
		return s.silence(ctx)
	}
	main := s.main()
	for _, u := range s.newest().services {
		want := u.DeepCopy()
		selector := map[string]string{labelTarget: targetHash(s.record.Target)}
		if u == main {
			now := selectorOf(s.services[u.GetName()])
			if selector = s.wantSelector(); !s.mayMove(now, selector) {
				selector = now
			}
		}
		setSelector(want, selector)
		if err := s.ensure(ctx, servicesResource(), s.services[u.GetName()], want); err != nil {
			return err
		}
	}
	if s.gateway() != nil {
		if err := s.routeGateway(ctx); err != nil {
			return err
		}
	}
	if err := s.keepService(ctx, s.previewName(), "preview", s.previewed()); err != nil {
		return err
	}
	return s.keepService(ctx, s.nextName(), "next", s.next())
}

func setSelector(u *unstructured.Unstructured, selector map[string]string) {
	_ = unstructured.SetNestedStringMap(u.Object, selector, "spec", "selector")
}

// silence leaves the Services where they are, so that their addresses stay, and
// has them select nothing.
func (s *snapshot) silence(ctx context.Context) error {
	for name, u := range s.services {
		role := u.GetLabels()[labelRole]
		selector := selectorOf(u)
		if role == "service" && selector[labelTrack] == noTrack {
			continue
		}
		if role != "service" {
			if err := s.cluster.remove(ctx, servicesResource(), u); err != nil {
				return err
			}
			continue
		}
		selector[labelTrack] = noTrack
		if s.record.Adopted != nil {
			change := map[string]any{"spec": map[string]any{"selector": selector}}
			if err := s.merge(ctx, servicesResource(), u, change); err != nil {
				return err
			}
			continue
		}
		want := u.DeepCopy()
		setSelector(want, selector)
		if err := s.ensure(ctx, servicesResource(), s.services[name], bare(want)); err != nil {
			return err
		}
	}
	for _, u := range s.routes {
		if err := s.cluster.remove(ctx, routesResource(), u); err != nil {
			return err
		}
	}
	return nil
}

// bare leaves out what the cluster filled in.
func bare(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	delete(u.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	return u
}

// previewName is the Service that shows one track.
func (s *snapshot) previewName() string { return targetName(s.record.Target) + "-preview" }

func (s *snapshot) previewed() *rendered {
	for _, t := range s.tracks {
		if t.track.Preview {
			return t
		}
	}
	return nil
}

// keepService keeps a Service for the track that is to be looked at, or to be made
// known, for as long as there is one.
func (s *snapshot) keepService(ctx context.Context, name, role string, t *rendered) error {
	live := s.services[name]
	if t == nil || t.main == nil {
		if live == nil || live.GetDeletionTimestamp() != nil {
			return nil
		}
		return s.cluster.remove(ctx, servicesResource(), live)
	}
	return s.ensure(ctx, servicesResource(), live, s.trackService(t, name, role))
}

// trackService is a Service with the ports of the main one for a single track.
func (s *snapshot) trackService(t *rendered, name, role string) *unstructured.Unstructured {
	ports := (&unstructured.Unstructured{Object: map[string]any{"ports": t.ports}}).DeepCopy().Object["ports"]
	list, _ := ports.([]any)
	for _, one := range list {
		if port, ok := one.(map[string]any); ok {
			delete(port, "nodePort")
		}
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"type": "ClusterIP", "ports": ports},
	}}
	u.SetName(name)
	t.own(s.record.Target, u, role)
	setSelector(u, map[string]string{labelTarget: targetHash(s.record.Target), labelTrack: trackHash(t.track.ID)})
	return u
}

// routed: the traffic goes where it is wanted, as far as the API server says.
func (s *snapshot) routed() bool {
	if t := s.previewed(); (t != nil && t.main != nil) != (s.services[s.previewName()] != nil) {
		return false
	}
	if s.givenBack() { // the Service finds the team's own pods as it did
		return selectorOf(s.services[s.record.Adopted.Service])[labelTrack] == ""
	}
	if len(s.tracks) == 0 {
		for _, u := range s.services {
			if selectorOf(u)[labelTrack] != noTrack {
				return false
			}
		}
		return len(s.routes) == 0
	}
	if s.gateway() != nil {
		return s.routedByGateway()
	}
	main := s.main()
	return main == nil || reflect.DeepEqual(selectorOf(s.services[main.GetName()]), s.wantSelector())
}
