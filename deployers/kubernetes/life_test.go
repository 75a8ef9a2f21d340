package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// TestOldProcessIsFenced: a process that has looked, and is overtaken before it
// writes, changes nothing.
func TestOldProcessIsFenced(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	release := w.track(t, "good", "1.0.0", nil)
	f.converged(t, 1, release)

	paused := w.deployer(t, nil)
	r, err := paused.readRecord(t.Context(), f.target)
	if err != nil {
		t.Fatal(err)
	}
	r.Generation, r.Tracks[0].Replicas = 2, 3 // it was about to make generation 2 true
	s, err := paused.look(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	f.converged(t, 3, release)
	if err := s.start(t.Context()); !apierrors.IsConflict(err) {
		t.Errorf("an old process wrote: %v", err)
	}
	if err := paused.writeRecord(t.Context(), r); !errors.Is(err, errOvertaken) {
		t.Errorf("an old process wrote the record: %v", err)
	}
	if o := f.converged(t, 3, release); o.Tracks[0].Wanted != 1 || o.Tracks[0].Ready != 1 {
		t.Errorf("observed %+v", o)
	}
}

// TestSecretsComeAndGo with the track that needs them.
func TestSecretsComeAndGo(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	release := w.track(t, "good", "1.0.0", nil)
	release.Secrets = map[string]deployers.Secret{"CANARY_TOKEN": deployers.NewSecret("twelve bytes")}
	o := f.converged(t, 1, release)
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || a["token"] != "12 bytes" || a["greeting"] != "hello from 1.0.0" {
		t.Errorf("the application sees %v, %v", a, err)
	}
	f.converged(t, 2, w.track(t, "good", "1.1.0", nil))
	deployertest.Eventually(t, time.Minute, "what belonged to 1.0.0 is removed", func() (bool, string) {
		_, errSecret := w.In(namespace, "v1", "Secret").Get(t.Context(), secretName(f.target, release.ID), metav1.GetOptions{})
		_, errMap := w.In(namespace, "v1", "ConfigMap").Get(t.Context(), trackObject(targetName(f.target), release.ID), metav1.GetOptions{})
		_, _ = f.Observe(t.Context(), f.target)
		return apierrors.IsNotFound(errSecret) && apierrors.IsNotFound(errMap), fmt.Sprint(errSecret, errMap)
	})
}

func TestLogsFollowACursor(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	f.converged(t, 1, share(w.track(t, "good", "1.0.0", nil), 100, 2))
	var all []deployers.LogLine
	cursor := ""
	for range 3 {
		lines, next, err := f.Logs(t.Context(), f.target, cursor, 1)
		if err != nil {
			t.Fatal(err)
		}
		all, cursor = append(all, lines...), next
	}
	if len(all) != 2 || all[0].Text != "version 1.0.0 starts" || all[0].Source == all[1].Source || all[0].At.IsZero() {
		t.Errorf("two replicas say one line each, read as %+v", all)
	}
}

// TestTheRoleIsEnough: all tests run with it, so what is left to see is that it
// is not more than it says.
func TestTheRoleIsNotMore(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	c, err := w.deployer(t, nil).cluster("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.in(secretsResource(), namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may list Secrets: %v", err)
	}
	if _, err := c.in(deploymentsResource(), "default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may look into other namespaces: %v", err)
	}
}

func TestAdoption(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	existing := strings.NewReplacer("IMAGE", w.ImageOf("good", "0.9.0").Reference).Replace(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {team: payments}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: app
          image: IMAGE
          env: [{name: GREETING, value: from the team}]
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
`)
	if err := w.Apply(t.Context(), namespace, existing); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, w)
	// On a busy machine it takes seconds until all proxies know that a pod has gone.
	more := map[string]any{"manifests": "", "workload": "shop", "service": "shop", "replicas": 2, "drain": "9s"}
	one, two := share(w.track(t, "good", "1.0.0", more), 100, 2), share(w.track(t, "good", "1.1.0", more), 100, 2)
	service := f.live(t, "v1", "Service")
	deployertest.Eventually(t, time.Minute, "the team's own version answers", func() (bool, string) {
		a, err := w.ask(t.Context(), address(service), nil)
		return a["version"] == "0.9.0", fmt.Sprint(a, err)
	})
	p, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: []deployers.Track{one}})
	if err != nil || !strings.Contains(p.Text, "takes the traffic of Service shop and comes home after 9s") || !strings.Contains(p.Text, "--- Deployment shop changes") {
		t.Errorf("people read %s, %v", p.Text, err)
	}
	// The team's own pods have no preStop and end at once on SIGTERM, in the middle
	// of a request: they get none any more by then.
	l := startLoad(w, address(service))
	o := f.converged(t, 1, one)
	f.until(t, "the team's own version has ended", func(deployers.Observed) bool {
		found, err := w.Images(t.Context(), namespace, "shop-")
		return err == nil && len(found) == 1 && found[imageOf(one.Artifacts[0])] == 2
	})
	if o.Address != address(service) {
		t.Errorf("the Service has another address now: %s, not %s", o.Address, address(service))
	}
	// Blue/green beside it, then home, where the cluster rolls it out.
	o = f.converged(t, 2, one, shown(share(two, 0, 2)))
	if a, err := w.ask(t.Context(), o.Preview, nil); err != nil || a["version"] != "1.1.0" || a["greeting"] != "from the team" {
		t.Errorf("the preview shows %v, %v", a, err)
	}
	f.converged(t, 3, share(one, 0, 2), two)
	f.converged(t, 4, two)
	// A plain roll-out in place.
	f.converged(t, 5, one)
	f.until(t, "only the newest is left", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
	home := f.live(t, "apps/v1", "Deployment")
	if home.GetLabels()["team"] != "payments" || imagesOf(home)["app"] != imageOf(one.Artifacts[0]) {
		t.Errorf("at home is %v with %v", imagesOf(home), home.GetLabels())
	}
	// Back to before the first release.
	if err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 6, Back: true}); err != nil {
		t.Fatal(err)
	}
	f.until(t, "the team's own version is back", func(o deployers.Observed) bool { return o.Converged && o.Generation == 6 })
	l.end(t)
	if a, err := w.ask(t.Context(), address(service), nil); err != nil || a["version"] != "0.9.0" {
		t.Errorf("the team's Service shows %v, %v", a, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.Destroy(ctx, f.target); err != nil {
		t.Fatal(err)
	}
	home, service = f.live(t, "apps/v1", "Deployment"), f.live(t, "v1", "Service")
	if replicasOf(home) != 2 || home.GetLabels()[labelTarget] != "" || len(selectorOf(service)) != 1 {
		t.Errorf("given back is %v, the Service selects %v", home.GetLabels(), selectorOf(service))
	}
}

// live reads the team's own object.
func (f *fixture) live(t *testing.T, apiVersion, kind string) *unstructured.Unstructured {
	t.Helper()
	u, err := f.In(namespace, apiVersion, kind).Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}
