package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	remindEvery = 30 * time.Second
	// remindBefore is how long before its end people are reminded of a gate; of a
	// short one, when three quarters of its time are over.
	remindBefore = time.Hour
	waitingPage  = 200
)

// reminding looks now and then at the gates that wait for people.
func (n *Notifier) reminding(ctx context.Context) {
	ticker := time.NewTicker(remindEvery)
	defer ticker.Stop()
	for {
		if err := n.Remind(ctx); err != nil && ctx.Err() == nil {
			n.Log.ErrorContext(ctx, "reminding people of gates failed, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Remind plans reminders of the gates that are about to expire: one per person,
// gate and plan. Those who were not asked before, as they had not the right to
// decide then, are told now.
func (n *Notifier) Remind(ctx context.Context) error {
	n.prepare()
	if !n.reachesPeople() {
		return nil
	}
	var planned []slipway.Delivery
	err := n.Store.Read(ctx, func(tx slipway.Tx) error {
		planned = nil
		page := slipway.Page{Limit: waitingPage}
		for {
			waiting, next, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: []slipway.State{slipway.Waiting}}, page)
			if err != nil {
				return err
			}
			for _, d := range waiting {
				reminders, err := n.reminders(ctx, tx, d)
				if err != nil {
					return err
				}
				planned = append(planned, reminders...)
			}
			if page.Cursor = next; next == "" {
				return nil
			}
		}
	})
	if err != nil || len(planned) == 0 {
		return err
	}
	return n.add(ctx, planned)
}

func (n *Notifier) reminders(ctx context.Context, tx slipway.Tx, d slipway.Deployment) ([]slipway.Delivery, error) {
	ask, gate := askOf(d)
	if ask == nil {
		return nil, nil
	}
	lasts := time.Duration(gate.Expires)
	ahead := min(remindBefore, lasts/4)
	if now := n.now(); now.Before(ask.Until.Add(-ahead)) || !now.Before(ask.Until) {
		return nil, nil
	}
	e := slipway.DomainEvent{At: n.now(), Kind: "deployment.waiting", Team: d.Team, Service: d.Service, Environment: d.Environment, Deployment: d.ID,
		Actor: d.RequestedBy.Name, Message: d.Message}
	p := planner{Notifier: n, tx: tx}
	return p.forDeciders(ctx, facts{notice: slipway.Notice{Event: e, Deployment: slipway.NoticeOf(d)}, deployment: d}, true)
}

func (n *Notifier) add(ctx context.Context, planned []slipway.Delivery) error {
	added := false
	err := n.Store.Write(ctx, func(tx slipway.Tx) error {
		added = false
		for _, d := range planned {
			fresh, err := tx.Deliveries().Add(ctx, d)
			if err != nil {
				return err
			}
			added = added || fresh
		}
		return nil
	})
	if added {
		n.signal()
	}
	return err
}

// askOf is what people are asked on a deployment: the approval that is still
// missing and ends first. Nil if none is.
func askOf(d slipway.Deployment) (*slipway.NoticeAsk, *slipway.ApprovalGate) {
	var ask *slipway.NoticeAsk
	var gate *slipway.ApprovalGate
	for _, g := range d.Plan.Gates {
		if g.Approval == nil {
			continue
		}
		until := d.CreatedAt.Add(time.Duration(g.Approval.Expires))
		if ask == nil || until.Before(ask.Until) {
			ask, gate = &slipway.NoticeAsk{Need: max(1, g.Approval.Count), Until: until}, g.Approval
		}
	}
	return ask, gate
}

// forDeciders asks those who may decide on a deployment, once for each plan: a
// plan that changed voids what they said to the one before.
func (p *planner) forDeciders(ctx context.Context, f facts, reminder bool) ([]slipway.Delivery, error) {
	d := f.deployment
	ask, _ := askOf(d)
	if d.State != slipway.Waiting || ask == nil || !p.reachesPeople() {
		return nil, nil
	}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	deciders, err := p.Rights.Deciders(ctx, p.tx, d)
	if err != nil {
		return nil, err
	}
	notice := f.notice
	ask.Reminder, notice.Asks = reminder, ask
	key := fmt.Sprintf("gate/%d/%s/asked", d.ID, short(d.PlanDigest))
	if reminder {
		key = fmt.Sprintf("gate/%d/%s/reminded", d.ID, short(d.PlanDigest))
	}
	var out []slipway.Delivery
	for _, u := range deciders {
		wishes, said := p.wishes[u.ID]
		if !said {
			wishes = slipway.DefaultPreferences()
		}
		if wishes.Approvals && p.connected(wishes) {
			out = append(out, p.personal(u.ID, wishes, key, notice))
		}
	}
	return out, nil
}

func short(digest string) string { return digest[:min(len(digest), 19)] }

// reachesPeople reports whether there is a way to anybody.
func (n *Notifier) reachesPeople() bool {
	for _, way := range []slipway.DeliveryChannel{slipway.ToEmail, slipway.ToSlack, slipway.ToMattermost} {
		if _, ok := n.Senders[way]; ok {
			return true
		}
	}
	return false
}

// connected reports whether there is a way to a person. Without one nothing is
// planned: a log full of what could never be told would help nobody.
func (p *planner) connected(wishes slipway.Preferences) bool {
	_, ok := p.Senders[wishes.Channel]
	return ok
}

// personal plans a delivery for one person: after their quiet hours, unless it is
// urgent and they want that at any time.
func (p *planner) personal(person string, wishes slipway.Preferences, key string, notice slipway.Notice) slipway.Delivery {
	at := p.now()
	if !notice.Urgent || !wishes.Urgent {
		at = wishes.Quiet.Ends(at)
	}
	thread := ""
	if notice.Deployment != nil {
		thread = fmt.Sprintf("deployment/%d", notice.Deployment.ID)
	}
	return slipway.Delivery{Person: person, Channel: wishes.Channel, Key: key, Thread: thread, Notice: notice, State: slipway.DeliveryPending, NextAt: at, CreatedAt: p.now()}
}

// addressPerson finds where a person is told, and asks whether they still may be,
// and whether there still is anything to decide.
func (n *Notifier) addressPerson(ctx context.Context, tx slipway.Tx, l *Letter) (whyNot string, err error) {
	d := l.Delivery
	e := d.Notice.Event
	u, err := tx.People().User(ctx, d.Person)
	if err != nil {
		return "", err
	}
	whyNot, err = n.Rights.PersonMayRead(ctx, tx, u, slipway.Resource{Team: e.Team, Service: e.Service, Environment: e.Environment})
	if err != nil || whyNot != "" {
		return whyNot, err
	}
	if d.Notice.Asks != nil {
		if whyNot, err = n.stillAsked(ctx, tx, d); err != nil || whyNot != "" {
			return whyNot, err
		}
	}
	l.To = slipway.Destination{Channel: d.Channel}
	switch {
	case d.Channel == slipway.ToEmail:
		l.To.Address = u.Email
	case n.Addresses != nil:
		l.To.Address, err = n.Addresses.AddressOf(ctx, tx, u.ID, d.Channel)
	}
	if err == nil && l.To.Address == "" {
		whyNot = fmt.Sprintf("%s has no address for %s here.", u.Name, d.Channel)
	}
	return whyNot, err
}

// stillAsked says why nobody has to decide any more: it was decided while the
// letter waited for the morning, say.
func (n *Notifier) stillAsked(ctx context.Context, tx slipway.Tx, d slipway.Delivery) (whyNot string, err error) {
	is, err := tx.Deployments().Get(ctx, d.Notice.Deployment.ID)
	if err != nil {
		return "", err
	}
	deciders, err := n.Rights.Deciders(ctx, tx, is)
	if err != nil {
		return "", err
	}
	for _, u := range deciders {
		if u.ID == d.Person {
			return "", nil
		}
	}
	return "There is nothing to decide any more.", nil
}
