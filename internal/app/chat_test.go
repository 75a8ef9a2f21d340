package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func slackUser(id string) slipway.ChatUser {
	return slipway.ChatUser{Platform: slipway.Slack, Workspace: "T1", ID: id}
}

func chatCases() map[string]useCase {
	channel := slipway.Place{Platform: slipway.Slack, Workspace: "T1", Channel: "C1"}
	return map[string]useCase{
		"Announce": {asks: slipway.ServiceRead, stranger: hidden, foreign: hidden, by: dev, action: "deployment.announced", on: inProd, call: func(r *rig, a slipway.Actor) error {
			return r.Announce(r.ctx, a, r.active("shop", "prod").ID, channel)
		}},
		"LinkChat": {by: viewer, action: "chat.linked", on: all, call: func(r *rig, a slipway.Actor) error {
			return of(r.LinkChat(r.ctx, a, app.LinkChat{Account: slackUser("U-new"), Name: "@new", Link: "n1"}))
		}},
		"UnlinkChat": {stranger: hidden, foreign: hidden, viewer: hidden, by: dev, action: "chat.unlinked", on: all, call: func(r *rig, a slipway.Actor) error {
			return r.UnlinkChat(r.ctx, a, app.UnlinkChat{User: slackUser("U-dev")})
		}},
		"ChatAccounts": {by: viewer, call: func(r *rig, a slipway.Actor) error { return of(r.ChatAccounts(r.ctx, a)) }},
	}
}

func (r *rig) link(a slipway.Actor, id, link string) error {
	return of(r.LinkChat(r.ctx, a, app.LinkChat{Account: slackUser(id), Name: "@" + id, Link: link}))
}

func TestAChatAccountIsLinkedOnce(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	ok(t, r.link(dev, "U1", "one"))
	ok(t, r.link(dev, "U1", "one")) // pressed twice
	if entries := r.audit(1); entries[0].Action != "chat.linked" || entries[0].Actor.ID != dev.ID {
		t.Errorf("the audit says %+v", entries[0])
	}
	before := r.all()
	refused(t, r.link(lead, "U1", "two"), slipway.CodeConflict, "linked to somebody else", "unlink")
	refused(t, r.link(lead, "U2", "one"), slipway.CodeConflict, "This link was used before", "/slipway link")
	refused(t, r.link(lead, "U2", ""), slipway.CodeInvalid)
	machine, found := dev, dev
	machine.Kind, found.TokenID = slipway.ActorServiceAccount, "t1"
	refused(t, r.link(machine, "U2", "three"), slipway.CodeDenied, "Only people")
	refused(t, r.link(found, "U2", "three"), slipway.CodeDenied, "signed in at the portal")
	refused(t, r.UnlinkChat(r.ctx, found, app.UnlinkChat{User: slackUser("U1")}), slipway.CodeNotFound)
	refused(t, r.UnlinkChat(r.ctx, lead, app.UnlinkChat{User: slackUser("U1")}), slipway.CodeNotFound)
	if after := r.all(); after != before {
		t.Errorf("a refusal changed something:\n%s\nbecame\n%s", before, after)
	}
	if mine := must(r.ChatAccounts(r.ctx, dev))(t); len(mine) != 1 || mine[0].ID != "U1" {
		t.Errorf("dev's accounts are %+v", mine)
	}
	ok(t, r.UnlinkChat(r.ctx, root, app.UnlinkChat{User: slackUser("U1")})) // who manages access
	ok(t, r.link(lead, "U1", "four"))
	ok(t, r.UnlinkChat(r.ctx, lead, app.UnlinkChat{User: slackUser("U1")}))
}

// changed saves a person with a change.
func (r *rig) changed(a slipway.Actor, change func(*slipway.User)) {
	r.t.Helper()
	ok(r.t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(r.ctx, a.ID)
		if err != nil {
			return err
		}
		change(&u)
		return tx.People().PutUser(r.ctx, u)
	}))
}

func TestWhoAChatUserIs(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	who := func(u slipway.ChatUser) (slipway.Actor, error) {
		actor, _, err := r.ChatActor(r.ctx, u)
		return actor, err
	}
	_, err := who(slackUser("U1"))
	refused(t, err, slipway.CodeUnauthenticated, "not linked", "/slipway link")
	ok(t, r.link(lead, "U1", "one"))
	seen := func(u *slipway.User) { u.LastSeen = r.clock() }
	r.changed(lead, seen)
	actor := must(who(slackUser("U1")))(t)
	if actor.ID != lead.ID || actor.Via != slipway.ViaSlack || !actor.InGroup([]string{"leads"}) || actor.TokenID != "" {
		t.Errorf("the chat user is %+v", actor)
	}
	for _, other := range []slipway.ChatUser{{Platform: slipway.Slack, Workspace: "T2", ID: "U1"}, {Platform: slipway.Mattermost, Workspace: "T1", ID: "U1"}} {
		_, err := who(other)
		refused(t, err, slipway.CodeUnauthenticated)
	}
	r.changed(lead, func(u *slipway.User) { u.Groups = []string{"gone"} })
	if actor = must(who(slackUser("U1")))(t); actor.InGroup([]string{"leads"}) {
		t.Error("the groups are those of before")
	}
	r.changed(lead, func(u *slipway.User) { u.Disabled = true })
	_, err = who(slackUser("U1"))
	refused(t, err, slipway.CodeDenied, "disabled")
	r.changed(lead, func(u *slipway.User) { u.Disabled = false })
	r.after(31 * 24 * time.Hour)
	_, err = who(slackUser("U1"))
	refused(t, err, slipway.CodeDenied, "30 days", "Sign in there")
	r.changed(lead, seen)
	must(who(slackUser("U1")))(t)
}

// TestOnlyWhatWasShownStarts: what changed between a preview and its
// confirmation starts nothing.
func TestOnlyWhatWasShownStarts(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.release("shop", "1", "2")
	c := app.Promote{Service: "shop", Environment: "staging", Version: "1"}
	c.Shown = must(r.DryRun(r.ctx, dev, c))(t).Draft.Plan.Intent()
	c.Key = "pressed"
	other := c
	other.Version, other.Key = "2", "other"
	before := r.all()
	refused(t, of(r.Promote(r.ctx, dev, other)), slipway.CodeConflict, "has changed since you saw it")
	if r.all() != before {
		t.Error("a plan that was not shown left something behind")
	}
	first := must(r.Promote(r.ctx, dev, c))(t)
	r.drive(first.ID) // what is live has changed by it
	if again := must(r.Promote(r.ctx, dev, c))(t); again.ID != first.ID {
		t.Errorf("confirmed twice: deployments %d and %d", first.ID, again.ID)
	}
}
