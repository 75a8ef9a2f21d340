package kubernetes

import (
	"cmp"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds of workloads.
const (
	kindDeployment  = "Deployment"
	kindRollout     = "Rollout" // of Argo
	kindStatefulSet = "StatefulSet"
)

func workloadResource(kind string) schema.GroupVersionResource {
	switch kind {
	case kindRollout:
		return rolloutsResource()
	case kindStatefulSet:
		return statefulSetsResource()
	}
	return deploymentsResource()
}

// hostsAll reports whether one workload of a kind hosts all the tracks of a
// target, led from one to the next by its own controller. A Deployment hosts one.
func hostsAll(kind string) bool { return kind == kindRollout || kind == kindStatefulSet }

func (s *snapshot) kind() string { return cmp.Or(s.record.Kind, kindDeployment) }
