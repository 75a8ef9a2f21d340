package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// inSets furnishes services with 1 live in dev and 2 to come, and lets the
// engine take sets further.
func (r *rig) inSets(services ...string) {
	r.t.Helper()
	r.engine.Rights = r.app
	r.forSets(services...)
}

func (r *rig) forSets(services ...string) {
	r.t.Helper()
	r.knows(root, lead)
	for _, name := range services {
		r.service(name, stage("dev"))
		r.release(name, "1")
	}
	r.run()
	for _, name := range services {
		r.ended(r.promote(name, "1", "dev"), time.Minute)
		r.release(name, "2")
	}
}

func (r *rig) knows(people ...slipway.Actor) {
	r.t.Helper()
	ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		for _, p := range people {
			if err := tx.People().PutUser(r.ctx, slipway.User{ID: p.ID, Issuer: "test", Subject: p.ID, Name: p.Name, Groups: p.Groups}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// inARow is a set of services at 2, each after the one before.
func inARow(services ...string) app.PromoteSet {
	c := app.PromoteSet{Name: "evening", Environment: "dev"}
	for i, name := range services {
		item := app.SetItem{Service: name, Version: "2"}
		if i > 0 {
			item.After = []string{services[i-1]}
		}
		c.Items = append(c.Items, item)
	}
	return c
}

func (r *rig) promoteSet(c app.PromoteSet) int64 {
	r.t.Helper()
	return must(r.app.PromoteSet(r.ctx, root, c))(r.t).ID
}

func (r *rig) set(id int64) (s slipway.ReleaseSet) {
	r.t.Helper()
	ok(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) (err error) { s, err = tx.Sets().Get(r.ctx, id); return err }))
	return s
}

func (r *rig) setEnded(id int64, limit time.Duration) slipway.ReleaseSet {
	r.t.Helper()
	r.until(limit, "the set had ended", func() bool { return !r.set(id).State.Active() })
	return r.set(id)
}

// order is which deployments succeeded, in time: "ledger 2, till 2".
func (r *rig) order() string {
	var out []string
	for _, e := range r.events("deployment.succeeded") {
		d := r.get(e.Deployment)
		if d.Note != "" { // those of sets have one
			out = append(out, d.Service+" "+d.Version)
		}
	}
	return strings.Join(out, ", ")
}

func (r *rig) versions(services ...string) string {
	var out []string
	for _, name := range services {
		out = append(out, name+" "+r.state(name, "dev").Live.Spec.Version)
	}
	return strings.Join(out, ", ")
}

// TestSetGoesAndComesBack in the order of its dependencies, soon, by ordinary
// deployments in the name of who asked.
func TestSetGoesAndComesBack(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.inSets("ledger", "till", "shop")
		began := time.Now()
		id := r.promoteSet(inARow("ledger", "till", "shop"))
		s := r.setEnded(id, time.Minute)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s: it waits for its rounds and hears no events", took)
		}
		if s.State != slipway.SetSucceeded || s.Message != "All of it is live in dev." || r.order() != "ledger 2, till 2, shop 2" {
			t.Errorf("%s: %s (%s)", s.State, s.Message, r.order())
		}
		d := r.get(s.Items[1].Deployment)
		if d.RequestedBy != root.Person() || d.Note != "Set 1: evening." || s.Items[1].From != "1" {
			t.Errorf("till went by %+v: %s", d.RequestedBy, d.Note)
		}
		must(r.app.RollBackSet(r.ctx, lead, app.SteerSet{Set: id, Reason: "slow"}))(t)
		s = r.setEnded(id, time.Minute)
		if want := "ledger 2, till 2, shop 2, shop 1, till 1, ledger 1"; s.State != slipway.SetRolledBack || r.order() != want {
			t.Errorf("%s: %s (%s)", s.State, s.Message, r.order())
		}
		if s.Message != "Taken back by Lead: slow. All is as it was before." {
			t.Errorf("it says %q", s.Message)
		}
		back := r.get(s.Items[0].Back)
		if back.Cause != slipway.CauseRollback || back.RequestedBy != lead.Person() || !strings.Contains(back.Note, "slow") {
			t.Errorf("ledger went back by %+v: %s", back.RequestedBy, back.Note)
		}
		if r.state("shop", "dev").Hold == nil {
			t.Error("automation is not held after the rollback of a set")
		}
		kinds := []string{}
		for _, e := range must(app.VerifyAudit(r.ctx, r.store))(t) {
			if e.Fault != "" {
				t.Error(e.Fault)
			}
		}
		entries, _, err := r.app.Activity(r.ctx, root, slipway.AuditFilter{Action: "set."}, slipway.Page{})
		ok(t, err)
		for _, e := range slices.Backward(entries) {
			kinds = append(kinds, e.Action)
		}
		if want := []string{"set.promote", "set.succeeded", "set.rollback", "set.rolledBack"}; !slices.Equal(kinds, want) {
			t.Errorf("the audit has %v", kinds)
		}
	})
}

