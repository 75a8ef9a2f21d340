package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// theirs is a Rollout that a team has made, with the Service of its traffic. It
// has a preStop of its own, as one has whose team knows what a roll-out does.
const theirs = `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: NAME, labels: {team: payments}}
spec:
  replicas: 4
  strategy: STRATEGY
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: IMAGE
          env: [{name: GREETING, value: from the team}]
          ports: [{containerPort: 8080}]
          lifecycle: {preStop: {sleep: {seconds: 4}}}
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{port: 80, targetPort: 8080}]}
`

const twoPauses = "{canary: {steps: [{setWeight: 25}, {pause: {}}, {setWeight: 50}, {pause: {}}]}}"

// rollout is a target that adopts a Rollout of that name.
type rollout struct {
	*fixture
	name string
}

func newRollout(t *testing.T, name, strategy string) *rollout {
	t.Helper()
	w := needCluster(t)
	text := strings.NewReplacer("NAME", name, "STRATEGY", strategy, "IMAGE", w.ImageOf("good", "0.9.0").Reference).Replace(theirs)
	if err := w.Apply(t.Context(), namespace, text); err != nil {
		t.Fatal(err)
	}
	r := &rollout{fixture: newFixture(t, w), name: name}
	deployertest.Eventually(t, 2*time.Minute, "the team's own version is healthy", func() (bool, string) {
		v := viewOf(r.object(t))
		return v.phase == "Healthy", fmt.Sprintf("%+v", v)
	})
	return r
}

