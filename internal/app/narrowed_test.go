package app_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestListsAreNarrowed: whoever has a role in one team is shown nothing of
// another, however they look; who has none is shown nothing at all.
func TestListsAreNarrowed(t *testing.T) {
	t.Parallel()
	r := busy(t)
	r.release("vault", "1")
	theirs := must(r.Promote(r.ctx, root, app.Promote{Service: "vault", Environment: "staging", Version: "1"}))(t)
	for _, who := range []struct {
		actor slipway.Actor
		team  string
	}{{viewer, "web"}, {lead, "web"}, {foreigner, "ops"}, {stranger, ""}} {
		for what, teams := range r.seenBy(who.actor) {
			if who.team != "" && len(teams) == 0 && what != "inbox" {
				t.Errorf("%s: %s shows nothing", who.actor.Name, what)
			}
			for _, team := range teams {
				if team != who.team {
					t.Errorf("%s: %s shows something of team %q", who.actor.Name, what, team)
				}
			}
		}
	}
	if f := must(r.Find(r.ctx, viewer, itoa(theirs.ID)))(t); len(f.Deployments) != 0 {
		t.Error("a deployment of another team was found by its number")
	}
	refused(t, of(r.Watch(r.ctx, viewer, app.Watch{Deployments: []int64{theirs.ID}})), hidden)
	refused(t, of(r.WhyNot(r.ctx, viewer, app.Ask{Permission: slipway.ServiceRead, On: slipway.Resource{Team: "web", Service: "vault"}})), hidden)
}

// TestAccessIsNarrowed: a role in one team is no licence to read everybody's
// address and everybody's rights.
func TestAccessIsNarrowed(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	whole := must(r.Access(r.ctx, root))(t)
	part := must(r.Access(r.ctx, viewer))(t)
	if len(whole.Users) == 0 || len(part.Users) != 0 || len(part.Bindings) == 0 || len(part.Bindings) >= len(whole.Bindings) {
		t.Errorf("root sees %d people and %d bindings, a team's viewer %d and %d", len(whole.Users), len(whole.Bindings), len(part.Users), len(part.Bindings))
	}
	for _, b := range part.Bindings {
		if b.Scope.Kind != slipway.ScopeTeam && b.Scope.Kind != slipway.ScopeService || b.Scope.Name == "ops" {
			t.Errorf("a viewer of team web sees %+v", b)
		}
	}
}

// seenBy gathers the teams of all that lists show.
func (r *rig) seenBy(a slipway.Actor) map[string][]string {
	r.t.Helper()
	seen := map[string][]string{}
	for _, row := range must(r.Board(r.ctx, a, app.BoardFilter{}, page))(r.t).Rows {
		seen["board"] = append(seen["board"], row.Service.Team)
	}
	in := must(r.Inbox(r.ctx, a))(r.t)
	for _, items := range [][]app.InboxItem{in.Decide, in.Asked, in.Decided} {
		for _, i := range items {
			seen["inbox"] = append(seen["inbox"], i.Service.Team)
		}
	}
	deployments, _, err := r.Deployments(r.ctx, a, slipway.DeploymentFilter{}, page)
	ok(r.t, err)
	seen["deployments"] = nil
	for _, d := range deployments {
		seen["deployments"] = append(seen["deployments"], d.Team)
	}
	entries, _, err := r.Activity(r.ctx, a, slipway.AuditFilter{}, page)
	ok(r.t, err)
	seen["activity"] = nil
	for _, e := range entries {
		seen["activity"] = append(seen["activity"], e.Resource.Team)
	}
	for _, query := range []string{"shop", "vault", "a"} {
		for _, s := range must(r.Find(r.ctx, a, query))(r.t).Services {
			seen["find"] = append(seen["find"], s.Team)
		}
	}
	return seen
}

