// Package kubernetes_test releases to a real Kubernetes with the built binary:
// every strategy, and a canary whose portal is killed half-way.
package kubernetes_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/kubernetes/kubetest"
	"github.com/slipway-dev/slipway/e2e/portal"
)

const (
	records   = "slipway" // namespaces, as in docs/kubernetes-role.yaml
	namespace = "billing"
	goesOut   = 90 * time.Second
)

// world is a cluster, and a portal that may do there what the documented role
// allows.
type world struct {
	t          *testing.T
	cluster    *kubetest.Cluster
	portal     *portal.Portal
	binary     string
	kubeconfig string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cluster, err := kubetest.Start(ctx)
	ok(t, err)
	t.Cleanup(func() { ok(t, cluster.Close()) })
	w := &world{t: t, cluster: cluster}
	for _, name := range []string{records, namespace} {
		ok(t, cluster.Apply(ctx, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}"))
	}
	role, err := os.ReadFile("../../docs/kubernetes-role.yaml")
	ok(t, err)
	ok(t, cluster.Apply(ctx, "", string(role)))
	ok(t, cluster.RolloutsAPI(ctx))
	w.kubeconfig, err = cluster.ServiceAccount(ctx, records, "slipway")
	ok(t, err)
	w.binary, err = portal.Binary(t.TempDir())
	ok(t, err)
	w.start(filepath.Join(t.TempDir(), ".slipway"), "127.0.0.1:0")
	t.Cleanup(func() {
		w.portal.Kill()
		ok(t, w.portal.StopServices())
	})
	return w
}

func (w *world) start(dir, listen string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := portal.Start(ctx, w.binary, dir, listen, "KUBECONFIG="+w.kubeconfig)
	ok(w.t, err)
	w.portal = p
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const pipeline = `
apiVersion: slipway/v1
service: %[1]s
team: payments
stages:
  - environment: production
    deployer:
      name: kubernetes
      config:
        namespace: billing
        replicas: 2
        drain: 1s
        manifests: |
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: "${name}"}
          spec:
            template:
              spec:
                containers:
                  - name: app
                    image: ${image}
                    ports: [{containerPort: 8080}]
                    readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
          ---
          apiVersion: v1
          kind: Service
          metadata: {name: "${name}"}
          spec: {ports: [{port: 80, targetPort: 8080}]}
    strategy: %[2]s
    onFailure: rollback
`

type deployment struct {
	ID      int64
	State   string
	Active  bool
	Version string
	Message string
	Phases  []struct{ Name, State string }
}

func (w *world) service(name, strategy string) {
	w.t.Helper()
	w.portal.Must(w.t, http.MethodPut, "/api/v1/services/"+name, map[string]any{"team": "payments"}, nil)
	w.portal.Must(w.t, http.MethodPut, "/api/v1/services/"+name+"/pipeline", fmt.Sprintf(pipeline, name, strategy), nil)
}

func (w *world) release(service, mode, version string) {
	w.t.Helper()
	image := w.cluster.ImageOf(mode, version)
	w.portal.Must(w.t, http.MethodPost, "/api/v1/services/"+service+"/releases", map[string]any{"version": version, "reversible": true,
		"artifacts": []map[string]any{{"name": "app", "reference": image.Reference, "digest": image.Digest}}}, nil)
}

func (w *world) promote(service, version string) int64 {
	w.t.Helper()
	var d deployment
	w.portal.Must(w.t, http.MethodPost, "/api/v1/services/"+service+"/deployments", map[string]any{"environment": "production", "version": version}, &d)
	return d.ID
}

func (w *world) rollback(service string) int64 {
	w.t.Helper()
	var d deployment
	w.portal.Must(w.t, http.MethodPost, "/api/v1/services/"+service+"/environments/production/rollback", map[string]any{"reason": "a test"}, &d)
	return d.ID
}

// until waits until a deployment is as it is wanted.
func (w *world) until(id int64, so func(deployment) bool) (d deployment) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(goesOut); ; <-tick.C {
		d = deployment{}
		w.portal.Must(w.t, http.MethodGet, fmt.Sprintf("/api/v1/deployments/%d", id), nil, &d)
		if so(d) {
			return d
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("deployment %d is still %s after %s: %s %+v", id, d.State, goesOut, d.Message, d.Phases)
		}
	}
}

func (w *world) ends(id int64, as string) deployment {
	w.t.Helper()
	d := w.until(id, func(d deployment) bool { return !d.Active })
	if d.State != as {
		w.t.Fatalf("deployment %d of %s ended %s: %s", id, d.Version, d.State, d.Message)
	}
	return d
}

// runs asks the cluster itself, as its administrator, which images the pods of a
// service have.
func (w *world) runs(service, version string, replicas int) {
	w.t.Helper()
	found, err := w.cluster.Images(w.t.Context(), namespace, service)
	ok(w.t, err)
	digest := w.cluster.ImageOf("good", version).Digest
	for image, n := range found {
		if !strings.Contains(image, digest) || n != replicas || len(found) != 1 {
			w.t.Errorf("%s is to run %d of %s (%s), and runs %v", service, replicas, version, digest, found)
		}
	}
	if len(found) == 0 {
		w.t.Errorf("nothing of %s runs", service)
	}
}

// all starts something with each service and waits until it is there.
func (w *world) all(names []string, version string, start func(name string) int64) {
	w.t.Helper()
	ids := map[string]int64{}
	for _, name := range names {
		ids[name] = start(name)
	}
	for name, id := range ids {
		w.ends(id, "succeeded")
		w.runs(name, version, 2)
	}
}

// TestStrategies goes out, goes out anew, and goes back, by every strategy.
func TestStrategies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	strategies := map[string]string{
		"recreate": "{type: recreate}", "rolling": "{type: rolling}", "bluegreen": "{type: blueGreen}",
		"canary": "{type: canary, steps: [{weight: 50, bake: 2s}, {weight: 100}]}",
	}
	for name, strategy := range strategies {
		w.service(name, strategy)
		w.release(name, "good", "1.0.0")
		w.release(name, "good", "1.1.0")
	}
	names := slices.Collect(maps.Keys(strategies))
	w.all(names, "1.0.0", func(name string) int64 { return w.promote(name, "1.0.0") })

	// The portal dies in the middle of a canary, and nobody would know.
	id := w.promote("canary", "1.1.0")
	w.until(id, func(d deployment) bool { return len(d.Phases) == 1 && d.Phases[0].State == "baking" })
	w.portal.Kill()
	w.start(w.portal.Dir, w.portal.Listen())
	w.all(names, "1.1.0", func(name string) int64 {
		if name == "canary" {
			return id
		}
		return w.promote(name, "1.1.0")
	})
	w.all(names, "1.0.0", w.rollback)

	// What does not get ready goes back by itself.
	w.release("canary", "exits", "1.2.0")
	d := w.ends(w.promote("canary", "1.2.0"), "rolledBack")
	if !strings.Contains(d.Message, "the ledger is not there") {
		t.Errorf("it does not say why: %s", d.Message)
	}
	w.runs("canary", "1.0.0", 2)
	w.rollout()
}
