package kubernetes

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/kubernetes/kubetest"
)

// TestInsideTheCluster: a Slipway that runs in a pod has nothing but the service
// account of docs/kubernetes-role.yaml, and releases with that.
func TestInsideTheCluster(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	image, err := w.InsideImage(t.Context())
	switch {
	case errors.Is(err, kubetest.ErrMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	f := newFixture(t, w)
	target, err := json.Marshal(f.target)
	if err != nil {
		t.Fatal(err)
	}
	desired, err := json.Marshal(deployers.Desired{Generation: 7, Tracks: []deployers.Track{w.track(t, "good", "1.0.0", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	env := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "slipway-inside"},
		"spec": map[string]any{"serviceAccountName": "slipway", "restartPolicy": "Never", "terminationGracePeriodSeconds": int64(1), "containers": []any{
			map[string]any{"name": "slipway", "image": image.Reference, "env": []any{env("TARGET", string(target)), env("DESIRED", string(desired))}},
		}},
	}}
	pods := w.In(records, "v1", "Pod")
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	phase := ""
	deployertest.Eventually(t, 3*time.Minute, "the pod has come to its end", func() (bool, string) {
		u, err := pods.Get(t.Context(), "slipway-inside", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		phase, _, _ = unstructured.NestedString(u.Object, "status", "phase")
		text, _ := json.Marshal(u.Object["status"])
		return phase == "Succeeded" || phase == "Failed", string(text)
	})
	// Another process, outside, sees the very same target.
	o := f.until(t, "it is seen outside", func(o deployers.Observed) bool { return o.Converged })
	if phase != "Succeeded" || o.Generation != 7 || len(o.Tracks) != 1 || o.Tracks[0].Ready != 1 {
		t.Errorf("it ended %s: %+v", phase, o)
	}
	if err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 6}); !errors.Is(err, deployers.ErrStaleGeneration) {
		t.Errorf("what the pod accepted is no fence outside: %v", err)
	}
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || !strings.HasPrefix(a["version"], "1.0.0") {
		t.Errorf("%s answers %v, %v", o.Address, a, err)
	}
}
