package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
)

// rendered is a track as objects.
type rendered struct {
	track     storedTrack
	config    config
	container string
	image     string
	workload  *unstructured.Unstructured
	home      bool // the workload is the adopted one, changed in place
	extras    []*unstructured.Unstructured
	services  []*unstructured.Unstructured
	main      *unstructured.Unstructured // that of services whose traffic is moved; may be nil
	ports     []any                      // of main
}

// render makes the objects of a track that describes itself by manifests.
func render(target deployers.Target, track storedTrack, c config) (*rendered, error) {
	b, problems := parseManifests(c.Manifests)
	if len(problems) > 0 {
		return nil, deployers.Terminal(fmt.Errorf("manifests: %s", problems[0]))
	}
	r := &rendered{track: track, config: c, workload: b.workload, services: b.services}
	var err error
	if r.container, err = pickContainer(b.workload, c.Container); err != nil {
		return nil, deployers.Terminal(err)
	}
	if r.main, err = b.service(c.Service); err != nil {
		return nil, deployers.Terminal(err)
	}
	own := map[string]string{} // ConfigMaps by their old names
	for _, u := range b.configMaps {
		fill(u.Object, words(target, track))
		own[u.GetName()] = trackObject(u.GetName(), track.ID)
		u.SetName(own[u.GetName()])
		r.own(target, u, "config")
		r.extras = append(r.extras, u)
	}
	for _, u := range append([]*unstructured.Unstructured{b.workload}, b.services...) {
		fill(u.Object, words(target, track))
	}
	for _, u := range b.services {
		r.own(target, u, "service")
		labels := u.GetLabels()
		delete(labels, labelTrack) // a Service is that of the target
		u.SetLabels(labels)
		u.SetAnnotations(without(u.GetAnnotations(), annotationTrack, annotationVersion))
	}
	if r.main != nil {
		r.ports, _, _ = unstructured.NestedSlice(r.main.Object, "spec", "ports")
	}
	selector := map[string]any{labelTarget: targetHash(target), labelTrack: trackHash(track.ID)}
	if hostsAll(b.workload.GetKind()) {
		delete(selector, labelTrack)
	} else {
		b.workload.SetName(trackObject(b.workload.GetName(), track.ID))
	}
	r.own(target, b.workload, "")
	if err := r.finish(target, own); err != nil {
		return nil, err
	}
	return r, unstructured.SetNestedMap(b.workload.Object, selector, "spec", "selector", "matchLabels")
}

// finish writes what Slipway has to say into the pod template.
func (t *rendered) finish(target deployers.Target, own map[string]string) error {
	object := t.workload.Object
	template := child(child(object, "spec"), "template")
	maps.Copy(child(child(template, "metadata"), "labels"), map[string]any{
		labelTarget: targetHash(target), labelTrack: trackHash(t.track.ID),
	})
	maps.Copy(child(child(template, "metadata"), "annotations"), map[string]any{
		annotationTrack: t.track.ID, annotationVersion: t.track.Version,
	})
	spec := child(template, "spec")
	renameConfigMaps(spec, own)
	spec["terminationGracePeriodSeconds"] = t.config.Drain.seconds() + t.config.StopTimeout.seconds()
	if t.workload.GetKind() != kindStatefulSet { // which knows no deadline
		child(object, "spec")["progressDeadlineSeconds"] = t.config.ProgressDeadline.seconds()
	}
	child(object, "spec")["replicas"] = int64(t.track.Replicas)
	for _, c := range containers(spec) {
		if c["name"] == t.container {
			t.fillContainer(target, c)
			return nil
		}
	}
	return deployers.Terminal(fmt.Errorf("there is no container %q in %s", t.container, t.workload.GetName()))
}

