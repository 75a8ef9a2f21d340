package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// setCases are those of the walk that are about sets. Set 1 is made by busy.
func setCases() map[string]useCase {
	on := at(webTeam, "", "staging")
	steer := func(p slipway.Permission, by slipway.Actor, action string, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: p, stranger: hidden, foreign: hidden, viewer: denied, by: by, action: action, on: on, call: call}
	}
	return map[string]useCase{
		"PromoteSet": steer(slipway.DeploymentPromote, dev, "set.promote", func(r *rig, a slipway.Actor) error {
			return of(r.PromoteSet(r.ctx, a, app.PromoteSet{Name: "one", Environment: "staging", OnFailure: slipway.OnFailureStop,
				Items: []app.SetItem{{Service: "shop", Version: "1"}}}))
		}),
		"CancelSet": steer(slipway.DeploymentControl, dev, "set.cancel", func(r *rig, a slipway.Actor) error {
			return of(r.CancelSet(r.ctx, a, app.SteerSet{Set: 1}))
		}),
		"RollBackSet": steer(slipway.DeploymentRollback, lead, "set.rollback", func(r *rig, a slipway.Actor) error {
			return of(r.RollBackSet(r.ctx, a, app.SteerSet{Set: 1, Reason: "bad"}))
		}),
		"Set": {asks: slipway.ServiceRead, stranger: hidden, foreign: hidden, by: viewer, call: func(r *rig, a slipway.Actor) error {
			return of(r.Set(r.ctx, a, 1))
		}},
		"Sets": {asks: slipway.ServiceRead, by: viewer, call: func(r *rig, a slipway.Actor) error {
			_, _, err := r.Sets(r.ctx, a, "", page)
			return err
		}},
	}
}

// ofBoth is a set of shop, which is web's, and vault, which is ops's.
func ofBoth(onFailure slipway.FailureRule) app.PromoteSet {
	return app.PromoteSet{Name: "both", Environment: "staging", OnFailure: onFailure,
		Items: []app.SetItem{{Service: "shop", Version: "1"}, {Service: "vault", Version: "1", After: []string{"shop"}}}}
}

func withBoth(t *testing.T) *rig {
	t.Helper()
	r := furnished(t)
	r.release("shop", "1")
	r.release("vault", "1")
	return r
}

// TestSetGivesNoRights: each item is authorised by itself, for all that the set
// may do with it.
func TestSetGivesNoRights(t *testing.T) {
	t.Parallel()
	r := withBoth(t)
	// dev may promote shop and not even see vault.
	refused(t, of(r.PromoteSet(r.ctx, dev, ofBoth(slipway.OnFailureStop))), hidden, `"vault"`)
	r.bind(dev, slipway.RoleViewer, "ops")
	refused(t, of(r.PromoteSet(r.ctx, dev, ofBoth(slipway.OnFailureStop))), denied)
	r.bind(dev, slipway.RoleDeveloper, "ops")
	// A token that does not roll back asks for no set that does so by itself.
	narrow := dev
	narrow.TokenID, narrow.Scopes = "t", []slipway.Permission{slipway.DeploymentPromote, slipway.ServiceRead}
	e := refused(t, of(r.PromoteSet(r.ctx, narrow, ofBoth(""))), denied, "who may roll back", "deployment.rollback")
	if !strings.HasSuffix(e.Do, "Or say onFailure: stop.") {
		t.Errorf("what to do: %q", e.Do)
	}
	s := must(r.PromoteSet(r.ctx, dev, ofBoth(slipway.OnFailureStop)))(t)
	if s.ID == 0 || s.Asked.By != dev.Person() || s.Items[1].Team != "ops" || s.Items[1].Seq != 1 || s.State != slipway.SetRunning {
		t.Errorf("it is %+v", s)
	}
	// lead may roll back and see shop, and nothing of vault.
	for what, err := range map[string]error{
		"read": of(r.Set(r.ctx, lead, s.ID)), "cancel": of(r.CancelSet(r.ctx, lead, app.SteerSet{Set: s.ID})),
		"roll back": of(r.RollBackSet(r.ctx, lead, app.SteerSet{Set: s.ID})), "watch": of(r.Watch(r.ctx, lead, app.Watch{Sets: []int64{s.ID}})),
	} {
		if got := refused(t, err, hidden); got.Message != `There is no set "1".` {
			t.Errorf("%s: %s", what, got.Message)
		}
	}
	r.bind(lead, slipway.RoleViewer, "ops")
	refused(t, of(r.RollBackSet(r.ctx, lead, app.SteerSet{Set: s.ID})), denied)
	ok(t, of(r.Watch(r.ctx, lead, app.Watch{Sets: []int64{s.ID}})))
	p := must(r.Set(r.ctx, lead, s.ID))(t)
	if p.WhyNot["rollback"] == "" || p.WhyNot["cancel"] == "" {
		t.Errorf("the page does not say why not: %v", p.WhyNot)
	}
}

