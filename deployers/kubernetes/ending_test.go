package kubernetes

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers"
)

// TestPreviewWarnsOfRefusedRequests, by what the cluster would make of the
// workload. What ends well is not warned of.
func TestPreviewWarnsOfRefusedRequests(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	base, _ := w.settings(nil)["manifests"].(string)
	proxy := strings.Replace(base, "          ports: [{containerPort: 8080}]\n", "", 1)
	proxy = strings.Replace(proxy, "      containers:\n", "      containers:\n        - name: proxy\n          image: ${image}\n          ports: [{containerPort: 8080}]\n", 1)
	probe := "          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}\n"
	for name, c := range map[string]struct {
		more map[string]any
		want []string
	}{
		"all is well": {nil, nil},
		"no drain":    {map[string]any{"drain": "0s"}, []string{"container app has no preStop", "set drain to some seconds"}},
		"its own":     {map[string]any{"drain": "0s", "manifests": strings.Replace(base, "- name: app\n", "- name: app\n          lifecycle: {preStop: {sleep: {seconds: 3}}}\n", 1)}, nil},
		"no probe":    {map[string]any{"manifests": strings.Replace(base, probe, "", 1)}, []string{"container app has no readinessProbe"}},
		"no service":  {map[string]any{"drain": "0s", "manifests": base[:strings.LastIndex(base, "---")]}, nil},
		"before it": {map[string]any{"container": "app", "manifests": proxy}, []string{
			"container proxy has no preStop", "give it a preStop that sleeps", "container proxy has no readinessProbe"}},
	} {
		p, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: []deployers.Track{w.track(t, "good", "1.0.0", c.more)}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (len(c.want) == 0) == strings.Contains(p.Text, "Warning") {
			t.Errorf("%s: the preview says\n%s", name, p.Text)
		}
		for _, want := range c.want {
			if !strings.Contains(p.Text, want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, p.Text)
			}
		}
	}
}

// TestAnOlderRole does not allow to see where Services lead: it is said, and
// releases go on as they did.
func TestAnOlderRole(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	role, err := os.ReadFile("../../docs/kubernetes-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	older := strings.NewReplacer("name: slipway, namespace: slipway", "name: older, namespace: slipway", "slipway-", "older-",
		"endpointslices", "none-of-them").Replace(string(role))
	if err := w.Apply(t.Context(), "", older); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := w.ServiceAccount(t.Context(), records, "older")
	if err != nil {
		t.Fatal(err)
	}
	f.Deployer = New(Options{Kubeconfig: kubeconfig, Namespace: records})
	t.Cleanup(func() { closeDeployer(t, f.Deployer) })
	old, next := w.track(t, "good", "1.0.0", nil), w.track(t, "good", "1.1.0", nil)
	p, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 1, Tracks: []deployers.Track{old}})
	if err != nil {
		t.Fatal(err)
	}
	f.converged(t, 1, old)
	f.converged(t, 2, next)
	if again, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 3, Tracks: []deployers.Track{old}}); err != nil || !strings.Contains(again.Text, "does not let it read EndpointSlices") {
		t.Errorf("the preview says %v\n%s\nand at first\n%s", err, again.Text, p.Text)
	}
}
