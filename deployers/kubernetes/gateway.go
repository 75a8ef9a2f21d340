package kubernetes

import (
	"cmp"
	"context"
	"reflect"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// With a gateway, each track has a Service of its own, and an HTTPRoute divides
// the traffic between them by weight.

func (s *snapshot) routeName() string { return targetName(s.record.Target) }

func (s *snapshot) backendName(t *rendered) string {
	return trackObject(targetName(s.record.Target), t.track.ID)
}

// weights are what the route shall say now. Until all that is to get traffic is
// complete, and the cluster leads to it, it stays as it is; what has nothing ready gets nothing.
func (s *snapshot) weights() map[string]int {
	want := map[string]int{}
	if s.allReady() && s.announcedByGateway() {
		for _, t := range s.tracks {
			want[s.backendName(t)] = t.track.Weight
		}
		return want
	}
	now := weightsIn(s.routes[s.routeName()])
	total := 0
	for _, t := range s.tracks {
		if name := s.backendName(t); len(s.ready(t)) > 0 {
			want[name] = now[name]
			total += now[name]
		} else {
			want[name] = 0
		}
	}
	for name, weight := range now { // what is given up serves until the new is ready
		if _, wanted := want[name]; !wanted && s.backendReady(name) {
			want[name] = weight
			total += weight
		}
	}
	if total > 0 {
		return want
	}
	for _, t := range s.tracks {
		if len(s.ready(t)) > 0 {
			want[s.backendName(t)] = t.track.Weight
		}
	}
	return want
}

func (s *snapshot) backendReady(name string) bool {
	hash := selectorOf(s.services[name])[labelTrack]
	for i := range s.pods {
		if s.pods[i].Labels[labelTrack] == hash && isReady(&s.pods[i]) {
			return true
		}
	}
	return false
}

// weightsIn reads the last rule of a route, which is that of the weights.
func weightsIn(route *unstructured.Unstructured) map[string]int {
	out := map[string]int{}
	if route == nil {
		return out
	}
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	if len(rules) == 0 {
		return out
	}
	rule, _ := rules[len(rules)-1].(map[string]any)
	backends, _ := rule["backendRefs"].([]any)
	for _, one := range backends {
		if b, ok := one.(map[string]any); ok {
			name, _ := b["name"].(string)
			weight, _ := b["weight"].(int64)
			out[name] = int(weight)
		}
	}
	return out
}

func (s *snapshot) routeGateway(ctx context.Context) error {
	for _, t := range s.tracks {
		want := s.trackService(t, s.backendName(t), "track")
		if err := s.ensure(ctx, servicesResource(), s.services[want.GetName()], want); err != nil {
			return err
		}
	}
	return s.ensure(ctx, routesResource(), s.routes[s.routeName()], s.wantRoute())
}

func (s *snapshot) wantRoute() *unstructured.Unstructured {
	weights := s.weights()
	var rules []any
	for _, t := range s.tracks {
		if len(t.track.Match) == 0 || len(s.ready(t)) == 0 {
			continue
		}
		var matches []any
		for _, m := range t.track.Match {
			header := map[string]any{"type": "Exact", "name": m.Header, "value": m.Value}
			if m.Cookie != "" {
				// A cookie is a part of a header: name=value between semicolons.
				header = map[string]any{"type": "RegularExpression", "name": "Cookie",
					"value": `(^|.*;\s*)` + regexp.QuoteMeta(m.Cookie) + "=" + regexp.QuoteMeta(m.Value) + `(\s*;.*|$)`}
			}
			matches = append(matches, map[string]any{"headers": []any{header}})
		}
		rules = append(rules, map[string]any{"matches": matches, "backendRefs": []any{s.backend(s.backendName(t), 1)}})
	}
	var backends []any
	named := map[string]bool{}
	for _, t := range s.tracks {
		name := s.backendName(t)
		named[name] = true
		backends = append(backends, s.backend(name, weights[name]))
	}
	for _, name := range sortedKeys(weights) {
		if !named[name] {
			backends = append(backends, s.backend(name, weights[name]))
		}
	}
	rules = append(rules, map[string]any{"backendRefs": backends})
	t, g := s.newest(), s.gateway()
	parent := map[string]any{"name": g.Name, "namespace": cmp.Or(g.Namespace, t.config.Namespace)}
	if g.Listener != "" {
		parent["sectionName"] = g.Listener
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"spec": map[string]any{
			"parentRefs": []any{parent}, "hostnames": []any{fillTarget(g.Hostname, s.record.Target)}, "rules": rules,
		},
	}}
	u.SetName(s.routeName())
	t.own(s.record.Target, u, "route")
	labels := u.GetLabels()
	delete(labels, labelTrack)
	u.SetLabels(labels)
	u.SetAnnotations(without(u.GetAnnotations(), annotationTrack, annotationVersion))
	return u
}

func (s *snapshot) backend(name string, weight int) map[string]any {
	port := int64(80)
	if ports := s.newest().ports; len(ports) > 0 {
		if first, ok := ports[0].(map[string]any); ok {
			if number, ok := first["port"].(int64); ok {
				port = number
			}
		}
	}
	return map[string]any{"name": name, "port": port, "weight": int64(weight)}
}

// routedByGateway: the route says what is wanted, and the gateway has accepted
// just that.
func (s *snapshot) routedByGateway() bool {
	route := s.routes[s.routeName()]
	want := s.wantRoute()
	if route == nil || !s.allReady() || !s.announcedByGateway() || !reflect.DeepEqual(weightsIn(route), weightsIn(want)) || !sameRules(route, want) {
		return false
	}
	accepted, _ := s.gatewaySays()
	return accepted
}

// sameRules compares how many rules pick requests, and what they compare: the
// cluster fills in defaults, so the whole cannot be compared.
func sameRules(live, want *unstructured.Unstructured) bool {
	return live.GetAnnotations()[annotationContent] == func() string {
		u := want.DeepCopy()
		stamp(u, 0)
		return u.GetAnnotations()[annotationContent]
	}()
}

// gatewaySays reads what the gateway reports of the route as it is now.
func (s *snapshot) gatewaySays() (accepted bool, complaint string) {
	route := s.routes[s.routeName()]
	if route == nil {
		return false, ""
	}
	parents, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
	for _, one := range parents {
		parent, _ := one.(map[string]any)
		conditions, _ := parent["conditions"].([]any)
		for _, c := range conditions {
			condition, _ := c.(map[string]any)
			kind, _ := condition["type"].(string)
			seen, _ := condition["observedGeneration"].(int64)
			if kind != "Accepted" && kind != "ResolvedRefs" || seen != route.GetGeneration() {
				continue
			}
			if condition["status"] == "True" {
				accepted = accepted || kind == "Accepted"
				continue
			}
			text, _ := condition["message"].(string)
			reason, _ := condition["reason"].(string)
			return false, "the gateway does not take the route: " + cmp.Or(text, reason)
		}
	}
	return accepted, ""
}

// gatewayShares are the weights in force; what has nothing ready gets nothing.
func (s *snapshot) gatewayShares() map[string]int {
	counts, order := map[string]int{}, []string{}
	weights := weightsIn(s.routes[s.routeName()])
	for _, name := range sortedKeys(weights) {
		if hash := selectorOf(s.services[name])[labelTrack]; hash != "" && weights[name] > 0 && s.backendReady(name) {
			counts[hash] = weights[name]
			order = append(order, hash)
		}
	}
	return percent(counts, order)
}
