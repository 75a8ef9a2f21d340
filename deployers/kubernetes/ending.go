package kubernetes

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// endingWords warn people who approve of what would lose requests whenever pods
// come and go, whatever Slipway does. would is the workload as the cluster has it
// then: what its team wrote, what Slipway adds and the defaults.
func (s *snapshot) endingWords(t *rendered, would *unstructured.Unstructured) []string {
	if len(t.ports) == 0 || t.track.Replicas == 0 {
		return nil
	}
	spec, _, _ := unstructured.NestedMap(would.Object, "spec", "template", "spec")
	var words []string
	for _, c := range servers(spec, t) {
		name, _ := c["name"].(string)
		lifecycle, _ := c["lifecycle"].(map[string]any)
		if lifecycle["preStop"] == nil {
			advice := "give it a preStop that sleeps for some seconds"
			if name == t.container {
				advice = "set drain to some seconds"
			}
			words = append(words, fmt.Sprintf("Warning: container %s has no preStop. A pod that is told to end stops listening at once, while proxies may still send it requests: these are refused. To lose none, %s.", name, advice))
		}
		if c["readinessProbe"] == nil {
			words = append(words, fmt.Sprintf("Warning: container %s has no readinessProbe. A pod gets requests as soon as it has started, whether it listens yet or not.", name))
		}
	}
	if s.blind {
		words = append(words, "Warning: Slipway's role does not let it read EndpointSlices, so it moves traffic and ends pods without seeing whether the cluster has followed. Apply docs/kubernetes-role.yaml again.")
	}
	return words
}

// servers are the containers that a Service's ports lead to: those that name the
// port, or else the one of the release.
func servers(spec map[string]any, t *rendered) []map[string]any {
	var targets []string
	for _, one := range t.ports {
		port, _ := one.(map[string]any)
		target := port["targetPort"]
		if target == nil {
			target = port["port"]
		}
		targets = append(targets, fmt.Sprint(target))
	}
	all := containers(spec)
	found := slices.DeleteFunc(slices.Clone(all), func(c map[string]any) bool { return !listens(c, targets) })
	if len(found) == 0 {
		found = slices.DeleteFunc(all, func(c map[string]any) bool { return c["name"] != t.container })
	}
	return found
}

func listens(container map[string]any, targets []string) bool {
	ports, _ := container["ports"].([]any)
	return slices.ContainsFunc(ports, func(one any) bool {
		port, _ := one.(map[string]any)
		return slices.Contains(targets, fmt.Sprint(port["containerPort"])) || slices.Contains(targets, fmt.Sprint(port["name"]))
	})
}
