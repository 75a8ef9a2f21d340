package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/deployers"
)

// adopted is a workload that was there before Slipway. One track at a time is at
// home in it, changed in place and rolled out by the cluster's own controller;
// others run beside it as copies, with its labels, so that its Service finds
// them. The track that is left alone in the end moves home.
type adopted struct {
	Workload string            `json:"workload"`
	Labels   map[string]any    `json:"labels"`             // that it selects its pods by
	Template map[string]any    `json:"template"`           // of its pods, as it was found
	Replicas int64             `json:"replicas,omitempty"` // as it was found
	Service  string            `json:"service,omitempty"`  // whose traffic is moved
	Selector map[string]string `json:"selector,omitempty"` // of the Service, as it was found
	Ports    []any             `json:"ports,omitempty"`
}

// adoptable reads what is to be adopted; nothing is changed yet.
func (d *Deployer) adoptable(ctx context.Context, r *record, c config) (*adopted, error) {
	k, err := d.cluster(r.Cluster)
	if err != nil {
		return nil, err
	}
	kind := cmp.Or(c.Kind, kindDeployment)
	home, err := k.get(ctx, workloadResource(kind), r.Namespace, c.Workload)
	if err != nil {
		return nil, err
	}
	if home == nil {
		return nil, deployers.Terminal(fmt.Errorf("there is no %s %s in namespace %s to adopt", kind, c.Workload, r.Namespace))
	}
	if owner := home.GetAnnotations()[annotationTarget]; owner != "" && owner != r.Target.String() {
		return nil, deployers.Terminal(fmt.Errorf("the %s %s belongs to %s already", kind, c.Workload, owner))
	}
	a := &adopted{Workload: c.Workload, Service: c.Service}
	a.Labels, _, _ = unstructured.NestedMap(home.Object, "spec", "selector", "matchLabels")
	a.Template, _, _ = unstructured.NestedMap(home.Object, "spec", "template")
	a.Replicas = replicasOf(home)
	for _, key := range []string{labelTarget, labelTrack} {
		delete(child(child(a.Template, "metadata"), "labels"), key)
	}
	delete(child(a.Template, "metadata"), "annotations")
	delete(child(a.Template, "metadata"), "creationTimestamp")
	if c.Service == "" {
		return a, nil
	}
	service, err := k.get(ctx, servicesResource(), r.Namespace, c.Service)
	if err != nil {
		return nil, err
	}
	if service == nil {
		return nil, deployers.Terminal(fmt.Errorf("there is no Service %s in namespace %s", c.Service, r.Namespace))
	}
	a.Selector = selectorOf(service)
	if text := service.GetAnnotations()[annotationSelector]; text != "" { // an earlier adoption was cut short
		_ = json.Unmarshal([]byte(text), &a.Selector)
	}
	a.Ports, _, _ = unstructured.NestedSlice(service.Object, "spec", "ports")
	return a, nil
}

// renderCopy makes a track of an adopted workload that runs beside it.
func renderCopy(target deployers.Target, a *adopted, track storedTrack, c config) (*rendered, error) {
	labels := maps.Clone(a.Labels)
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": a.Workload},
		"spec": map[string]any{"template": deepCopy(a.Template)},
	}}
	r := &rendered{track: track, config: c, workload: u, ports: a.Ports}
	var err error
	if r.container, err = pickContainer(u, c.Container); err != nil {
		return nil, deployers.Terminal(err)
	}
	u.SetName(trackObject(a.Workload, track.ID))
	r.own(target, u, "")
	if err := r.finish(target, nil); err != nil {
		return nil, err
	}
	labels[labelTarget], labels[labelTrack] = targetHash(target), trackHash(track.ID)
	child(child(u.Object, "spec"), "selector")["matchLabels"] = labels
	if a.Service != "" {
		r.main = a.service(target, r)
		r.services = []*unstructured.Unstructured{r.main}
	}
	return r, nil
}

func deepCopy(m map[string]any) map[string]any {
	return (&unstructured.Unstructured{Object: m}).DeepCopy().Object
}

// service is what Slipway says about the adopted Service: whom it selects.
func (a *adopted) service(target deployers.Target, r *rendered) *unstructured.Unstructured {
	original, _ := json.Marshal(a.Selector) // a map of strings
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service"}}
	u.SetName(a.Service)
	u.SetNamespace(r.config.Namespace)
	u.SetLabels(map[string]string{labelTarget: targetHash(target), labelRole: "service"})
	u.SetAnnotations(map[string]string{annotationTarget: target.String(), annotationSelector: string(original)})
	return u
}

