package faults_test

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// moment is when the portal is killed, relative to a promotion.
type moment struct {
	name string
	wait func(r *rig, id int64)
}

// The moments that are worth a name. The generation is the deployer's own: it
// grows with each phase that is handed to it.
func moments() []moment {
	phase := func(n int, states ...string) func(*rig, int64) {
		return func(r *rig, id int64) {
			r.until(id, time.Now().Add(resumeWithin), func(d deployment) bool {
				if len(d.Phases) != n {
					return len(d.Phases) > n || !d.Active // missed: later is a moment as well
				}
				for _, s := range states {
					if d.Phases[n-1].State == s {
						return true
					}
				}
				return false
			})
		}
	}
	applied := func(more int64) func(*rig, int64) {
		return func(r *rig, _ int64) {
			before := r.fence.newest.Load()
			deadline := time.Now().Add(resumeWithin)
			for r.fence.newest.Load() < before+more && time.Now().Before(deadline) {
				<-time.After(time.Millisecond)
			}
		}
	}
	return []moment{
		{"right after the promotion", func(*rig, int64) {}},
		{"when the first phase is handed over", applied(1)},
		{"while the first phase converges", phase(1, "converging")},
		{"during the first bake", phase(1, "baking")},
		{"between the first phase and the second", applied(2)},
		{"during the second bake", phase(2, "baking")},
		{"when the last phase is handed over", applied(3)},
	}
}

// Kill -9 in the middle of a canary, at moments with a name and at random ones:
// the deployment goes on after the restart and nobody notices.
func TestKillInTheMiddleOfACanary(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, m := range moments() {
		t.Logf("kill %s", m.name)
		d := r.promote(r.toStaging())
		m.wait(r, d.ID)
		r.portal.Kill()
		r.resumes(d.ID)
	}

	const seed, kills = 20261121, 10
	t.Logf("then %d kills at random times, seed %d", kills, seed)
	random := rand.New(rand.NewPCG(seed, seed))
	for range kills {
		d := r.promote(r.toStaging())
		// A whole rollout takes about a second and a half.
		<-time.After(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		r.portal.Kill()
		r.resumes(d.ID)
	}
	r.noticedByNobody()
}

// resumes starts the portal again and waits for the end of the deployment.
func (r *rig) resumes(id int64) {
	r.t.Helper()
	r.restart()
	began := time.Now()
	r.ends(id, began.Add(2*bake+resumeWithin))
	r.t.Logf("deployment %d ended %v after the restart", id, time.Since(began).Round(time.Millisecond))
	r.load.check(r.t)
}

func (r *rig) noticedByNobody() {
	r.t.Helper()
	r.load.check(r.t)
	if asked := r.load.asked.Load(); asked < 100 {
		r.t.Errorf("only %d requests were made: that proves nothing", asked)
	} else {
		r.t.Logf("%d requests, none failed", asked)
	}
	if n := r.fence.back.Load(); n > 0 {
		r.t.Errorf("the deployer's generation went back %d times", n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), resumeWithin)
	defer cancel()
	if out, err := r.portal.VerifyAudit(ctx); err != nil {
		r.t.Errorf("the audit is not whole: %v\n%s", err, out)
	}
}

// A portal that stands still for longer than its sweeper, its polls and the
// bakes goes on as if nothing had been.
func TestStandstill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	d := r.promote(r.toStaging())
	r.until(d.ID, time.Now().Add(resumeWithin), func(d deployment) bool { return len(d.Phases) > 0 })
	if err := r.portal.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	<-time.After(5 * time.Second)
	if err := r.portal.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.ends(d.ID, time.Now().Add(2*bake+resumeWithin))
	r.noticedByNobody()
}
