package kubernetes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

const theirDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: attic}
spec:
  replicas: 2
  selector: {matchLabels: {app: attic}}
  template:
    metadata: {labels: {app: attic}}
    spec:
      containers:
        - name: app
          image: IMAGE
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
`

// orderedSet replaces one pod at a time, and waits for each to get ready.
const orderedSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: loft}
spec:
  replicas: 2
  serviceName: loft
  podManagementPolicy: OrderedReady
  selector: {matchLabels: {app: loft}}
  template:
    metadata: {labels: {app: loft}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: app
          image: IMAGE
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
`

// TestAFirstReleaseThatFails leaves the team with what it had.
func TestAFirstReleaseThatFails(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	for kind, c := range map[string]struct{ name, apiVersion, manifest string }{
		"Deployment":  {"attic", "apps/v1", theirDeployment},
		"StatefulSet": {"loft", "apps/v1", orderedSet},
		"Rollout":     {"cellar", "argoproj.io/v1alpha1", strings.NewReplacer("NAME", "cellar", "STRATEGY", twoPauses, "replicas: 4", "replicas: 2").Replace(theirs)},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			original := w.ImageOf("good", "0.9.0").Reference
			if err := w.Apply(t.Context(), namespace, strings.Replace(c.manifest, "IMAGE", original, 1)); err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, w)
			f.target.Service = "first-" + c.name
			live := func() *unstructured.Unstructured {
				u, err := w.In(namespace, c.apiVersion, kind).Get(t.Context(), c.name, metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return u
			}
			theirPods := func() (bool, string) {
				found, err := w.Images(t.Context(), namespace, c.name+"-")
				return err == nil && len(found) == 1 && found[original] == 2, fmt.Sprint(found, err)
			}
			deployertest.Eventually(t, time.Minute, "the team's own pods run", theirPods)
			bad := share(w.track(t, "never-ready", "1.0.0", map[string]any{"manifests": "", "workload": c.name, "kind": kind, "replicas": 3}), 100, 3)
			f.apply(t, 1, bad)
			f.until(t, "it is on its way", func(o deployers.Observed) bool { return len(o.Tracks) > 0 && o.Tracks[0].Message != "" })
			deployertest.Eventually(t, time.Minute, "a pod of it is there", func() (bool, string) {
				names, err := w.instances(t.Context(), f.target)
				return len(names) > 0, fmt.Sprint(names, err)
			})
			if err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 2, Back: true}); err != nil {
				t.Fatal(err)
			}
			f.until(t, "the way back has come to its end", func(o deployers.Observed) bool { return o.Converged && o.Generation == 2 })
			deployertest.Eventually(t, time.Minute, "the team's own pods run, and no others", theirPods)
			if u := live(); imagesOf(u)["app"] != original || replicasOf(u) != 2 || trackIn(u) != "" {
				t.Errorf("given back are %d replicas of %v", replicasOf(u), imagesOf(u))
			}
		})
	}
}
