package kubernetes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/deployers"
)

// bundle is what manifests describe: one workload, what belongs to each release
// of it, and its Services.
type bundle struct {
	workload   *unstructured.Unstructured
	configMaps []*unstructured.Unstructured
	services   []*unstructured.Unstructured
}

// parseManifests reads plain YAML. It knows few kinds on purpose: what a release
// does not own is no business of a release.
func parseManifests(text string) (bundle, []string) {
	var b bundle
	var problems []string
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for n := 1; ; n++ {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b, append(problems, err.Error())
		}
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		object := map[string]any{}
		asJSON, err := yaml.YAMLToJSONStrict(doc)
		if err == nil {
			err = utiljson.Unmarshal(asJSON, &object) // keeps whole numbers whole
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("document %d: %v", n, err))
			continue
		}
		if len(object) == 0 {
			continue
		}
		if fault := b.add(&unstructured.Unstructured{Object: object}); fault != "" {
			problems = append(problems, fmt.Sprintf("document %d: %s", n, fault))
		}
	}
	if b.workload == nil {
		problems = append(problems, "a Deployment is missing, or a Rollout")
	}
	return b, problems
}

func (b *bundle) add(u *unstructured.Unstructured) string {
	switch kind := u.GetAPIVersion() + " " + u.GetKind(); {
	case u.GetName() == "":
		return "metadata.name is missing"
	case u.GetNamespace() != "":
		return "leave metadata.namespace out: it is that of the config"
	case (kind == "apps/v1 Deployment" || kind == rolloutKind) && b.workload != nil:
		return "a second " + u.GetKind() + "; a target is one workload"
	case kind == "apps/v1 Deployment", kind == rolloutKind:
		b.workload = u
	case kind == "v1 ConfigMap":
		b.configMaps = append(b.configMaps, u)
	case kind == "v1 Service":
		b.services = append(b.services, u)
	default:
		return fmt.Sprintf("%s is none of apps/v1 Deployment, %s, v1 ConfigMap, v1 Service", kind, rolloutKind)
	}
	return ""
}

func checkManifests(c config) []string {
	b, problems := parseManifests(c.Manifests)
	if len(problems) > 0 {
		return problems
	}
	if _, err := pickContainer(b.workload, c.Container); err != nil {
		problems = append(problems, err.Error())
	}
	if _, err := b.service(c.Service); err != nil {
		problems = append(problems, err.Error())
	}
	if c.Gateway != nil && len(b.services) == 0 {
		problems = append(problems, "a gateway needs a Service, for its ports")
	}
	if b.workload.GetKind() != kindRollout {
		return problems
	}
	if fault := courseOf(b.workload).fault(); fault != "" {
		problems = append(problems, fault)
	}
	if c.Gateway != nil {
		problems = append(problems, "a Rollout divides the traffic by itself: name the gateway in its trafficRouting, not here")
	}
	return problems
}

// rolloutKind is a Rollout of Argo.
const rolloutKind = "argoproj.io/v1alpha1 Rollout"

// service is the one whose traffic is moved; nil where there is none.
func (b bundle) service(name string) (*unstructured.Unstructured, error) {
	if name == "" && b.workload.GetKind() == kindRollout {
		name = courseOf(b.workload).active
	}
	if name == "" {
		switch len(b.services) {
		case 0:
			return nil, nil //nolint:nilnil // no Service is an answer here
		case 1:
			return b.services[0], nil
		}
		return nil, errors.New("there are several Services; service says which one carries the traffic")
	}
	for _, s := range b.services {
		if s.GetName() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("there is no Service %q", name)
}

// pickContainer finds the container whose image is the release.
func pickContainer(workload *unstructured.Unstructured, name string) (string, error) {
	list, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	var names []string
	for _, one := range list {
		if c, ok := one.(map[string]any); ok {
			text, _ := c["name"].(string)
			names = append(names, text)
		}
	}
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("the %s %s has no container", workload.GetKind(), workload.GetName())
	case name == "" && len(names) == 1:
		return names[0], nil
	case name == "":
		return "", fmt.Errorf("container says which of %s is the release", strings.Join(names, ", "))
	case !slices.Contains(names, name):
		return "", fmt.Errorf("there is no container %q among %s", name, strings.Join(names, ", "))
	}
	return name, nil
}

var placeholder = regexp.MustCompile(`\$\{(service|environment|site|name|version|image(?:\.[A-Za-z0-9._-]+)?)\}`)

// fill replaces placeholders in every string below value. Unknown ones stay: they
// may be the application's own.
func fill(value any, words map[string]string) any {
	switch v := value.(type) {
	case string:
		return placeholder.ReplaceAllStringFunc(v, func(found string) string {
			if word, ok := words[found[2:len(found)-1]]; ok {
				return word
			}
			return found
		})
	case map[string]any:
		for key, one := range v {
			v[key] = fill(one, words)
		}
	case []any:
		for i, one := range v {
			v[i] = fill(one, words)
		}
	}
	return value
}

// words are what placeholders stand for.
func words(t deployers.Target, track storedTrack) map[string]string {
	w := map[string]string{
		"service": t.Service, "environment": t.Environment, "site": t.Site, "name": targetName(t), "version": track.Version,
	}
	for i, a := range track.Artifacts {
		if i == 0 {
			w["image"] = imageOf(a)
		}
		w["image."+a.Name] = imageOf(a)
	}
	return w
}

// imageOf pins an image by its digest: a tag may be moved.
func imageOf(a deployers.Artifact) string {
	reference := strings.TrimPrefix(strings.TrimPrefix(a.Reference, "docker://"), "oci://")
	if a.Digest == "" || strings.Contains(reference, "@") {
		return reference
	}
	if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
		reference = reference[:colon]
	}
	return reference + "@" + a.Digest
}
