package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// What the tests deploy: services of one team, over dev and prod.

// organise makes the team and the environments.
func (w *world) organise() {
	w.t.Helper()
	w.must("root", http.MethodPut, "teams/web", map[string]any{"title": "Web"}, nil)
	w.must("root", http.MethodPut, "environments/dev", map[string]any{"rank": 1, "tier": "development"}, nil)
	w.must("root", http.MethodPut, "environments/prod", map[string]any{"rank": 2, "tier": "production"}, nil)
}

// service registers a service with its pipeline.
func (w *world) service(name, stages string) {
	w.t.Helper()
	w.must("root", http.MethodPut, "services/"+name, map[string]any{"team": "web"}, nil)
	w.pipeline(name, stages)
}

func (w *world) pipeline(name, stages string) {
	w.t.Helper()
	w.must("root", http.MethodPut, "services/"+name+"/pipeline", "apiVersion: slipway/v1\nservice: "+name+"\nteam: web\nstages:\n"+stages, nil)
}

// stage is one of a pipeline; more lines are of its body.
func stage(environment, deployer string, more ...string) string {
	text := fmt.Sprintf("- environment: %s\n  deployer: {name: %s, config: {replicas: 2}}\n", environment, deployer)
	for _, line := range more {
		text += "  " + line + "\n"
	}
	return text
}

const canary = "strategy: {type: canary, steps: [{weight: 30, bake: 100ms}, {weight: 100}]}"

// plain is a service whose releases go to dev by themselves, and to prod by
// hand, in two steps.
func plain(more ...string) string {
	return stage("dev", "far", "autoPromote: true") + stage("prod", "far", append([]string{"after: [dev]", canary}, more...)...)
}

// job is a hook of this shape: it says that it began, works and ends.
func (w *world) job(name, again, script string) string {
	return fmt.Sprintf("{name: %s, again: %s, timeout: 20s, command: [/bin/sh, -c, %q, %s]}", name, again,
		"echo ran $0 for $SLIPWAY_DEPLOYMENT >>"+w.dir+"/jobs; "+script, name)
}

// release makes one known.
func (w *world) release(service, version string) {
	w.t.Helper()
	w.must("root", http.MethodPost, "services/"+service+"/releases", releaseBody(version), nil)
}

func releaseBody(version string) map[string]any {
	return map[string]any{"version": version, "reversible": true,
		"artifacts": []map[string]any{{"name": "app", "reference": "registry/app:" + version, "digest": "sha256:" + strings.Repeat("a", 64)}}}
}

func (w *world) promote(service, version, environment string) int64 {
	w.t.Helper()
	var d struct{ ID int64 }
	w.must("root", http.MethodPost, "services/"+service+"/deployments", map[string]any{"environment": environment, "version": version}, &d)
	return d.ID
}

func (w *world) rollback(service, environment string) int64 {
	w.t.Helper()
	var d struct{ ID int64 }
	w.must("root", http.MethodPost, "services/"+service+"/environments/"+environment+"/rollback", map[string]any{"reason": "a test"}, &d)
	return d.ID
}

// approve approves the plan as it is, as often as that takes.
func (w *world) approve(id int64) {
	w.t.Helper()
	w.until(30*time.Second, "the plan was approved", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		a, err := w.again(ctx, "lead", http.MethodPost, fmt.Sprintf("deployments/%d/approve", id), map[string]any{"plan": w.get(id).PlanDigest})
		w.ok(err)
		return a.status == http.StatusOK || w.get(id).State != slipway.Waiting
	})
}

func (w *world) act(id int64, verb string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	a, err := w.again(ctx, "root", http.MethodPost, fmt.Sprintf("deployments/%d/%s", id, verb), map[string]any{"reason": "a test"})
	w.ok(err)
	return a
}

func (w *world) get(id int64) (d slipway.Deployment) {
	w.t.Helper()
	ctx := context.Background()
	w.ok(w.store.Read(ctx, func(tx slipway.Tx) (err error) { d, err = tx.Deployments().Get(ctx, id); return err }))
	return d
}

// newest is the newest deployment of a stage; ID 0 if there is none.
func (w *world) newest(service, environment string) (d slipway.Deployment) {
	w.t.Helper()
	ctx := context.Background()
	w.ok(w.store.Read(ctx, func(tx slipway.Tx) error {
		list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{Service: service, Environment: environment}, slipway.Page{Limit: 1})
		if len(list) > 0 {
			d = list[0]
		}
		return err
	}))
	return d
}

func (w *world) state(service, environment string) (s slipway.StageState) {
	w.t.Helper()
	ctx := context.Background()
	w.ok(w.store.Read(ctx, func(tx slipway.Tx) (err error) { s, err = tx.Stages().Get(ctx, service, environment); return err }))
	return s
}

// live waits until a version is.
func (w *world) live(service, environment, version string, within time.Duration) {
	w.t.Helper()
	w.until(within, fmt.Sprintf("%s of %s was live in %s", version, service, environment), func() bool {
		s := w.state(service, environment)
		return s.Live != nil && s.Live.Spec.Version == version
	})
}

// ended waits for a deployment to end.
func (w *world) ended(id int64, within time.Duration) slipway.Deployment {
	w.t.Helper()
	var d slipway.Deployment
	w.until(within, fmt.Sprintf("deployment %d had ended", id), func() bool { d = w.get(id); return !d.State.Active() })
	return d
}

// until waits for something to be so.
func (w *world) until(within time.Duration, what string, so func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !so(); <-tick.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("within %v it was never so that %s\n%s", within, what, w.stuck())
		}
	}
}

// stuck describes what is active, and of each stage what was newest and what keeps
// it, for whoever reads a failed test.
func (w *world) stuck() string {
	var b strings.Builder
	ctx := context.Background()
	_ = w.store.Read(ctx, func(tx slipway.Tx) error {
		list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: slipway.States()[:4]}, slipway.Page{Limit: 20})
		for _, d := range list {
			fmt.Fprintf(&b, "deployment %d of %s %s to %s is %s: %s; looked at %v\n", d.ID, d.Service, d.Version, d.Environment, d.State, d.Message, d.NextWakeAt)
			for _, run := range d.Runs {
				fmt.Fprintf(&b, "    %s %d %s %s\n", run.Desired.Name, run.Generation, run.State, run.Message)
			}
			for _, v := range slipway.Blocking(d.Verdicts) {
				fmt.Fprintf(&b, "    %s: %s\n", v.Gate, v.Reason)
			}
		}
		if err != nil {
			return err
		}
		return w.newestOfAll(ctx, tx, &b)
	})
	return b.String()
}

func (w *world) newestOfAll(ctx context.Context, tx slipway.Tx, b *strings.Builder) error {
	list, _, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{}, slipway.Page{Limit: 200})
	seen := map[string]bool{}
	for _, d := range list {
		if key := d.Service + " in " + d.Environment; !seen[key] {
			seen[key] = true
			fmt.Fprintf(b, "%s: newest %d of %s %s: %s\n", key, d.ID, d.Version, d.State, d.Message)
			if state, err := tx.Stages().Get(ctx, d.Service, d.Environment); err == nil && state.Hold != nil {
				fmt.Fprintf(b, "    held: %s\n", state.Hold.Reason)
			}
			if newest, err := tx.Releases().Newest(ctx, d.Service); err == nil {
				fmt.Fprintf(b, "    newest release: %s\n", newest.Version)
			}
		}
	}
	return err
}
