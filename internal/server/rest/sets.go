package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// ReleaseSet is releases of several services that go to an environment
// together, and back together.
type ReleaseSet struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`
	Environment string     `json:"environment"`
	State       string     `json:"state" doc:"running, rollingBack; or ended: succeeded, rolledBack, failed, cancelled"`
	Active      bool       `json:"active" doc:"Whether it still has something to do."`
	Ending      string     `json:"ending,omitempty" doc:"The state it comes to once nothing is under way; left out while it goes forward."`
	OnFailure   string     `json:"onFailure" doc:"rollback: when one fails, all go back. stop: all stay where they are."`
	RequestedBy Person     `json:"requestedBy"`
	Stop        *SetStop   `json:"stop,omitempty" doc:"Why it goes no further, and by whom: by Slipway itself after a failure."`
	Note        string     `json:"note,omitempty"`
	Message     string     `json:"message" doc:"What it does, or what is where."`
	Items       []SetEntry `json:"items" doc:"As they were given; after says in which order they go."`
	CreatedAt   time.Time  `json:"createdAt"`
	EndedAt     *time.Time `json:"endedAt,omitempty"`
}

// SetStop is what ended the way forward.
type SetStop struct {
	By                 Person    `json:"by"`
	At                 time.Time `json:"at"`
	Reason             string    `json:"reason,omitempty"`
	AcceptIrreversible bool      `json:"acceptIrreversible,omitempty" doc:"It goes back although a release is marked as not reversible."`
}

// SetEntry is one release of a set.
type SetEntry struct {
	Team       string     `json:"team"`
	Service    string     `json:"service"`
	Version    string     `json:"version"`
	After      []string   `json:"after" doc:"Services of the set that go first."`
	From       string     `json:"from,omitempty" doc:"Version that was live when it was asked for."`
	State      string     `json:"state" doc:"pending, running, succeeded, failed (as before), unclear, skipped, toRollBack, rollingBack, rolledBack, kept (it was to go back, and could not)"`
	Message    string     `json:"message,omitempty"`
	Deployment int64      `json:"deployment,omitempty" doc:"On the way forward; left out while there is none, or if it was live already."`
	Back       int64      `json:"back,omitempty" doc:"Deployment on the way back."`
	WaitsSince *time.Time `json:"waitsSince,omitempty" doc:"Since when it cannot be asked for, though its turn has come."`
}

func releaseSet(s slipway.ReleaseSet) ReleaseSet {
	out := ReleaseSet{ID: s.ID, Name: s.Name, Environment: s.Environment, State: string(s.State), Active: s.State.Active(), Ending: string(s.Ending),
		OnFailure: string(s.OnFailure), RequestedBy: person(s.Asked.By), Note: s.Note, Message: s.Message, CreatedAt: at(s.CreatedAt), EndedAt: utc(s.EndedAt)}
	if o := s.Stop; o != nil {
		out.Stop = &SetStop{By: person(o.By), At: at(o.At), Reason: o.Reason, AcceptIrreversible: o.AcceptIrreversible}
	}
	out.Items = each(s.Items, func(i slipway.SetItem) SetEntry {
		return SetEntry{Team: i.Team, Service: i.Service, Version: i.Version, After: listed(i.After), From: i.From, State: string(i.State), Message: i.Message,
			Deployment: i.Deployment, Back: i.Back, WaitsSince: utc(i.WaitsSince)}
	})
	return out
}

// ReleaseSetDetail is a set with what you may do about it.
type ReleaseSetDetail struct {
	ReleaseSet
	WhyNot map[string]string `json:"whyNot" doc:"Why you may not, by verb: cancel, rollback. A verb that is missing you may."`
}

// PromoteSet asks for a set.
type PromoteSet struct {
	Name        string           `json:"name" maxLength:"400" doc:"One line, by which people find it again." example:"Checkout 7"`
	Environment string           `json:"environment" maxLength:"63"`
	Items       []PromoteSetItem `json:"items" maxItems:"100"`
	OnFailure   string           `json:"onFailure,omitempty" enum:"rollback,stop" doc:"rollback if left out, which asks for the right to roll back."`
	Note        string           `json:"note,omitempty" maxLength:"2000"`
}

// PromoteSetItem is one release to go with the others.
type PromoteSetItem struct {
	Service string   `json:"service" maxLength:"63"`
	Version string   `json:"version" maxLength:"64"`
	After   []string `json:"after,omitempty" maxItems:"100" doc:"Services of the set that go first."`
}

// SteerSet says why.
type SteerSet struct {
	Reason string `json:"reason,omitempty" maxLength:"2000"`
}

// RollBackSet says why, and what is known of the way back.
type RollBackSet struct {
	SteerSet
	AcceptIrreversible bool `json:"acceptIrreversible,omitempty" doc:"Go back although a release is marked as not reversible."`
}

// SetIn names a set.
type SetIn struct {
	ID int64 `path:"id" minimum:"1" doc:"Number of the set."`
}

type promoteSetIn struct {
	KeyIn
	Body PromoteSet
}

type cancelSetIn struct {
	SetIn
	KeyIn
	Body *SteerSet
}

type rollBackSetIn struct {
	SetIn
	KeyIn
	Body *RollBackSet
}

// setOut says with 202 that something was begun, not done.
type setOut struct {
	Location string `header:"Location"`
	Body     ReleaseSet
}

func begun(s slipway.ReleaseSet, err error) (*setOut, error) {
	if err != nil {
		return nil, err
	}
	return &setOut{Location: base + "/sets/" + strconv.FormatInt(s.ID, 10), Body: releaseSet(s)}, nil
}

func (s *Surface) registerSets() {
	add(s, operation{id: "list-sets", method: http.MethodGet, path: "/sets", access: server.Needs(slipway.ServiceRead), tag: "sets",
		summary: "List release sets, newest first", about: "Those of which you may read every service."}, s.listSets)
	add(s, operation{id: "promote-set", method: http.MethodPost, path: "/sets", access: server.Needs(slipway.DeploymentPromote), tag: "sets",
		summary: "Promote releases of several services together", status: http.StatusAccepted,
		about: "Each goes after those it depends on, by an ordinary deployment with its own gates. Nothing is started unless every one could; " +
			"where one is refused for good, the answer is 409 with blockedBy."}, s.promoteSet)
	add(s, operation{id: "get-set", method: http.MethodGet, path: "/sets/{id}", access: server.Needs(slipway.ServiceRead), tag: "sets",
		summary: "Show a release set"}, s.getSet)
	add(s, operation{id: "cancel-set", method: http.MethodPost, path: "/sets/{id}/cancel", access: server.Needs(slipway.DeploymentControl), tag: "sets",
		summary: "Have a set go no further", status: http.StatusAccepted, about: "What is under way is taken back, what has got there stays."}, s.cancelSet)
	add(s, operation{id: "roll-back-set", method: http.MethodPost, path: "/sets/{id}/rollback", access: server.Needs(slipway.DeploymentRollback), tag: "sets",
		summary: "Take a set back as a whole, the last of it first", status: http.StatusAccepted,
		about: "Restores exactly what ran before, service by service. What is still under way is taken back before."}, s.rollBackSet)
}

type listSetsIn struct {
	PageIn
	Service string `query:"service" maxLength:"63" doc:"Only sets with a release of this service."`
}

func (s *Surface) listSets(ctx context.Context, actor slipway.Actor, in *listSetsIn) (*answer[Page[ReleaseSet]], error) {
	rows, next, err := s.App.Sets(ctx, actor, in.Service, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, func(p app.SetPage) ReleaseSet { return releaseSet(p.Set) }), nil
}

func (s *Surface) promoteSet(ctx context.Context, actor slipway.Actor, in *promoteSetIn) (*setOut, error) {
	b := in.Body
	return begun(s.App.PromoteSet(ctx, actor, app.PromoteSet{Once: in.once(), Name: b.Name, Environment: b.Environment, Note: b.Note,
		OnFailure: slipway.FailureRule(b.OnFailure), Items: each(b.Items, func(i PromoteSetItem) app.SetItem { return app.SetItem(i) })}))
}

func (s *Surface) getSet(ctx context.Context, actor slipway.Actor, in *SetIn) (*answer[ReleaseSetDetail], error) {
	p, err := s.App.Set(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	out := ReleaseSetDetail{ReleaseSet: releaseSet(p.Set), WhyNot: p.WhyNot}
	if out.WhyNot == nil {
		out.WhyNot = map[string]string{}
	}
	return &answer[ReleaseSetDetail]{out}, nil
}

func (s *Surface) cancelSet(ctx context.Context, actor slipway.Actor, in *cancelSetIn) (*setOut, error) {
	c := app.SteerSet{Once: in.once(), Set: in.ID}
	if in.Body != nil {
		c.Reason = in.Body.Reason
	}
	return begun(s.App.CancelSet(ctx, actor, c))
}

func (s *Surface) rollBackSet(ctx context.Context, actor slipway.Actor, in *rollBackSetIn) (*setOut, error) {
	c := app.SteerSet{Once: in.once(), Set: in.ID}
	if b := in.Body; b != nil {
		c.Reason, c.AcceptIrreversible = b.Reason, b.AcceptIrreversible
	}
	return begun(s.App.RollBackSet(ctx, actor, c))
}