// TestNarrowedPagesAreFull: what is left out does not make a page short, and
// every page leads to the next until all was shown once.
func TestNarrowedPagesAreFull(t *testing.T) {
	t.Parallel()
	r := busy(t)
	got := map[string]int{}
	next := ""
	for n := 0; n == 0 || next != ""; n++ {
		var entries []slipway.AuditEntry
		var err error
		entries, next, err = r.Activity(r.ctx, viewer, slipway.AuditFilter{}, slipway.Page{Limit: 3, Cursor: next})
		ok(t, err)
		if next != "" && len(entries) != 3 {
			t.Fatalf("page %d has %d entries", n, len(entries))
		}
		for _, e := range entries {
			got[e.Chain+itoa(e.Seq)]++
		}
	}
	var want int
	r.read(func(tx slipway.Tx) error {
		all, _, err := tx.Audit().List(r.ctx, slipway.AuditFilter{Team: "web"}, slipway.Page{Limit: 200})
		want = len(all)
		return err
	})
	for key, n := range got {
		if n != 1 {
			t.Errorf("entry %s was shown %d times", key, n)
		}
	}
	if len(got) != want {
		t.Errorf("%d entries were shown, want %d", len(got), want)
	}
}

// TestInboxIsForWhoDecides: what waits is in the inbox of those whose yes would
// count, until they gave it, and in that of who asked.
func TestInboxIsForWhoDecides(t *testing.T) {
	t.Parallel()
	r := busy(t)
	d := r.active("shop", "prod") // and bank's change of secrets, which no group is named for
	count := func(a slipway.Actor) int {
		n := must(r.InboxCount(r.ctx, a))(t)
		if around := must(r.Surroundings(r.ctx, a))(t); around.Waiting != n || around.Line != nil || around.News == 0 {
			t.Errorf("%s has %d in the inbox, and around a page it is %+v", a.Name, n, around)
		}
		return n
	}
	if count(lead) != 2 || count(second) != 2 || count(dev) != 0 || count(boss) != 1 || count(viewer) != 0 || count(foreigner) != 0 {
		t.Errorf("it waits for lead %d, second %d, dev %d, boss %d, viewer %d, foreigner %d", count(lead), count(second), count(dev), count(boss), count(viewer), count(foreigner))
	}
	ok(t, r.approve(lead, d))
	if count(lead) != 1 || count(second) != 2 {
		t.Error("who approved is still asked, or the other no more")
	}
	in := must(r.Inbox(r.ctx, dev))(t)
	if len(in.Asked) == 0 || in.Asked[0].Service.Name == "" || in.Asked[0].Release.Version == "" {
		t.Errorf("who asked sees %+v", in.Asked)
	}
	// Who has left the team is shown nothing of what they once asked for.
	left := slipway.Actor{Kind: slipway.ActorUser, ID: dev.ID, Name: dev.Name}
	r.read(func(tx slipway.Tx) error {
		list, err := tx.Bindings().For(r.ctx, dev)
		ok(t, err)
		for _, b := range list {
			defer func() { ok(t, r.RemoveBinding(r.ctx, root, app.RemoveBinding{Binding: b.ID})) }()
		}
		return nil
	})
	r.bind(dev, slipway.RoleViewer, "ops")
	if in := must(r.Inbox(r.ctx, left))(t); len(in.Asked)+len(in.Decided) != 0 {
		t.Errorf("who left sees %d and %d", len(in.Asked), len(in.Decided))
	}
}

// TestEventsOfPeopleArePrivate: pages are told of a freeze, not of who signed in.
func TestEventsOfPeopleArePrivate(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	mine, everything := must(r.Watch(r.ctx, viewer, app.Watch{}))(t), must(r.Watch(r.ctx, root, app.Watch{}))(t)
	for kind, want := range map[string]bool{"freeze.added": true, "environment.locked": true, "person.signed-in": false, "token.created": false, "access.granted": false} {
		if e := (slipway.DomainEvent{Kind: kind}); mine.Admits(e) != want || !everything.Admits(e) {
			t.Errorf("%s: a viewer is told %v", kind, mine.Admits(e))
		}
	}
	if mine.Admits(slipway.DomainEvent{Kind: "release.created", Team: "ops", Service: "vault"}) || !mine.Admits(slipway.DomainEvent{Kind: "release.created", Team: "web", Service: "shop"}) {
		t.Error("events of services are told to others than their readers")
	}
}
