package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestWaysOfADeployer: how a deployment over a live release ends, and how long
// it takes, for each way in which a deployer may behave.
func TestWaysOfADeployer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script      fake.Script
		ends        slipway.State
		says        string
		least, most time.Duration
		live        string
	}{
		"at once":       {ends: slipway.Succeeded, says: "2 is live in staging.", most: 4 * time.Second, live: "2"},
		"slow":          {script: fake.Script{ReadyAfter: 5}, ends: slipway.Succeeded, least: 400 * time.Millisecond, most: 8 * time.Second, live: "2"},
		"errors":        {script: fake.Script{ApplyErrors: 4}, ends: slipway.Succeeded, least: time.Second, most: 10 * time.Second, live: "2"},
		"terminal":      {script: fake.Script{ApplyTerminal: "quota exceeded"}, ends: slipway.RolledBack, says: "quota exceeded", most: 8 * time.Second, live: "1"},
		"never ready":   {script: fake.Script{NeverReady: true}, ends: slipway.RolledBack, says: "Not ready within 30s", least: 30 * time.Second, most: 45 * time.Second, live: "1"},
		"fails":         {script: fake.Script{Fail: "exit code 1"}, ends: slipway.RolledBack, says: "exit code 1", most: 8 * time.Second, live: "1"},
		"forgets":       {script: fake.Script{Forget: true}, ends: slipway.RolledBack, says: "still reports an older state", least: 30 * time.Second, most: 45 * time.Second, live: "1"},
		"lies":          {script: fake.Script{Lie: true}, ends: slipway.RolledBack, says: "and reports 0 of 2 ready of 2.", least: 30 * time.Second, most: 45 * time.Second, live: "1"},
		"hangs":         {script: fake.Script{Hang: true}, ends: slipway.RolledBack, says: "deadline exceeded", least: 15 * time.Minute, most: 20 * time.Minute, live: "1"},
		"replies late":  {script: fake.Script{LateReply: true}, ends: slipway.Succeeded, least: 15 * time.Second, most: 20 * time.Second, live: "2"},
		"observe hangs": {script: fake.Script{ObserveHang: true}, ends: "", says: "could not be asked", live: "1"},
		"observe fails": {script: fake.Script{ObserveError: "no route"}, ends: "", says: "no route", live: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, r *rig) {
				r.service("shop", stage("staging"))
				r.release("shop", "1", "2")
				r.run()
				r.ended(r.promote("shop", "1", "staging"), time.Minute)
				r.script("2", c.script)
				began, id := time.Now(), r.promote("shop", "2", "staging")
				if c.ends == "" { // what cannot be asked is no failure of the release
					<-time.After(90 * time.Second) // three deadlines
					if d := r.get(id); d.State != slipway.Running || !strings.Contains(d.Message, c.says) {
						t.Fatalf("it is %s: %s", d.State, d.Message)
					}
					r.script("2", fake.Script{})
					if d := r.ended(id, time.Minute); d.State != slipway.Succeeded {
						t.Errorf("once it answers again it ends %s: %s", d.State, d.Message)
					}
					return
				}
				d := r.ended(id, c.most+c.most/4)
				took := time.Since(began)
				if d.State != c.ends || !strings.Contains(d.Message, c.says) || took < c.least || took > c.most {
					t.Errorf("it ended %s after %s: %s", d.State, took, d.Message)
				}
				s := r.state("shop", "staging")
				if s.Live.Spec.Version != c.live || (s.Hold != nil) != (c.ends == slipway.RolledBack) || (s.Failure != nil) != (c.ends == slipway.RolledBack) {
					t.Errorf("the stage has %s, hold %+v, failure %+v", s.Live.Spec.Version, s.Hold, s.Failure)
				}
			})
		})
	}
}

// TestCanaryBakes: each phase is watched for its time, by the clock.
func TestCanaryBakes(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		minutes := func(n int) slipway.Duration { return slipway.Duration(time.Duration(n) * time.Minute) }
		r.service("shop", stage("staging", func(s *slipway.Stage) {
			s.Strategy = slipway.Strategy{Type: slipway.StrategyCanary, Steps: []slipway.CanaryStep{{Weight: 10, Bake: minutes(2)}, {Weight: 50, Bake: minutes(3), Pause: true}}}
		}))
		r.release("shop", "1", "2")
		r.run()
		r.ended(r.promote("shop", "1", "staging"), time.Minute)
		began, id := time.Now(), r.promote("shop", "2", "staging")
		r.until(10*time.Minute, "it was held", func() bool { return r.get(id).State == slipway.Paused })
		if took := time.Since(began); took < 5*time.Minute || took > 5*time.Minute+20*time.Second {
			t.Errorf("it was held after %s, want 5 minutes", took)
		}
		tracks := r.state("shop", "staging").Observed.Tracks
		if len(tracks) != 2 || tracks[0].Weight != 50 || tracks[1].Weight != 50 {
			t.Errorf("held, it serves %+v", tracks)
		}
		must(r.app.Resume(r.ctx, root, app.Control{Deployment: id}))(t)
		d := r.ended(id, time.Minute)
		if d.State != slipway.Succeeded || len(d.Runs) != 3 {
			t.Errorf("it ended %s after %d phases", d.State, len(d.Runs))
		}
		for i := 1; i < len(d.Runs); i++ {
			if d.Runs[i].Generation <= d.Runs[i-1].Generation {
				t.Error("generations do not grow")
			}
		}
	})
}

// TestGatesOpenByThemselves: soak, freeze and lock are judged when their time comes.
func TestGatesOpenByThemselves(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("dev"), stage("staging", after("dev"), func(s *slipway.Stage) {
			s.Gates = []slipway.Gate{{Soak: &slipway.SoakGate{In: "dev", For: slipway.Duration(2 * time.Minute)}}}
		}))
		r.release("shop", "1")
		r.run()
		r.ended(r.promote("shop", "1", "dev"), time.Minute)
		since := r.state("shop", "dev").Live.Since
		must(r.app.AddFreeze(r.ctx, root, app.AddFreeze{Environment: "staging", Reason: "sale", Until: time.Now().Add(3 * time.Minute)}))(t)
		id := r.promote("shop", "1", "staging")
		<-time.After(150 * time.Second)
		if d := r.get(id); d.State != slipway.Waiting {
			t.Fatalf("it is %s after %s", d.State, time.Since(since))
		}
		if d := r.ended(id, 2*time.Minute); d.State != slipway.Succeeded || d.StartedAt.Before(since.Add(3*time.Minute)) {
			t.Errorf("it is %s, started %s", d.State, d.StartedAt.Sub(since))
		}
	})
}
