package kubernetes

import (
	"fmt"
	"slices"
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
metadata: {name: NAME}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
        - name: app
          image: IMAGE
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
`

const theirService = `
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{port: 80, targetPort: 8080}]}
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
	for _, c := range []struct {
		kind, name, apiVersion, manifest, service string
		replicas                                  int
	}{
		{"Deployment", "attic", "apps/v1", theirDeployment, "", 3},
		{"Deployment", "porch", "apps/v1", theirDeployment + theirService, "porch", 3},
		{"StatefulSet", "loft", "apps/v1", orderedSet, "", 2}, // with a third one, that would fail, and no other be replaced
		{"Rollout", "cellar", "argoproj.io/v1alpha1", strings.NewReplacer("STRATEGY", twoPauses, "replicas: 4", "replicas: 2").Replace(theirs), "", 3},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			t.Parallel()
			original := w.ImageOf("good", "0.9.0").Reference
			if err := w.Apply(t.Context(), namespace, strings.NewReplacer("IMAGE", original, "NAME", c.name).Replace(c.manifest)); err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, w)
			f.target.Service = "first-" + c.name
			live := func() *unstructured.Unstructured {
				u, err := w.In(namespace, c.apiVersion, c.kind).Get(t.Context(), c.name, metav1.GetOptions{})
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
			before := w.podsNamed(t, c.name+"-")
			bad := share(w.track(t, "never-ready", "1.0.0", map[string]any{"manifests": "", "workload": c.name, "kind": c.kind, "service": c.service, "replicas": c.replicas}), 100, c.replicas)
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
			if after := w.podsNamed(t, c.name+"-"); c.service != "" && !slices.Equal(before, after) {
				t.Errorf("it began beside %v, and they are %v now", before, after)
			}
		})
	}
}

// podsNamed are the pods of a workload that are not on their way out.
func (w *world) podsNamed(t *testing.T, name string) []string {
	t.Helper()
	pods, err := w.In(namespace, "v1", "Pod").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pods.Items {
		if strings.HasPrefix(p.GetName(), name) && p.GetDeletionTimestamp() == nil {
			names = append(names, p.GetName())
		}
	}
	slices.Sort(names)
	return names
}
