package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) waiting() int64 {
	r.t.Helper()
	r.service("shop", stage("staging", approved(10*time.Minute)))
	r.release("shop", "1")
	r.run()
	id := r.promote("shop", "1", "staging")
	r.until(5*time.Second, "its gates were judged", func() bool { return len(r.get(id).Verdicts) > 0 })
	return id
}

func (r *rig) approve(id int64) error {
	_, err := r.app.Approve(r.ctx, lead, app.Approve{Deployment: id, PlanDigest: r.get(id).PlanDigest})
	return err
}

func twoOf(s *slipway.Stage) { s.Gates[0].Approval.Count = 2 }
func five(s *slipway.Stage)  { s.Deployer.Config = []byte(`{"replicas":5}`) }

// TestPlanIsMadeAnew: the pipeline changes while people decide. Their votes are
// void, what changed can be seen, and the evidence is that of the new plan.
func TestPlanIsMadeAnew(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.service("shop", stage("staging", approved(time.Hour), twoOf))
		r.release("shop", "1")
		r.run()
		id := r.promote("shop", "1", "staging")
		ok(t, r.approve(id))
		r.until(5*time.Second, "one vote counted", func() bool { v := r.get(id).Verdicts; return len(v) > 0 && v[len(v)-1].Have == 1 })
		was := r.get(id)
		r.apply("shop", stage("staging", approved(time.Hour), twoOf, five))
		r.until(5*time.Second, "it was planned anew", func() bool { d := r.get(id); return d.PlanDigest != was.PlanDigest && len(d.Verdicts) > 0 })
		is := r.get(id)
		if is.Plan.Preview == was.Plan.Preview || !strings.Contains(is.Plan.Preview, "×5") {
			t.Errorf("the evidence is %q, and was %q", is.Plan.Preview, was.Plan.Preview)
		}
		if v := is.Verdicts[len(is.Verdicts)-1]; is.State != slipway.Waiting || v.Have != 0 || len(is.Replaced) != 1 {
			t.Errorf("it is %s with %+v", is.State, v)
		}
		if diff := slipway.DiffPlans(is.Replaced[0], is.Plan); len(diff) == 0 {
			t.Error("nobody can see what changed")
		}
		for _, who := range []slipway.Actor{lead, {Kind: slipway.ActorUser, ID: "third", Name: "Third", Groups: []string{"admins"}}} {
			must(r.app.Approve(r.ctx, who, app.Approve{Deployment: id, PlanDigest: is.PlanDigest}))(t)
		}
		if d := r.ended(id, 10*time.Second); d.State != slipway.Succeeded || d.Plan.To.Replicas != 5 {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
	})
}

// TestApprovalExpires: nothing waits for ever, also if the plan cannot be made
// any more.
func TestApprovalExpires(t *testing.T) {
	for name, spoil := range map[string]func(*rig){
		"nobody decides":    func(*rig) {},
		"the stage is gone": func(r *rig) { r.apply("shop", stage("dev")) },
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, r *rig) {
				id := r.waiting()
				spoil(r)
				<-time.After(5 * time.Minute)
				if d := r.get(id); d.State != slipway.Waiting || d.Message == "" {
					t.Fatalf("it is %s after half of the time", d.State)
				}
				d := r.ended(id, 7*time.Minute)
				if took := d.EndedAt.Sub(d.CreatedAt); d.State != slipway.Expired || took < 10*time.Minute || took > 12*time.Minute {
					t.Errorf("it is %s after %s", d.State, took)
				}
			})
		})
	}
}

// flaky is a deployer whose previews may fail.
type flaky struct {
	deployers.Deployer
	broken atomic.Bool
}

func (f *flaky) Preview(ctx context.Context, t deployers.Target, d deployers.Desired) (deployers.Preview, error) {
	if f.broken.Load() {
		return deployers.Preview{}, errors.New("no route to host")
	}
	return f.Deployer.Preview(ctx, t, d)
}

// TestNoEvidenceForTheNewPlan: it waits and says for what, and goes on once the
// deployer answers again.
func TestNoEvidenceForTheNewPlan(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		f := &flaky{Deployer: r.fake}
		r.others["fake"] = f
		id := r.waiting()
		f.broken.Store(true)
		r.apply("shop", stage("staging", approved(10*time.Minute), five))
		r.until(10*time.Second, "it says why it waits", func() bool { return strings.Contains(r.get(id).Message, "no route to host") })
		if err := r.approve(id); slipway.CodeOf(err) != slipway.CodeConflict {
			t.Errorf("the old plan was approved: %v", err)
		}
		f.broken.Store(false)
		r.until(3*time.Minute, "it was planned anew", func() bool { d := r.get(id); return d.Plan.To.Replicas == 5 && len(d.Verdicts) > 0 })
		ok(t, r.approve(id))
		if d := r.ended(id, 10*time.Second); d.State != slipway.Succeeded {
			t.Errorf("it ended %s: %s", d.State, d.Message)
		}
	})
}
