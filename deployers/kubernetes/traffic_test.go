package kubernetes

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/deployers"
)

// TestSharesFollowReplicas: without a gateway the share is that of the replicas,
// and it is told as it is.
func TestSharesFollowReplicas(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	old, next := w.track(t, "good", "1.0.0", nil), w.track(t, "good", "1.1.0", nil)
	o := f.converged(t, 1, share(old, 95, 3), share(next, 5, 1))
	if o.Tracks[0].Weight != 75 || o.Tracks[1].Weight != 25 {
		t.Errorf("3 and 1 replicas share the traffic as %d and %d", o.Tracks[0].Weight, o.Tracks[1].Weight)
	}
	if !strings.Contains(o.Message, "1.1.0 gets 25 % of the traffic, not 5 %") {
		t.Errorf("it is not said: %q", o.Message)
	}
	exact := w.track(t, "good", "1.1.0", map[string]any{"shares": "exact"})
	err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 2, Tracks: []deployers.Track{
		share(w.track(t, "good", "1.0.0", map[string]any{"shares": "exact"}), 95, 3), share(exact, 5, 1)}})
	if err == nil || !deployers.IsTerminal(err) || !strings.Contains(err.Error(), "configure a gateway") {
		t.Errorf("an exact share that cannot be had: %v", err)
	}
}

// TestChangeByHandIsSeen, and undone only by the next Apply.
func TestChangeByHandIsSeen(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	release := w.track(t, "good", "1.0.0", nil)
	o := f.converged(t, 1, release)
	other := w.ImageOf("good", "1.3.0").Reference
	patch := `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"` + other + `"}]}}}}`
	name := trackObject(targetName(f.target), release.ID)
	_, err := w.In(namespace, "apps/v1", "Deployment").Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatal(err)
	}
	o = f.until(t, "the change is seen", func(o deployers.Observed) bool {
		return !o.Converged && len(o.Tracks) >= 2 && o.Tracks[0].Ready == 0 && o.Tracks[1].Ready == 1
	})
	if o.Tracks[1].Version != other || !strings.Contains(o.Message, "somebody changed the image") {
		t.Errorf("what runs is not told: %+v", o)
	}
	f.converged(t, 1, release)
}

func TestReasonsInPlainWords(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	quota := `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: limited}
value: 1
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: limited}
spec: {hard: {pods: "0"}, scopeSelector: {matchExpressions: [{operator: In, scopeName: PriorityClass, values: [limited]}]}}
`
	if err := w.Apply(t.Context(), namespace, quota); err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) map[string]any {
		text, _ := w.settings(nil)["manifests"].(string)
		return map[string]any{"manifests": strings.Replace(text, old, new, 1)}
	}
	for name, c := range map[string]struct {
		mode string
		more map[string]any
		want []string
	}{
		"image":    {"good", nil, []string{"version 1.0.0: 0 of 1 ready: its image slipway.test/nowhere:1 cannot be pulled"}},
		"schedule": {"good", with("name: app\n", "name: app\n          resources: {requests: {cpu: 1000}}\n"), []string{"no node has room for it", "Insufficient cpu"}},
		"quota":    {"good", with("    spec:\n      auto", "    spec:\n      priorityClassName: limited\n      auto"), []string{"the quota of the namespace is used up"}},
		"crash":    {"exits", nil, []string{"version 1.0.0", "exited with code 3", "it said last:", "the ledger is not there"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, w)
			f.target.Service = "reason-" + name
			release := w.track(t, c.mode, "1.0.0", c.more)
			if name == "image" {
				release.Artifacts = []deployers.Artifact{{Name: "app", Reference: "slipway.test/nowhere:1"}}
			}
			f.apply(t, 1, release)
			o := f.until(t, "a reason is given", func(o deployers.Observed) bool {
				return o.Failure != nil && strings.Contains(o.Failure.Reason, c.want[0])
			})
			for _, want := range c.want {
				if !strings.Contains(o.Failure.Reason, want) {
					t.Errorf("%q is missing in %q", want, o.Failure.Reason)
				}
			}
		})
	}
}

func TestPreviewIsADiff(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	release := w.track(t, "good", "1.0.0", nil)
	release.Secrets = map[string]deployers.Secret{"CANARY_TOKEN": deployers.NewSecret("do-not-tell")}
	preview := func(track deployers.Track) string {
		p, err := f.Preview(t.Context(), f.target, deployers.Desired{Generation: 2, Tracks: []deployers.Track{track}})
		if err != nil {
			t.Fatal(err)
		}
		return p.Text
	}
	text := preview(release)
	for _, want := range []string{"1.0.0 ×1 (100 %)", "--- Deployment", "is new", "+ kind: Deployment", "+ kind: Service", "hello from 1.0.0", "CANARY_TOKEN = ***"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	f.converged(t, 1, release)
	if text := preview(release); strings.Contains(text, "+ ") || strings.Contains(text, "- ") {
		t.Errorf("nothing would change, and the preview says\n%s", text)
	}
	if text := preview(share(release, 100, 3)); !strings.Contains(text, "-   replicas: 1\n+   replicas: 3") {
		t.Errorf("two replicas more, and the preview says\n%s", text)
	}
	text = preview(w.track(t, "good", "1.1.0", nil))
	for _, want := range []string{"1.1.0 ×1", "takes the place of", "-   GREETING: hello from 1.0.0", "+   GREETING: hello from 1.1.0",
		"image: " + imageOf(release.Artifacts[0]), "(version 1.0.0) is removed"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "readinessProbe") {
		t.Errorf("what stays the same is in the preview:\n%s", text)
	}
}
