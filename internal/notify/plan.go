package notify

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	together = 500 // events that are read at once
	// plannedTogether is how many deliveries one transaction plans, or those of one event if
	// they are more. Where many follow what happens often, those of all events that
	// were read would keep everybody else on SQLite from writing for seconds.
	plannedTogether = 200
	// behind is how many events of no concern are passed over before the cursor is
	// moved for their sake alone: they are many, and each move is a write.
	behind = 5000
)

// Plan makes deliveries of all events that no replica has planned yet.
func (n *Notifier) Plan(ctx context.Context) error {
	n.prepare()
	for {
		news, more, err := n.look(ctx)
		if err != nil {
			return err
		}
		if news {
			if more, err = n.take(ctx); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// look reads on without writing, and reports whether there is anything to plan.
func (n *Notifier) look(ctx context.Context) (news, more bool, err error) {
	err = n.Store.Read(ctx, func(tx slipway.Tx) error {
		kept, err := tx.NoticeCursor().Get(ctx)
		if err != nil {
			return err
		}
		n.seen = max(n.seen, kept)
		events, err := tx.Events().After(ctx, n.seen, together)
		if err != nil || len(events) == 0 {
			return err
		}
		last := events[len(events)-1].ID
		planned, _, err := n.deliveries(ctx, tx, events)
		if err != nil {
			return err
		}
		if news = len(planned) > 0 || last-kept > behind; !news {
			n.seen, more = last, len(events) == together
		}
		return nil
	})
	return news, more, err
}

// take plans what comes after the cursor and moves it, in one transaction: of two
// replicas one waits for the other, and finds nothing left.
func (n *Notifier) take(ctx context.Context) (more bool, err error) {
	var last int64
	err = n.Store.Write(ctx, func(tx slipway.Tx) error {
		kept, err := tx.NoticeCursor().Get(ctx)
		if err != nil {
			return err
		}
		last = kept
		events, err := tx.Events().After(ctx, kept, together)
		if err != nil || len(events) == 0 {
			return err
		}
		planned, upTo, err := n.deliveries(ctx, tx, events)
		if err != nil {
			return err
		}
		for _, d := range planned {
			if _, err := tx.Deliveries().Add(ctx, d); err != nil {
				return err
			}
		}
		last, more = upTo, len(events) == together || upTo < events[len(events)-1].ID
		return tx.NoticeCursor().Put(ctx, last)
	})
	if err == nil {
		n.seen = max(n.seen, last)
		n.signal()
	}
	return more, err
}

// deliveries says what is to be told of events, to routes and to people, up to an
// event with which it is enough at once.
func (n *Notifier) deliveries(ctx context.Context, tx slipway.Tx, events []slipway.DomainEvent) (out []slipway.Delivery, upTo int64, err error) {
	p := planner{Notifier: n, tx: tx}
	for _, e := range events {
		upTo = e.ID
		if !slipway.CanBeTold(e.Kind) {
			continue
		}
		of, err := p.of(ctx, e)
		if err != nil {
			return nil, 0, err
		}
		if out = append(out, of...); len(out) >= plannedTogether {
			break
		}
	}
	return out, upTo, nil
}

// planner reads what it needs once for a batch of events.
type planner struct {
	*Notifier
	tx     slipway.Tx
	read   bool
	routes []slipway.NotificationRoute
	wishes map[string]slipway.Preferences
}

func (p *planner) prepare(ctx context.Context) (err error) {
	if p.read {
		return nil
	}
	if p.routes, err = p.tx.Routes().List(ctx); err != nil {
		return err
	}
	p.wishes, err = p.tx.Preferences().List(ctx)
	p.read = true
	return err
}

func (p *planner) of(ctx context.Context, e slipway.DomainEvent) ([]slipway.Delivery, error) {
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	var told []slipway.NotificationRoute
	for _, r := range p.routes {
		if r.Tells(e) {
			told = append(told, r)
		}
	}
	var followers []string
	for person, wishes := range p.wishes {
		if wishes.Wants(e) && p.connected(wishes) {
			followers = append(followers, person)
		}
	}
	asks := e.Kind == "deployment.waiting" && p.reachesPeople()
	if len(told)+len(followers) == 0 && !asks {
		return nil, nil
	}
	f, err := factsOf(ctx, p.tx, e)
	if err != nil {
		return nil, err
	}
	var out []slipway.Delivery
	for _, r := range told {
		out = append(out, p.forRoute(r, f)...)
	}
	for _, person := range followers {
		out = append(out, p.personal(person, p.wishes[person], fmt.Sprintf("event/%d", e.ID), f.notice))
	}
	if asks {
		asked, err := p.forDeciders(ctx, f, false)
		if err != nil {
			return nil, err
		}
		out = append(out, asked...)
	}
	return out, nil
}

// forRoute is one delivery, or one of each CDEvent that an event amounts to.
func (p *planner) forRoute(r slipway.NotificationRoute, f facts) []slipway.Delivery {
	d := slipway.Delivery{Route: r.ID, Channel: r.To.Channel, Key: fmt.Sprintf("event/%d", f.notice.Event.ID), Thread: f.thread(), Notice: f.notice,
		State: slipway.DeliveryPending, NextAt: p.now(), CreatedAt: p.now()}
	if r.To.Format != slipway.FormatCDEvents {
		return []slipway.Delivery{d}
	}
	var out []slipway.Delivery
	for _, form := range f.forms {
		one := d
		one.Key, one.Notice.Form, one.Notice.Incident, one.Notice.Decision = form.key, form.form, form.incident, form.decision
		out = append(out, one)
	}
	return out
}
