package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

const theirSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ledger, labels: {team: payments}}
spec:
  replicas: 3
  serviceName: ledger
  selector: {matchLabels: {app: ledger}}
  template:
    metadata: {labels: {app: ledger}}
    spec:
      containers:
        - name: app
          image: IMAGE
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ledger}
spec: {selector: {app: ledger}, ports: [{port: 80, targetPort: 8080}]}
`

// TestStatefulSet is led by its partition: pod by pod, from the highest number.
func TestStatefulSet(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	if err := w.Apply(t.Context(), namespace, strings.Replace(theirSet, "IMAGE", w.ImageOf("good", "0.9.0").Reference, 1)); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, w)
	set := func() *unstructured.Unstructured {
		u, err := w.In(namespace, "apps/v1", "StatefulSet").Get(t.Context(), "ledger", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	deployertest.Eventually(t, 2*time.Minute, "the team's own pods are ready", func() (bool, string) {
		n, _, _ := unstructured.NestedInt64(set().Object, "status", "readyReplicas")
		return n == 3, fmt.Sprint(n)
	})
	more := map[string]any{"manifests": "", "workload": "ledger", "kind": "StatefulSet", "service": "ledger", "drain": "1s", "progressDeadline": "20s"}
	one, two := share(w.track(t, "good", "1.0.0", more), 100, 3), share(w.track(t, "good", "1.1.0", more), 100, 3)
	for _, wrong := range [][]deployers.Track{{share(one, 100, 3), share(two, 0, 3)}, {shown(one)}} {
		err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: wrong})
		if !deployers.IsTerminal(err) {
			t.Errorf("a StatefulSet has no way to do it: %v", err)
		}
	}
	f.converged(t, 1, one)
	o := f.converged(t, 2, share(one, 67, 3), share(two, 33, 1))
	if o.Tracks[0].Weight != 67 || o.Tracks[1].Weight != 33 || o.Tracks[0].Ready != 2 || o.Tracks[1].Ready != 1 {
		t.Errorf("one of three pods is new: %+v", o)
	}
	if n, _, _ := unstructured.NestedInt64(set().Object, "spec", "updateStrategy", "rollingUpdate", "partition"); n != 2 {
		t.Errorf("the partition is %d", n)
	}
	o = f.converged(t, 3, two)
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || a["version"] != "1.1.0" {
		t.Errorf("%s answers %v, %v", o.Address, a, err)
	}
	// One that never gets ready stops at its first pod, and is taken back.
	bad := share(w.track(t, "never-ready", "1.2.0", more), 100, 3)
	f.apply(t, 4, share(two, 67, 3), share(bad, 33, 1))
	o = f.until(t, "a reason is given", func(o deployers.Observed) bool { return o.Failure != nil && o.Failure.Terminal })
	if !strings.Contains(o.Failure.Reason, "version 1.2.0: 0 of 1 ready") || o.Tracks[0].Ready != 2 {
		t.Errorf("it is told as %+v: %+v", o.Failure, o)
	}
	f.converged(t, 5, two)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.Destroy(ctx, f.target); err != nil {
		t.Fatal(err)
	}
	if u := set(); replicasOf(u) != 3 || u.GetLabels()[labelTarget] != "" || u.GetLabels()["team"] != "payments" {
		t.Errorf("given back is %v", u.GetLabels())
	}
}
