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

// TestTrafficGoesByEndpoints: while the cluster's own controller is behind, so
// that proxies are told of no change, a Service is not switched to pods that it
// does not know, and what it leads to is not ended. No request is lost.
func TestTrafficGoesByEndpoints(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	for name, c := range map[string]struct{ behind, note, serves string }{
		"before the switch": {"startsWith('%s')", "1.1.0 gets the traffic once the cluster leads a Service to it", "1.0.0"},
		"after the switch":  {"matches('^%s$')", "still leads to 1 that are to get no more requests", "1.1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, w)
			f.target.Service = strings.ReplaceAll(name, " ", "-")
			old := w.track(t, "good", "1.0.0", nil)
			o := f.converged(t, 1, old)
			l := startLoad(w, o.Address)
			catchUp := f.fallBehind(t, c.behind)
			f.apply(t, 2, w.track(t, "good", "1.1.0", nil))
			o = f.until(t, "what it waits for is told, or it did not wait", func(o deployers.Observed) bool {
				return strings.Contains(o.Message, c.note) || o.Converged && o.Generation == 2
			})
			u, err := w.In(namespace, "v1", "Service").Get(t.Context(), targetName(f.target), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			left, err := w.In(namespace, "apps/v1", "Deployment").Get(t.Context(), trackObject(targetName(f.target), old.ID), metav1.GetOptions{})
			if selectorOf(u)[labelTrack] != trackHash(c.serves+"-good") || err != nil || left.GetDeletionTimestamp() != nil {
				t.Errorf("the Service selects %v, and 1.0.0 is ended: %v; it says %q", selectorOf(u), err, o.Message)
			}
			catchUp()
			f.until(t, "generation 2 converged", func(o deployers.Observed) bool { return o.Converged && o.Generation == 2 })
			f.until(t, "the old release ended", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
			l.end(t)
			if _, err := w.In(namespace, "v1", "Service").Get(t.Context(), f.nextService(), metav1.GetOptions{}); err == nil {
				t.Errorf("the Service %s is left", f.nextService())
			}
		})
	}
}

func (f *fixture) nextService() string {
	return (&snapshot{record: &record{Target: f.target}}).nextName()
}

// fallBehind has the cluster refuse its controller to write the EndpointSlices of
// Services whose names are such, until what it returns is called.
func (f *fixture) fallBehind(t *testing.T, such string) (catchUp func()) {
	t.Helper()
	name := targetName(f.target)
	policy := strings.NewReplacer("NAMESPACE", namespace, "NAME", name, "SUCH", fmt.Sprintf(such, name)).Replace(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  failurePolicy: Ignore
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
    resourceRules: [{apiGroups: [discovery.k8s.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [endpointslices]}]
  validations: [{expression: "!object.metadata.labels['kubernetes.io/service-name'].SUCH"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec: {policyName: NAME, validationActions: [Deny]}
`)
	if err := f.Cluster.Apply(t.Context(), "", policy); err != nil {
		t.Fatal(err)
	}
	slice := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": []any{},
		"metadata": map[string]any{"name": "may-i-" + name, "labels": map[string]any{labelServiceName: name}},
	}}
	deployertest.Eventually(t, time.Minute, "the controller may not write", func() (bool, string) {
		_, err := f.In(namespace, "discovery.k8s.io/v1", "EndpointSlice").Create(t.Context(), slice, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), name), fmt.Sprint(err)
	})
	return func() {
		for _, kind := range []string{"ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"} {
			if err := f.In("", "admissionregistration.k8s.io/v1", kind).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
	}
}