// TestSetOfSeveralTeamsIsNobodysNews but theirs who may read all of it.
func TestSetOfSeveralTeamsIsNobodysNews(t *testing.T) {
	t.Parallel()
	r := withBoth(t)
	from := r.lastEvent()
	must(r.PromoteSet(r.ctx, root, ofBoth("")))(t)
	events := r.eventsAfter(from)
	if len(events) != 1 || slipway.SetOf(events[0]) != 1 {
		t.Fatalf("events: %+v", events)
	}
	for _, who := range []struct {
		actor slipway.Actor
		knows bool
	}{{root, true}, {viewer, false}, {foreigner, false}} {
		w := must(r.Watch(r.ctx, who.actor, app.Watch{}))(t)
		list, _, err := r.Sets(r.ctx, who.actor, "", page)
		ok(t, err)
		log, _, err := r.Activity(r.ctx, who.actor, slipway.AuditFilter{Action: "set."}, page)
		ok(t, err)
		if w.Admits(events[0]) != who.knows || (len(list) == 1) != who.knows || (len(log) == 1) != who.knows {
			t.Errorf("%s: news %v, %d sets, %d entries", who.actor.Name, w.Admits(events[0]), len(list), len(log))
		}
	}
}

// TestSetIsRefusedAsAWhole, with everything that is wrong, and nothing is kept.
func TestSetIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	r := withBoth(t)
	before := r.all()
	c := ofBoth("")
	c.Items[0].After, c.Name = []string{"vault"}, ""
	e := refused(t, of(r.PromoteSet(r.ctx, root, c)), slipway.CodeInvalid)
	if len(e.Fields) != 1 || e.Fields[0].Field != "name" { // a circle is looked for in what is sound
		t.Errorf("faults: %+v", e.Fields)
	}
	c.Name = "round"
	refused(t, of(r.PromoteSet(r.ctx, root, c)), slipway.CodeInvalid, "goes round in a circle")
	c = ofBoth("")
	c.Items[0].Version, c.Items[1].Version = "7", "8"
	e = refused(t, of(r.PromoteSet(r.ctx, root, c)), slipway.CodeInvalid, "items[0]", `There is no release "shop 7"`, "items[1]")
	if len(e.Fields) != 2 {
		t.Errorf("faults: %+v", e.Fields)
	}
	c = ofBoth("")
	c.Environment = "prod"
	e = refused(t, of(r.PromoteSet(r.ctx, root, c)), slipway.CodeBlocked)
	if len(e.BlockedBy) != 2 || e.BlockedBy[0].Gate != "order" || !strings.HasPrefix(e.BlockedBy[1].Reason, "vault: 1 has not been live in staging") {
		t.Errorf("blocked by %+v", e.BlockedBy)
	}
	c.Items = nil
	refused(t, of(r.PromoteSet(r.ctx, nobody, c)), slipway.CodeUnauthenticated)
	refused(t, of(r.PromoteSet(r.ctx, root, c)), slipway.CodeInvalid, "names 1 to 50 services")
	if after := r.all(); after != before {
		t.Errorf("it left something:\n%s", after)
	}
}

