package kubernetes_test

import (
	"fmt"
	"net/http"
	"strings"
)

const rolloutOfATeam = `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: turnstile}
spec:
  replicas: 2
  strategy: {canary: {steps: [{setWeight: 50}, {pause: {}}]}}
  selector: {matchLabels: {app: turnstile}}
  template:
    metadata: {labels: {app: turnstile}}
    spec:
      containers:
        - name: app
          image: IMAGE
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
`

const rolloutPipeline = `
apiVersion: slipway/v1
service: turnstile
team: payments
stages:
  - environment: production
    deployer:
      name: kubernetes
      config: {namespace: billing, workload: turnstile, kind: Rollout, replicas: 2, drain: 1s}
    strategy: %s
    onFailure: rollback
`

// turnstile is its pipeline with a strategy, or a canary of so many percent.
func turnstile(strategy any) string {
	if weight, ok := strategy.(int); ok {
		strategy = fmt.Sprintf("{type: canary, steps: [{weight: %d, bake: 2s}, {weight: 100}]}", weight)
	}
	return fmt.Sprintf(rolloutPipeline, strategy)
}

func (w *world) rolloutIs() (phase string, step int64) {
	w.t.Helper()
	phase, step, err := w.cluster.RolloutStatus(w.t.Context(), namespace, "turnstile")
	ok(w.t, err)
	return phase, step
}

// rollout is a canary of a team's own Rollout: refused where the strategies do
// not fit, led from pause to pause where they do, over the death of the portal
// in the middle; a bad one goes back by itself.
func (w *world) rollout() {
	w.t.Helper()
	ok(w.t, w.cluster.Apply(w.t.Context(), namespace, strings.Replace(rolloutOfATeam, "IMAGE", w.cluster.ImageOf("good", "0.9.0").Reference, 1)))
	w.portal.Must(w.t, http.MethodPut, "/api/v1/services/turnstile", map[string]any{"team": "payments"}, nil)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		w.release("turnstile", "good", version)
	}
	// Before anything is live, what does not fit is a warning.
	const file, noStop = "/api/v1/services/turnstile/pipeline", "is to get 10 % of the traffic, but the Rollout does not wait there: it is a canary that waits for a promotion at 50 %"
	var applied struct{ Warnings []string }
	w.portal.Must(w.t, http.MethodPut, file, turnstile(10), &applied)
	if len(applied.Warnings) != 1 || !strings.Contains(applied.Warnings[0], noStop) {
		w.t.Errorf("it warns of %q", applied.Warnings)
	}
	w.ends(w.promote("turnstile", "1.0.0"), "succeeded")
	w.runs("turnstile", "1.0.0", 2)
	// From then on it is refused.
	for strategy, why := range map[any]string{
		"{type: blueGreen}": "version next is to get 0 % of the traffic, but the Rollout does not wait there: it is a canary that waits for a promotion at 50 %",
		20:                  "version next is to get 20 % of the traffic, but the Rollout does not wait there",
	} {
		status, answer, err := w.portal.Call(w.t.Context(), w.portal.Token, http.MethodPut, file, turnstile(strategy))
		ok(w.t, err)
		if status != http.StatusUnprocessableEntity || !strings.Contains(string(answer), why) || !strings.Contains(string(answer), "stages[0].strategy") {
			w.t.Errorf("%v: %d %s", strategy, status, answer)
		}
	}
	status, answer := w.refused("turnstile", "1.1.0")
	if want := "version 1.1.0 is to get 10 % of the traffic, but the Rollout does not wait there"; status != http.StatusConflict || !strings.Contains(answer, want) {
		w.t.Errorf("refused with %d: %s", status, answer)
	}

	w.portal.Must(w.t, http.MethodPut, file, turnstile(50), nil)
	id := w.promote("turnstile", "1.1.0")
	w.until(id, func(d deployment) bool { return len(d.Phases) == 1 && d.Phases[0].State == "baking" })
	if phase, step := w.rolloutIs(); phase != "Paused" || step != 1 {
		w.t.Errorf("the Rollout is %s at step %d, not at its pause", phase, step)
	}
	w.portal.Kill()
	w.start(w.portal.Dir, w.portal.Listen())
	w.ends(id, "succeeded")
	w.runs("turnstile", "1.1.0", 2)

	w.release("turnstile", "exits", "1.2.0")
	d := w.ends(w.promote("turnstile", "1.2.0"), "rolledBack")
	if !strings.Contains(d.Message, "the ledger is not there") {
		w.t.Errorf("it does not say why: %s", d.Message)
	}
	w.runs("turnstile", "1.1.0", 2)
	w.ends(w.rollback("turnstile"), "succeeded")
	w.runs("turnstile", "1.0.0", 2)
	if phase, _ := w.rolloutIs(); phase != "Healthy" {
		w.t.Errorf("the Rollout is %s in the end", phase)
	}
}

// refused asks for a promotion that is not to be had.
func (w *world) refused(service, version string) (status int, answer string) {
	w.t.Helper()
	status, text, err := w.portal.Call(w.t.Context(), w.portal.Token, http.MethodPost, "/api/v1/services/"+service+"/deployments",
		map[string]any{"environment": "production", "version": version})
	ok(w.t, err)
	return status, string(text)
}
