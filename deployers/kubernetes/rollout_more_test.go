package kubernetes

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// rolloutManifests are those of the Deployment, for a Rollout with a strategy.
func (w *world) rolloutManifests(strategy, services string) map[string]any {
	text, _ := w.settings(nil)["manifests"].(string)
	text = strings.Replace(text, "apiVersion: apps/v1\nkind: Deployment", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout", 1)
	text = strings.Replace(text, "\nspec:\n  template:", "\nspec:\n  strategy: "+strategy+"\n  template:", 1)
	return map[string]any{"manifests": text + services}
}

// TestRolloutBlueGreen comes from manifests: Slipway keeps the Services, and the
// Rollout says what they select.
func TestRolloutBlueGreen(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	f := newFixture(t, w)
	more := w.rolloutManifests(`{blueGreen: {activeService: "${name}", previewService: "${name}-next", autoPromotionEnabled: false, scaleDownDelaySeconds: 8}}`, `---
apiVersion: v1
kind: Service
metadata: {name: "${name}-next"}
spec:
  ports: [{port: 80, targetPort: 8080}]
`)
	one, two := w.track(t, "good", "1.0.0", more), w.track(t, "good", "1.1.0", more)
	ways := []deployers.Desired{
		{Generation: 2, Tracks: []deployers.Track{share(one, 100, 2), shown(share(two, 0, 2))}},
		{Generation: 3, Tracks: []deployers.Track{share(one, 0, 2), share(two, 100, 2)}},
		{Generation: 4, Tracks: []deployers.Track{share(two, 100, 2)}},
	}
	o := f.converged(t, 1, share(one, 100, 2))
	if err := f.CheckWay(t.Context(), f.target, ways); err != nil {
		t.Errorf("blue and green: %v", err)
	}
	l := startLoad(w, o.Address)
	o = f.converged(t, 2, ways[0].Tracks...)
	if a, err := w.ask(t.Context(), o.Preview, nil); err != nil || a["version"] != "1.1.0" {
		t.Errorf("the preview shows %v, %v", a, err)
	}
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || a["version"] != "1.0.0" || o.Tracks[0].Weight != 100 {
		t.Errorf("before the switch %v answers, %v: %+v", a, err, o)
	}
	o = f.converged(t, 3, ways[1].Tracks...)
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || a["version"] != "1.1.0" || o.Tracks[1].Weight != 100 || o.Preview != "" {
		t.Errorf("after the switch %v answers, %v: %+v", a, err, o)
	}
	o = f.converged(t, 4, ways[2].Tracks...)
	if len(o.Tracks) > 1 && (o.Tracks[1].Draining != 2 || o.Tracks[1].Ready != 0) {
		t.Errorf("what is kept for a while is told as %+v", o.Tracks[1])
	}
	f.until(t, "the old side has ended", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
	err := f.Deployer.Apply(t.Context(), f.target, deployers.Desired{Generation: 5, Tracks: []deployers.Track{share(one, 100, 2)}, Back: true})
	if err != nil {
		t.Fatal(err)
	}
	o = f.until(t, "it is back", func(o deployers.Observed) bool { return o.Converged && o.Generation == 5 })
	if a, err := w.ask(t.Context(), o.Address, nil); err != nil || a["version"] != "1.0.0" {
		t.Errorf("back answers %v, %v", a, err)
	}
	l.end(t)
}

// narrow is the deployer with what a Rollout without steps can be asked for.
type narrow struct{ *Deployer }

func (n narrow) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{Summary: n.Deployer.Capabilities().Summary, Replicas: true, Secrets: true}
}

// TestRolloutConformance: all that does not need two releases at once from the
// start, which no Rollout can be asked for. Those are in rollout_test.go.
func TestRolloutConformance(t *testing.T) {
	t.Parallel()
	w := needCluster(t)
	deployertest.Run(t, deployertest.Harness{
		New: func(t deployertest.T, log *slog.Logger) deployertest.Subject {
			d := w.deployer(t, log)
			s := deployertest.Subject{
				Deployer: narrow{d},
				Restart: func(t deployertest.T) deployers.Deployer {
					closeDeployer(t, d)
					d = w.deployer(t, log)
					return narrow{d}
				},
				Ask: func(ctx context.Context, address string, header http.Header) (deployertest.Answer, error) {
					a, err := w.ask(ctx, address, header)
					return deployertest.Answer{Version: a["version"], Instance: a["instance"]}, err
				},
				Instances: w.instances,
				LetGo:     w.letGo,
			}
			if w.Dir != "" {
				s.Ended = func(_ context.Context, target deployers.Target) (int, int, error) {
					finished, cut := w.ended(target)
					return finished, cut, nil
				}
			}
			return s
		},
		Release: func(t deployertest.T, kind deployertest.Kind, version string) deployers.Track {
			more := w.rolloutManifests("{canary: {}}", "")
			mode := map[deployertest.Kind]string{deployertest.Good: "good", deployertest.NeverReady: "never-ready", deployertest.Exits: "exits", deployertest.Lingers: "lingers"}[kind]
			if kind == deployertest.Lingers {
				more["stopTimeout"] = "10m"
			}
			return w.track(t, mode, version, more)
		},
		Lingers:   true,
		BadConfig: json.RawMessage(`{"namespace":"billing","manifests":"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: app}]}}}","kind":"Pod"}`),
		BadPaths:  []string{"manifests", "kind"},
		Wait:      3 * time.Minute,
	})
}
