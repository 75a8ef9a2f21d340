package app

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/policy"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Inbox is what waits for the actor, what they asked for, and what was decided
// lately.
type Inbox struct {
	Decide  []InboxItem // oldest first
	Asked   []InboxItem
	Decided []InboxItem
	Secrets []ProposalView   // changes of secrets that wait for the actor, oldest first
	Freezes []slipway.Freeze // coming and current, for the empty inbox
}

// InboxItem is a deployment with what a decision needs.
type InboxItem struct {
	Deployment slipway.Deployment
	Service    slipway.Service
	Release    slipway.Release
	Changes    []slipway.Difference
}

// decidedWithin is how long decided deployments stay in the inbox.
const decidedWithin = 3 * 24 * time.Hour

// Inbox gathers the actor's inbox.
func (a *App) Inbox(ctx context.Context, actor slipway.Actor) (in Inbox, err error) {
	if err := a.signedIn(actor); err != nil {
		return in, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		waiting, err := a.waitingFor(ctx, tx, actor)
		if err != nil {
			return err
		}
		for i := len(waiting) - 1; i >= 0; i-- {
			d, err := tx.Deployments().Get(ctx, waiting[i].ID)
			if err != nil {
				return err
			}
			item, err := inboxItem(ctx, tx, d)
			if err != nil {
				return err
			}
			in.Decide = append(in.Decide, item)
		}
		if in.Asked, in.Decided, err = a.askedAndDecided(ctx, tx, actor); err != nil {
			return err
		}
		if in.Secrets, err = a.proposalsFor(ctx, tx, actor); err != nil {
			return err
		}
		in.Freezes, err = a.freezes(ctx, tx)
		return err
	})
	return in, err
}

// InboxCount is the number beside the word Inbox.
func (a *App) InboxCount(ctx context.Context, actor slipway.Actor) (n int, err error) {
	if err := a.signedIn(actor); err != nil {
		return 0, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		n, err = a.waitingCount(ctx, tx, actor)
		return err
	})
	return n, err
}

// Surroundings is what every page shows around what it is about.
type Surroundings struct {
	News    int64 // id of the newest event: what comes later is news to the page
	Waiting int   // the number beside the word Inbox
	Line    *slipway.StoppedLine
}

// Surroundings reads it at once, for whoever is signed in. It is to be asked
// before anything that the page itself shows, so that no news is missed.
func (a *App) Surroundings(ctx context.Context, actor slipway.Actor) (s Surroundings, err error) {
	if err := a.signedIn(actor); err != nil {
		return s, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		s, err = a.surroundings(ctx, tx, actor)
		return err
	})
	return s, err
}

func (a *App) surroundings(ctx context.Context, tx slipway.Tx, actor slipway.Actor) (s Surroundings, err error) {
	if s, err = a.around(ctx, tx); err != nil {
		return s, err
	}
	s.Waiting, err = a.waitingCount(ctx, tx, actor)
	return s, err
}

// around is all of it but the number.
func (a *App) around(ctx context.Context, tx slipway.Tx) (s Surroundings, err error) {
	if s.News, err = tx.Events().LastID(ctx); err != nil {
		return s, err
	}
	s.Line, err = tx.Line().Get(ctx)
	return s, err
}

// waitingCount counts all that wants the actor.
func (a *App) waitingCount(ctx context.Context, tx slipway.Tx, actor slipway.Actor) (int, error) {
	waiting, err := a.waitingFor(ctx, tx, actor)
	if err != nil {
		return 0, err
	}
	return a.count(ctx, tx, actor, waiting)
}

func (a *App) count(ctx context.Context, tx slipway.Tx, actor slipway.Actor, waiting []slipway.Deployment) (int, error) {
	changes, err := a.proposalsFor(ctx, tx, actor)
	return len(waiting) + len(changes), err
}

// waitingFor lists deployments whose gates want the actor, newest first, with
// no more of their plans than the gates.
func (a *App) waitingFor(ctx context.Context, tx slipway.Tx, actor slipway.Actor) ([]slipway.Deployment, error) {
	asked, err := a.mayBeAsked(ctx, tx, actor)
	if err != nil || asked.voter() == "" {
		return nil, err
	}
	waiting, err := tx.Deployments().Undecided(ctx, asked.voter(), maxLimit)
	return asked.of(waiting), err
}

// asked is somebody whose decisions may be wanted, with their roles.
type asked struct {
	actor    slipway.Actor
	bindings []slipway.Binding
}

func (a *App) mayBeAsked(ctx context.Context, tx slipway.Tx, actor slipway.Actor) (asked, error) {
	if err := a.outright(ctx, tx, actor, slipway.ServiceRead, slipway.Resource{}); err != nil {
		return asked{}, err
	}
	bindings, err := a.bindings(ctx, tx, actor)
	return asked{actor, bindings}, err
}

// voter is empty if they may approve nothing: then there is nothing to look for.
func (w asked) voter() string {
	if policy.Visible(w.bindings, w.actor, slipway.DeploymentApprove).Nothing() {
		return ""
	}
	return w.actor.ID
}

// of leaves those of which a gate wants them.
func (w asked) of(waiting []slipway.Deployment) (mine []slipway.Deployment) {
	for _, d := range waiting {
		if decidable(d, w.actor, w.bindings, nil) == "" {
			mine = append(mine, d)
		}
	}
	return mine
}

func inboxItem(ctx context.Context, tx slipway.Tx, d slipway.Deployment) (InboxItem, error) {
	item := InboxItem{Deployment: d, Changes: slipway.DiffSpecs(d.Plan.From, d.Plan.To)}
	var err error
	if item.Service, err = tx.Services().Get(ctx, d.Service); err != nil {
		return item, err
	}
	item.Release, err = tx.Releases().Get(ctx, d.Service, d.Version)
	return item, err
}

// askedAndDecided is what the actor asked for. Having asked once is no right to
// see what became of it after one has left the team.
func (a *App) askedAndDecided(ctx context.Context, tx slipway.Tx, actor slipway.Actor) (asked, decided []InboxItem, err error) {
	may, err := a.visible(ctx, tx, actor, slipway.ServiceRead)
	if err != nil || may.Nothing() {
		return nil, nil, err
	}
	recent, _, err := readable(ctx, tx, may, slipway.DeploymentFilter{RequestedBy: actor.ID, Since: a.now().Add(-decidedWithin)}, slipway.Page{Limit: 20})
	if err != nil {
		return nil, nil, err
	}
	for _, d := range recent {
		item, err := inboxItem(ctx, tx, d)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case d.State.Active():
			asked = append(asked, item)
		case d.State != slipway.Succeeded || asksPeople(d.Plan):
			decided = append(decided, item) // what nobody had to decide, and went well, is no news
		}
	}
	return asked, decided, nil
}

func asksPeople(p slipway.Plan) bool {
	return slices.ContainsFunc(p.Gates, func(g slipway.Gate) bool { return g.Approval != nil })
}