// TestSetFailsInTheMiddle and takes back what had got there.
func TestSetFailsInTheMiddle(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.inSets("ledger", "till", "shop")
		r.script("2", fake.Script{})
		ok(t, r.fake.SetScript(r.ctx, targetOf("till"), "2", fake.Script{NeverReady: true}))
		s := r.setEnded(r.promoteSet(inARow("ledger", "till", "shop")), 5*time.Minute)
		if s.State != slipway.SetRolledBack || r.order() != "ledger 2, ledger 1" || r.versions("ledger", "till", "shop") != "ledger 1, till 1, shop 1" {
			t.Errorf("%s: %s (%s; %s)", s.State, s.Message, r.order(), r.versions("ledger", "till", "shop"))
		}
		if !strings.HasPrefix(s.Message, "till 2 did not get there: Not ready within 30s") || !strings.HasSuffix(s.Message, "All is as it was before.") {
			t.Errorf("it says %q", s.Message)
		}
		if n := len(r.list("shop", "dev")); n != 1 {
			t.Errorf("shop was asked for %d times", n)
		}
		ok(t, r.fake.SetScript(r.ctx, targetOf("till"), "2", fake.Script{}))
		if s = r.setEnded(r.promoteSet(inARow("ledger", "till", "shop")), time.Minute); s.State != slipway.SetSucceeded {
			t.Errorf("the second time it is %s: %s", s.State, s.Message)
		}
	})
}

// TestSetWaitsAndIsRefused: what may pass by itself is waited for, what does not
// is a failure, and what was live already is left alone.
func TestSetWaitsAndIsRefused(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.inSets("ledger", "till", "shop")
		r.ended(r.promote("shop", "2", "dev"), time.Minute)
		r.script("3", fake.Script{NeverReady: true})
		r.release("ledger", "3")
		other := r.promote("ledger", "3", "dev")
		r.until(time.Minute, "3 is at work", func() bool { return r.get(other).State == slipway.Running })
		id := r.promoteSet(inARow("shop", "ledger", "till"))
		r.until(10*time.Second, "it says what it waits for", func() bool {
			return strings.Contains(r.set(id).Message, "ledger cannot be asked for yet: Deployment 5 of 3 is at work there")
		})
		r.until(time.Minute, "ledger 2 is on its way", func() bool { return r.set(id).Items[1].Deployment != 0 })
		must(r.app.BlockRelease(r.ctx, root, app.BlockRelease{Service: "till", Version: "2", Reason: "leaks"}))(t)
		s := r.setEnded(id, time.Minute)
		if s.State != slipway.SetRolledBack || !strings.HasPrefix(s.Message, "till 2 did not get there: 2 is blocked by Root: leaks.") {
			t.Errorf("%s: %s", s.State, s.Message)
		}
		if got := r.versions("shop", "ledger", "till"); got != "shop 2, ledger 1, till 1" {
			t.Errorf("what is where: %s", got)
		}
	})
}

// TestSetStopsWithItsOrderer: who lost the right moves nothing any more.
func TestSetStopsWithItsOrderer(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.inSets("ledger", "till")
		r.script("2", fake.Script{ReadyAfter: 40})
		id := r.promoteSet(inARow("ledger", "till"))
		r.until(10*time.Second, "ledger is at work", func() bool { return r.set(id).Items[0].Deployment != 0 })
		r.knows(slipway.Actor{ID: root.ID, Name: root.Name}) // in no group any more
		s := r.setEnded(id, 5*time.Minute)
		if s.State != slipway.SetFailed || len(r.list("till", "dev")) != 1 ||
			!strings.HasPrefix(s.Message, "till 2 did not get there: Root has no deployment.promote there any more.") {
			t.Errorf("%s: %s", s.State, s.Message)
		}
		if i := s.Items[0]; i.State != slipway.ItemKept || i.Message != "Root has no deployment.rollback there any more." {
			t.Errorf("ledger is %s: %s", i.State, i.Message)
		}
	})
}

// TestSetIsCancelledSoon: what waits for people goes away, what is at work goes
// back, what is there stays.
func TestSetIsCancelledSoon(t *testing.T) {
	within(t, func(t *testing.T, r *rig) {
		r.inSets("ledger", "till", "shop")
		r.apply("till", stage("dev", approved(time.Hour)))
		r.script("2", fake.Script{})
		ok(t, r.fake.SetScript(r.ctx, targetOf("shop"), "2", fake.Script{NeverReady: true}))
		c := inARow("ledger", "till", "shop")
		c.Items[2].After = []string{"ledger"}
		id := r.promoteSet(c)
		asks := func() int { return len(must(r.app.Inbox(r.ctx, lead))(t).Decide) }
		r.until(10*time.Second, "till asks", func() bool { return asks() == 1 && r.list("shop", "dev")[0].State == slipway.Running })
		must(r.app.CancelSet(r.ctx, lead, app.SteerSet{Set: id, Reason: "lunch"}))(t)
		s := r.setEnded(id, 10*time.Second)
		if s.State != slipway.SetCancelled || asks() != 0 || s.Message != "Cancelled by Lead: lunch. ledger has 2; till has 1; shop has 1." {
			t.Errorf("%s, %d ask: %s", s.State, asks(), s.Message)
		}
	})
}

func targetOf(service string) deployers.Target {
	return deployers.Target{Service: service, Environment: "dev"}
}
