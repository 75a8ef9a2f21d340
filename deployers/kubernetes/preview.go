package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/deployers"
)

// maxPreview bounds what people are asked to read.
const maxPreview = 400

// Preview implements deployers.Deployer: what the API server says would become
// of each object (a dry run, with all defaults and admission), beside what it is
// now. Values of secrets never stand in manifests, so none stands here.
func (d *Deployer) Preview(ctx context.Context, name deployers.Target, desired deployers.Desired) (deployers.Preview, error) {
	if err := ctx.Err(); err != nil {
		return deployers.Preview{}, err
	}
	r, err := d.readRecord(ctx, name)
	if err != nil {
		return deployers.Preview{}, fmt.Errorf("%s: %w", name, err)
	}
	if r == nil {
		r = &record{Target: name}
	}
	next := *r
	next.Generation, next.Tracks, next.Back = desired.Generation, nil, desired.Back
	for _, t := range desired.Tracks {
		next.Tracks = append(next.Tracks, stored(t))
	}
	next.Lead = leadOf(r.Tracks, r.Lead, desired.Tracks)
	tracks, err := d.renderAll(ctx, &next)
	if err == nil {
		err = d.possible(ctx, r, &next, tracks)
	}
	if err != nil {
		return deployers.Preview{}, fmt.Errorf("%s: %w", name, err)
	}
	s, err := d.look(ctx, &next)
	if err != nil {
		return deployers.Preview{}, fmt.Errorf("%s: %w", name, err)
	}
	lines := append([]string{next.summary()}, s.courseWords(len(r.Tracks) == 0)...)
	lines = append(lines, s.firstWords()...)
	if s.beside { // what it leads to, rather than how it begins
		if err := s.tracks[0].moveHome(name, s.record.Adopted, kindDeployment); err != nil {
			return deployers.Preview{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	warnings, changes, err := s.changes(ctx)
	if err != nil {
		return deployers.Preview{}, fmt.Errorf("%s: %w", name, err)
	}
	lines = append(append(lines, warnings...), changes...)
	if len(lines) > maxPreview {
		lines = append(lines[:maxPreview:maxPreview], fmt.Sprintf("… and %d lines more", len(lines)-maxPreview))
	}
	return deployers.Preview{Text: strings.Join(lines, "\n")}, nil
}

func (r *record) summary() string {
	var parts []string
	for _, t := range r.Tracks {
		parts = append(parts, fmt.Sprintf("%s ×%d (%d %%)", t.Version, t.Replicas, t.Weight))
	}
	what := strings.Join(parts, ", ")
	if what == "" {
		what = "nothing"
	}
	where := "namespace " + r.Namespace
	if r.Cluster != "" {
		where += " of cluster " + r.Cluster
	}
	return fmt.Sprintf("%s: %s runs in %s", r.Target, what, where)
}

// changes are the differences, object by object, and what of them is to be warned of.
func (s *snapshot) changes(ctx context.Context) (warnings, lines []string, err error) {
	add := func(r schema.GroupVersionResource, live, want *unstructured.Unstructured) error {
		would, err := s.dryRun(ctx, r, want)
		if err != nil {
			return err
		}
		if t := s.lead(); want == t.workload {
			warnings = s.endingWords(t, would)
		}
		lines = append(lines, diffObjects(cmp.Or(live, s.predecessor(want)), would)...)
		return nil
	}
	for _, t := range s.tracks {
		for _, u := range t.extras {
			if err := add(configMapsResource(), s.configMaps[u.GetName()], u); err != nil {
				return nil, nil, err
			}
		}
		if hostsAll(s.kind()) && t != s.lead() {
			continue // it runs already, or is what the workload goes back to
		}
		if err := add(workloadResource(s.kind()), s.workloads[t.workload.GetName()], t.workload); err != nil {
			return nil, nil, err
		}
		for _, key := range t.track.Secrets {
			lines = append(lines, fmt.Sprintf("  Secret %s: %s = ***", secretName(s.record.Target, t.track.ID), key))
		}
	}
	if t := s.newest(); t != nil {
		for _, u := range t.services {
			want := u.DeepCopy()
			if hostsAll(s.kind()) {
				setSelector(want, s.selectorInPlace(s.services[u.GetName()]))
			} else if selector := s.wantSelector(); u == t.main {
				setSelector(want, selector)
			} else {
				setSelector(want, map[string]string{labelTarget: targetHash(s.record.Target)})
			}
			if err := add(servicesResource(), s.services[u.GetName()], want); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.workloads)) {
		if !s.isWanted(name) && (!hostsAll(s.kind()) || s.record.Adopted == nil) {
			lines = append(lines, fmt.Sprintf("- %s %s (version %s) is removed", s.kind(), name, s.workloads[name].GetAnnotations()[annotationVersion]))
		}
	}
	return warnings, lines, nil
}

func (s *snapshot) dryRun(ctx context.Context, r schema.GroupVersionResource, want *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	want = want.DeepCopy()
	stamp(want, s.record.Generation)
	would, err := s.cluster.in(r, want.GetNamespace()).Apply(ctx, want.GetName(), want,
		metav1.ApplyOptions{FieldManager: fieldManager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, fmt.Errorf("the cluster would not take %s %s: %w", want.GetKind(), want.GetName(), plain(err))
	}
	return would, nil
}

// diffObjects is a unified diff of two objects as YAML, without what the cluster
// and Slipway keep for themselves.
func diffObjects(live, would *unstructured.Unstructured) []string {
	before, after := readable(live), readable(would)
	if before == after {
		return nil
	}
	verb := "changes"
	if live == nil {
		verb = "is new"
	} else if live.GetName() != would.GetName() {
		verb = "takes the place of " + live.GetName()
	}
	head := fmt.Sprintf("--- %s %s %s", would.GetKind(), would.GetName(), verb)
	return append([]string{head}, unified(strings.Split(before, "\n"), strings.Split(after, "\n"))...)
}

// predecessor is the object of a track that is given up which comes closest: the
// difference from it is what people want to read of a new release.
func (s *snapshot) predecessor(want *unstructured.Unstructured) *unstructured.Unstructured {
	own := want.GetLabels()[labelTrack]
	objects := map[string]map[string]*unstructured.Unstructured{kindDeployment: s.workloads, "ConfigMap": s.configMaps}[want.GetKind()]
	alive := s.alive()
	for _, name := range sortedKeys(objects) {
		hash := objects[name].GetLabels()[labelTrack]
		if hash == "" || alive[hash] {
			continue
		}
		if strings.TrimSuffix(name, hash) == strings.TrimSuffix(want.GetName(), own) {
			return objects[name]
		}
	}
	return nil
}

// stripOurs leaves out what Slipway writes for itself, wherever it stands.
func stripOurs(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			if strings.HasPrefix(key, "slipway.dev/") {
				delete(v, key)
				continue
			}
			if stripOurs(one); key == "annotations" || key == "labels" {
				if m, ok := one.(map[string]any); ok && len(m) == 0 {
					delete(v, key)
				}
			}
		}
	case []any:
		for _, one := range v {
			stripOurs(one)
		}
	}
}

func readable(u *unstructured.Unstructured) string {
	if u == nil {
		return ""
	}
	u = bare(u)
	u.SetAnnotations(without(u.GetAnnotations(), "deployment.kubernetes.io/revision"))
	stripOurs(u.Object)
	text, err := yaml.Marshal(u.Object)
	if err != nil {
		return err.Error()
	}
	return strings.TrimRight(string(text), "\n")
}