func TestSetIsAskedForOnce(t *testing.T) {
	t.Parallel()
	r := withBoth(t)
	c := ofBoth("")
	c.Key = "k"
	first, second := must(r.PromoteSet(r.ctx, root, c))(t), must(r.PromoteSet(r.ctx, root, c))(t)
	if first.ID != second.ID {
		t.Errorf("sets %d and %d", first.ID, second.ID)
	}
	refused(t, of(r.PromoteSet(r.ctx, root, ofBoth(""))), slipway.CodeConflict, "shop is in set 1 already")
	steer := app.SteerSet{Set: first.ID, Reason: "lunch"}
	steer.Key = "k2"
	for range 2 {
		if s := must(r.CancelSet(r.ctx, root, steer))(t); s.Ending != slipway.SetCancelled || s.Stop.Reason != "lunch" {
			t.Errorf("it is %+v", s)
		}
	}
	steer.Key = ""
	refused(t, of(r.CancelSet(r.ctx, root, steer)), slipway.CodeConflict, "being cancelled")
	steer.Reason = strings.Repeat("x", 2001)
	refused(t, of(r.CancelSet(r.ctx, root, steer)), slipway.CodeInvalid)
}

// TestMayStill: an order does not outlive the right to give it.
func TestMayStill(t *testing.T) {
	t.Parallel()
	r := busy(t)
	binding := r.bind(stranger, slipway.RoleDeveloper, "web")
	asks := func(o slipway.SetOrder, p slipway.Permission, service string) (why string) {
		t.Helper()
		r.read(func(tx slipway.Tx) (err error) {
			why, err = r.MayStill(r.ctx, tx, o, p, service, "staging")
			return err
		})
		return why
	}
	says := func(want, got string) {
		t.Helper()
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("it says %q, not %q", got, want)
		}
	}
	order := slipway.SetOrder{By: stranger.Person()}
	says("", asks(order, slipway.DeploymentPromote, "shop"))
	says("", asks(order, slipway.DeploymentRollback, "shop"))
	says("no deployment.promote", asks(slipway.SetOrder{By: lead.Person()}, slipway.DeploymentPromote, "shop"))
	says("no deployment.promote", asks(order, slipway.DeploymentPromote, "vault"))
	ok(t, r.RemoveBinding(r.ctx, root, app.RemoveBinding{Binding: binding.ID}))
	says("Stranger has no deployment.promote there any more.", asks(order, slipway.DeploymentPromote, "shop"))
	says("", asks(slipway.SetOrder{By: root.Person()}, slipway.DeploymentPromote, "vault")) // by the group of the last sign-in
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(r.ctx, root.ID)
		if err == nil {
			u.Disabled = true
			err = tx.People().PutUser(r.ctx, u)
		}
		return err
	}))
	says("disabled", asks(slipway.SetOrder{By: root.Person()}, slipway.DeploymentPromote, "vault"))
	byToken := slipway.SetOrder{By: dev.Person(), TokenID: "t1"}
	says("", asks(byToken, slipway.DeploymentPromote, "shop"))
	ok(t, r.RevokeToken(r.ctx, dev, app.RevokeToken{Token: "t1"}))
	says("revoked", asks(byToken, slipway.DeploymentPromote, "shop"))
	says("revoked", asks(slipway.SetOrder{By: dev.Person(), TokenID: "t99"}, slipway.DeploymentPromote, "shop"))
}

// TestDeploymentNamesItsSet to who may read it.
func TestDeploymentNamesItsSet(t *testing.T) {
	t.Parallel()
	r := withBoth(t)
	s := must(r.PromoteSet(r.ctx, root, ofBoth("")))(t)
	d := r.promote(dev, "1", "staging")
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		s.Items[0].Started(d)
		_, err := tx.Sets().Save(r.ctx, s)
		return err
	}))
	if p := must(r.Deployment(r.ctx, root, d.ID))(t); p.Set == nil || p.Set.ID != s.ID {
		t.Errorf("root sees %+v", p.Set)
	}
	if p := must(r.Deployment(r.ctx, viewer, d.ID))(t); p.Set != nil {
		t.Errorf("a viewer of one team sees %+v", p.Set)
	}
	ids := []int64{}
	list, next, err := r.Sets(r.ctx, root, "", slipway.Page{Limit: 1})
	for ok(t, err); ; {
		for _, s := range list {
			ids = append(ids, s.Set.ID)
		}
		if next == "" {
			break
		}
		list, next, err = r.Sets(r.ctx, root, "", slipway.Page{Limit: 1, Cursor: next})
		ok(t, err)
	}
	if !slices.Equal(ids, []int64{s.ID}) {
		t.Errorf("sets %v", ids)
	}
}