// settleHome decides which track is at home in the adopted workload: the one
// that is there already, if it is still wanted, else the first that gets traffic.
func (s *snapshot) settleHome() error {
	a := s.record.Adopted
	if a == nil || len(s.tracks) == 0 {
		return nil
	}
	live := s.workloads[a.Workload]
	switch {
	case live == nil && s.record.Ending:
		return nil
	case live == nil:
		return deployers.Terminal(fmt.Errorf("the adopted %s %s is gone from namespace %s", s.kind(), a.Workload, s.record.Namespace))
	case hostsAll(s.kind()):
		return nil // it hosts them all
	}
	hosted := live.GetLabels()[labelTrack]
	var home *rendered
	for _, t := range s.tracks {
		if trackHash(t.track.ID) == hosted {
			home = t
		}
	}
	for _, t := range s.tracks {
		if home == nil && t.track.Weight > 0 {
			home = t
		}
	}
	if home == nil {
		home = s.tracks[0]
	}
	if s.beside = s.beginsBeside() && !s.leftInPeace(home); s.beside {
		return nil
	}
	return home.moveHome(s.record.Target, a, kindDeployment)
}

// moveHome says only what Slipway decides about the adopted workload; the rest
// stays whoever's it is.
func (t *rendered) moveHome(target deployers.Target, a *adopted, kind string) error {
	container := map[string]any{"name": t.container}
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	spec, _ := a.Template["spec"].(map[string]any)
	switch n := spec["terminationGracePeriodSeconds"].(type) { // the record's JSON knows no whole numbers
	case int64:
		grace = n
	case float64:
		grace = int64(n)
	}
	own := false
	for _, c := range containers(spec) {
		if lifecycle, ok := c["lifecycle"].(map[string]any); ok && c["name"] == t.container && lifecycle["preStop"] != nil {
			own = true
			container["lifecycle"] = map[string]any{"preStop": lifecycle["preStop"]}
		}
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": workloadResource(kind).GroupVersion().String(), "kind": kind, "metadata": map[string]any{"name": a.Workload},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	}}
	t.home, t.workload = true, u
	t.own(target, u, "")
	if err := t.finish(target, nil); err != nil {
		return err
	}
	if own {
		delete(container, "lifecycle")
	}
	podSpec := child(child(child(u.Object, "spec"), "template"), "spec")
	if ours, _ := podSpec["terminationGracePeriodSeconds"].(int64); ours < grace {
		podSpec["terminationGracePeriodSeconds"] = grace
	}
	return nil
}

// fetchAdopted reads what does not carry Slipway's labels before the first
// release.
func (s *snapshot) fetchAdopted(ctx context.Context) error {
	a := s.record.Adopted
	if a == nil {
		return nil
	}
	fetch := func(r schema.GroupVersionResource, into map[string]*unstructured.Unstructured, name string) error {
		if name == "" || into[name] != nil {
			return nil
		}
		u, err := s.cluster.get(ctx, r, s.record.Namespace, name)
		if u != nil {
			into[name] = u
		}
		return err
	}
	if err := fetch(workloadResource(s.kind()), s.workloads, a.Workload); err != nil {
		return err
	}
	return fetch(servicesResource(), s.services, a.Service)
}

// adoptedSelector is wantSelector for an adopted Service: its own selector finds
// all releases, and a label more picks one.
func (s *snapshot) adoptedSelector(weighted []*rendered) map[string]string {
	selector := maps.Clone(s.record.Adopted.Selector)
	if selector == nil {
		selector = map[string]string{}
	}
	switch {
	case len(weighted) == 0:
		selector[labelTrack] = noTrack
	case len(weighted) == 1:
		hash := trackHash(weighted[0].track.ID)
		if now := selectorOf(s.services[s.record.Adopted.Service])[labelTrack]; len(s.tracks) > 1 || s.beside || now == hash {
			selector[labelTrack] = hash
		}
	}
	return selector
}

// isHome reports whether a Deployment is the adopted one.
func (s *snapshot) isHome(name string) bool {
	return s.record.Adopted != nil && s.record.Adopted.Workload == name
}

// merge changes some fields of exactly the object that was seen.
func (s *snapshot) merge(ctx context.Context, r schema.GroupVersionResource, seen *unstructured.Unstructured, change map[string]any) error {
	metadata, _ := change["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["resourceVersion"] = seen.GetResourceVersion()
	change["metadata"] = metadata
	data, err := json.Marshal(change)
	if err != nil {
		return err
	}
	_, err = s.cluster.in(r, seen.GetNamespace()).Patch(ctx, seen.GetName(), types.MergePatchType, data, metav1.PatchOptions{FieldManager: fieldManager})
	return plain(err)
}

// workloadOf names the workload that a pod belongs to.
func workloadOf(p *corev1.Pod) string {
	for _, owner := range p.OwnerReferences {
		switch owner.Kind {
		case "ReplicaSet":
			return strings.TrimSuffix(owner.Name, "-"+cmp.Or(p.Labels["pod-template-hash"], p.Labels[labelRolloutHash]))
		case kindStatefulSet:
			return owner.Name
		}
	}
	return ""
}

// sameAdoption refuses to change what is adopted under way.
func (r *record) sameAdoption(c config) error {
	if r.Adopted == nil && c.Workload == "" || r.Adopted != nil && reflect.DeepEqual([]string{r.Adopted.Workload, r.Adopted.Service}, []string{c.Workload, c.Service}) {
		return nil
	}
	return deployers.Terminal(fmt.Errorf("%s runs in another workload, or behind another Service; destroy it first", r.Target))
}