func (r *rollout) object(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	u, err := r.In(namespace, "argoproj.io/v1alpha1", "Rollout").Get(t.Context(), r.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (r *rollout) release(t *testing.T, version string) deployers.Track {
	t.Helper()
	return share(r.track(t, "good", version, map[string]any{
		"manifests": "", "workload": r.name, "kind": "Rollout", "service": r.name, "replicas": 4, "drain": "4s",
	}), 100, 4)
}

// back is a way back, which is quick.
func (r *rollout) back(t *testing.T, generation int64, track deployers.Track) deployers.Observed {
	t.Helper()
	if err := r.Deployer.Apply(t.Context(), r.target, deployers.Desired{Generation: generation, Tracks: []deployers.Track{track}, Back: true}); err != nil {
		t.Fatal(err)
	}
	return r.until(t, "the way back has come to its end", func(o deployers.Observed) bool { return o.Converged && o.Generation == generation })
}

// byHand is what somebody does with Argo's own tool.
func (r *rollout) byHand(t *testing.T, patch string, parts ...string) {
	t.Helper()
	_, err := r.In(namespace, "argoproj.io/v1alpha1", "Rollout").Patch(t.Context(), r.name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "kubectl-argo-rollouts"}, parts...)
	if err != nil {
		t.Fatal(err)
	}
}

// shares checks what two releases get of the traffic, and how many replicas.
func shares(t *testing.T, o deployers.Observed, old, next int) {
	t.Helper()
	if len(o.Tracks) < 2 || o.Tracks[0].Weight != old || o.Tracks[1].Weight != next || o.Tracks[0].Ready == 0 || o.Tracks[1].Ready == 0 {
		t.Errorf("wanted shares of %d and %d, observed %+v", old, next, o)
	}
}

// TestRolloutCanary is led from pause to pause by desired states, under load and
// across a restart, and back again in all ways that there are.
func TestRolloutCanary(t *testing.T) {
	t.Parallel()
	r := newRollout(t, "till", twoPauses)
	one, two := r.release(t, "1.0.0"), r.release(t, "1.1.0")
	o := r.converged(t, 1, one)
	if v := viewOf(r.object(t)); v.inFlight() || r.object(t).GetLabels()["team"] != "payments" {
		t.Errorf("the first release is not through: %+v", v)
	}
	l := startLoad(r.world, o.Address)
	o = r.converged(t, 2, share(one, 75, 4), share(two, 25, 1))
	shares(t, o, 75, 25)
	if v := viewOf(r.object(t)); !v.waits || v.step != 1 {
		t.Errorf("the Rollout waits at 25 %%: %+v", v)
	}
	closeDeployer(t, r.Deployer)
	r.Deployer = r.deployer(t, nil)
	o = r.converged(t, 3, share(one, 50, 4), share(two, 50, 2))
	shares(t, o, 50, 50)
	r.converged(t, 4, two)
	r.until(t, "the old release has ended", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })

	// Back from the middle: what is stable gets all traffic, and the Rollout ends healthy.
	three := r.release(t, "1.2.0")
	r.converged(t, 5, share(two, 75, 4), share(three, 25, 1))
	r.back(t, 6, two)
	if u := r.object(t); viewOf(u).phase != "Healthy" || imagesOf(u)["app"] != imageOf(two.Artifacts[0]) {
		t.Errorf("back is %+v with %v", viewOf(u), imagesOf(u))
	}
	// Back from the end, past all pauses.
	r.back(t, 7, one)
	if v := viewOf(r.object(t)); v.phase != "Healthy" || v.inFlight() {
		t.Errorf("back at the first: %+v", v)
	}
	r.until(t, "the newer release has ended", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
	l.end(t)
	if l.version["1.0.0"] == 0 || l.version["1.1.0"] == 0 || l.version["1.2.0"] == 0 {
		t.Errorf("three releases answer: %v", l.version)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.Destroy(ctx, r.target); err != nil {
		t.Fatal(err)
	}
	if u := r.object(t); replicasOf(u) != 4 || u.GetLabels()[labelTarget] != "" || u.GetDeletionTimestamp() != nil {
		t.Errorf("given back is %v", u.GetLabels())
	}
}

// TestRolloutByHand: what others do with Argo's own tool is seen and told.
func TestRolloutByHand(t *testing.T) {
	t.Parallel()
	r := newRollout(t, "desk", twoPauses)
	one, two := r.release(t, "1.0.0"), r.release(t, "1.1.0")
	r.converged(t, 1, one)
	r.converged(t, 2, share(one, 75, 4), share(two, 25, 1))
	r.byHand(t, `{"status":{"abort":true}}`, "status")
	o := r.until(t, "the abort is seen", func(o deployers.Observed) bool { return o.Failure != nil && o.Failure.Terminal })
	if !strings.Contains(o.Failure.Reason, "version 1.1.0: the Rollout desk was aborted") || o.Converged {
		t.Errorf("an abort is told as %+v", o.Failure)
	}
	// The same again under a new generation is another try.
	r.converged(t, 3, share(one, 75, 4), share(two, 25, 1))
	r.byHand(t, `{"status":{"pauseConditions":null}}`, "status")
	o = r.until(t, "the promotion is seen", func(o deployers.Observed) bool { return o.Failure != nil && !o.Converged })
	if o.Failure.Terminal || !strings.Contains(o.Failure.Reason, "somebody has promoted the Rollout desk past 25 %") {
		t.Errorf("a promotion is told as %+v", o.Failure)
	}
	r.converged(t, 4, share(one, 50, 4), share(two, 50, 2)) // where it is by now
	r.byHand(t, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"`+r.ImageOf("good", "1.3.0").Reference+`","lifecycle":{"preStop":{"sleep":{"seconds":4}}}}]}}}}`)
	o = r.until(t, "the drift is seen", func(o deployers.Observed) bool {
		return !o.Converged && strings.Contains(o.Message, "somebody changed the image")
	})
	if !strings.Contains(o.Message, "1.3.0") {
		t.Errorf("what runs is not told: %s", o.Message)
	}
	r.back(t, 5, one)
}

// TestRolloutThatFails says why, and can be taken back.
func TestRolloutThatFails(t *testing.T) {
	t.Parallel()
	r := newRollout(t, "scale", twoPauses)
	one := r.release(t, "1.0.0")
	r.converged(t, 1, one)
	bad := r.release(t, "1.1.0")
	bad.Artifacts = r.track(t, "exits", "1.1.0", nil).Artifacts
	r.apply(t, 2, share(one, 75, 4), share(bad, 25, 1))
	o := r.until(t, "a reason is given", func(o deployers.Observed) bool {
		return o.Failure != nil && strings.Contains(o.Failure.Reason, "it said last")
	})
	for _, want := range []string{"version 1.1.0", "exited with code 3", "the ledger is not there"} {
		if !strings.Contains(o.Failure.Reason, want) {
			t.Errorf("%q is missing in %q", want, o.Failure.Reason)
		}
	}
	o = r.back(t, 3, one)
	if o.Failure != nil || o.Tracks[0].Ready != 4 {
		t.Errorf("back is %+v", o)
	}
}

// TestRolloutThatDoesNotFit is refused before anything happens.
func TestRolloutThatDoesNotFit(t *testing.T) {
	t.Parallel()
	r := newRollout(t, "shelf", twoPauses)
	one, two := r.release(t, "1.0.0"), r.release(t, "1.1.0")
	first := []deployers.Desired{{Generation: 1, Tracks: []deployers.Track{one}}}
	if err := r.CheckWay(t.Context(), r.target, first); err != nil {
		t.Errorf("the first release: %v", err)
	}
	if p, err := r.Preview(t.Context(), r.target, first[0]); err != nil || !strings.Contains(p.Text, "waits for a promotion at 25 %, 50 %. This first release is promoted past each of them") {
		t.Errorf("the preview says %q, %v", p.Text, err)
	}
	r.converged(t, 1, one)
	way := func(weights ...int) (way []deployers.Desired) {
		for _, w := range weights {
			way = append(way, deployers.Desired{Generation: 2, Tracks: []deployers.Track{share(one, 100-w, 4), share(two, w, 1)}})
		}
		return append(way, deployers.Desired{Generation: 3, Tracks: []deployers.Track{two}})
	}
	if err := r.CheckWay(t.Context(), r.target, way(25, 50)); err != nil {
		t.Errorf("its own steps: %v", err)
	}
	for _, wrong := range [][]deployers.Desired{way(10), way(25), way()} {
		err := r.CheckWay(t.Context(), r.target, wrong)
		if !deployers.IsTerminal(err) || !strings.Contains(err.Error(), "the strategy of the stage and that of the Rollout do not fit") && !strings.Contains(err.Error(), "the Rollout does not wait there") {
			t.Errorf("refused in words: %v", err)
		}
	}
	before := r.object(t)
	err := r.Deployer.Apply(t.Context(), r.target, deployers.Desired{Generation: 2, Tracks: []deployers.Track{share(one, 90, 4), share(two, 10, 1)}})
	if !deployers.IsTerminal(err) || !strings.Contains(err.Error(), "does not wait there") {
		t.Errorf("accepted all the same: %v", err)
	}
	if after := r.object(t); after.GetGeneration() != before.GetGeneration() {
		t.Errorf("what was refused has changed the Rollout")
	}
}

// TestOldProcessDoesNotPromote: who was overtaken neither writes nor promotes.
func TestOldProcessDoesNotPromote(t *testing.T) {
	t.Parallel()
	r := newRollout(t, "fence", twoPauses)
	one, two := r.release(t, "1.0.0"), r.release(t, "1.1.0")
	r.converged(t, 1, one)
	r.converged(t, 2, share(one, 75, 4), share(two, 25, 1))
	paused := r.deployer(t, nil)
	old, err := paused.readRecord(t.Context(), r.target)
	if err != nil {
		t.Fatal(err)
	}
	old.Generation, old.Tracks = 3, old.Tracks[1:] // it was about to promote it
	s, err := paused.look(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	r.back(t, 4, one)
	if err := s.drive(t.Context()); !apierrors.IsConflict(err) {
		t.Errorf("an old process wrote: %v", err)
	}
	if err := s.tell(t.Context(), s.home(), map[string]any{"pauseConditions": nil}); !apierrors.IsConflict(err) {
		t.Errorf("an old process promoted: %v", err)
	}
	if o := r.converged(t, 4, one); o.Tracks[0].Version != "1.0.0" {
		t.Errorf("observed %+v", o)
	}
}