// fillContainer sets the image, where it is not written out in the manifests,
// and the environment. A container that has no preStop of its own waits before it gets SIGTERM,
// until every proxy has heard that it gets nothing new.
func (t *rendered) fillContainer(target deployers.Target, c map[string]any) {
	if len(t.track.Artifacts) > 0 {
		c["image"] = imageOf(t.track.Artifacts[0])
		for _, a := range t.track.Artifacts {
			if a.Name == t.container {
				c["image"] = imageOf(a)
			}
		}
	}
	t.image, _ = c["image"].(string)
	env, _ := c["env"].([]any)
	set := func(name string, entry map[string]any) {
		entry["name"] = name
		env = slices.DeleteFunc(env, func(one any) bool {
			m, ok := one.(map[string]any)
			return ok && m["name"] == name
		})
		env = append(env, entry)
	}
	for _, name := range slices.Sorted(maps.Keys(t.track.Env)) {
		set(name, map[string]any{"value": t.track.Env[name]})
	}
	for _, name := range t.track.Secrets {
		set(name, map[string]any{"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": secretName(target, t.track.ID), "key": name}}})
	}
	set("SLIPWAY_SERVICE", map[string]any{"value": target.Service})
	set("SLIPWAY_ENVIRONMENT", map[string]any{"value": target.Environment})
	if target.Site != "" {
		set("SLIPWAY_SITE", map[string]any{"value": target.Site})
	}
	set("SLIPWAY_VERSION", map[string]any{"value": t.track.Version})
	c["env"] = env
	if lifecycle := child(c, "lifecycle"); lifecycle["preStop"] == nil && t.config.Drain > 0 {
		lifecycle["preStop"] = map[string]any{"sleep": map[string]any{"seconds": t.config.Drain.seconds()}}
	}
}

// own marks an object as the target's and the track's.
func (t *rendered) own(target deployers.Target, u *unstructured.Unstructured, role string) {
	u.SetNamespace(t.config.Namespace)
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[labelTarget], labels[labelTrack] = targetHash(target), trackHash(t.track.ID)
	if role != "" {
		labels[labelRole] = role
	}
	annotations[annotationTarget], annotations[annotationTrack], annotations[annotationVersion] = target.String(), t.track.ID, t.track.Version
	u.SetLabels(labels)
	u.SetAnnotations(annotations)
}

// stamp writes the generation and the hash of the content: what carries both is
// as it was last written, unless somebody else changed it.
func stamp(u *unstructured.Unstructured, generation int64) {
	u.SetAnnotations(without(u.GetAnnotations(), annotationContent, annotationGeneration))
	text, _ := json.Marshal(u.Object) // came from JSON
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationContent] = shortHash(string(text))
	annotations[annotationGeneration] = strconv.FormatInt(generation, 10)
	u.SetAnnotations(annotations)
}

// stamped reports whether live was last written as want.
func stamped(live, want *unstructured.Unstructured) bool {
	has, asks := live.GetAnnotations(), want.GetAnnotations()
	return has[annotationContent] == asks[annotationContent] && has[annotationGeneration] == asks[annotationGeneration]
}

// renameConfigMaps points the pod at its track's own copies.
func renameConfigMaps(value any, own map[string]string) {
	rename := func(reference any, key string) {
		if m, ok := reference.(map[string]any); ok {
			if name, ok := m[key].(string); ok && own[name] != "" {
				m[key] = own[name]
			}
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range []string{"configMap", "configMapRef", "configMapKeyRef"} {
			rename(v[key], "name")
		}
		for _, one := range v {
			renameConfigMaps(one, own)
		}
	case []any:
		for _, one := range v {
			renameConfigMaps(one, own)
		}
	}
}

// child is the object below key, made if need be.
func child(m map[string]any, key string) map[string]any {
	if c, ok := m[key].(map[string]any); ok {
		return c
	}
	c := map[string]any{}
	m[key] = c
	return c
}

func containers(podSpec map[string]any) []map[string]any {
	list, _ := podSpec["containers"].([]any)
	var out []map[string]any
	for _, one := range list {
		if c, ok := one.(map[string]any); ok {
			out = append(out, c)
		}
	}
	return out
}

func without(m map[string]string, keys ...string) map[string]string {
	m = maps.Clone(m)
	for _, key := range keys {
		delete(m, key)
	}
	return m
}
