package notify

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	atOnce     = 32               // targets that one replica is at
	sendWithin = 15 * time.Second // one attempt
	claimFor   = time.Minute      // longer than an attempt, or two replicas are at the same
)

// retries are the waits between attempts. The last one over, the delivery failed.
func retries() []time.Duration {
	return []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
}

// sending hands over what is due. Each target has at most one letter on its way,
// so a slow or broken one keeps nobody waiting but itself.
func (n *Notifier) sending(ctx context.Context) {
	var letters sync.WaitGroup
	defer letters.Wait()
	ticker := time.NewTicker(sendEvery)
	defer ticker.Stop()
	for {
		due, err := n.due(ctx)
		if err != nil && ctx.Err() == nil {
			n.Log.ErrorContext(ctx, "looking for notifications that are due failed, will try again", "error", err)
		}
		for _, d := range due {
			n.hold(d.Target(), true)
			letters.Go(func() {
				defer n.signal() // there may be another for the same target
				defer n.hold(d.Target(), false)
				if err := n.Deliver(ctx, d.ID); err != nil && ctx.Err() == nil {
					n.Log.ErrorContext(ctx, "a notification could not be kept track of, will try again", "delivery", d.ID, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-n.planned:
		case <-ticker.C:
		}
	}
}

func (n *Notifier) hold(target string, at bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at {
		n.busy[target] = true
	} else {
		delete(n.busy, target)
	}
}

func (n *Notifier) due(ctx context.Context) (due []slipway.Delivery, err error) {
	n.mu.Lock()
	busy := make([]string, 0, len(n.busy))
	for target := range n.busy {
		busy = append(busy, target)
	}
	n.mu.Unlock()
	if len(busy) >= atOnce {
		return nil, nil
	}
	slices.Sort(busy)
	err = n.Store.Read(ctx, func(tx slipway.Tx) error {
		due, err = tx.Deliveries().Due(ctx, n.now(), busy, atOnce-len(busy))
		return err
	})
	return due, err
}

// Deliver claims a delivery, makes one attempt and keeps what came of it. Somebody
// else's claim is no error.
func (n *Notifier) Deliver(ctx context.Context, id int64) error {
	n.prepare()
	claim, claimed := rand.Text(), false
	err := n.Store.Write(ctx, func(tx slipway.Tx) (err error) {
		claimed, err = tx.Deliveries().Claim(ctx, id, claim, n.now(), n.now().Add(claimFor))
		return err
	})
	if err != nil || !claimed {
		return err
	}
	l, whyNot, err := n.letter(ctx, id)
	if err != nil {
		return err
	}
	outcome := Outcome{Problem: whyNot, Final: true}
	if whyNot == "" {
		call, cancel := context.WithTimeout(ctx, sendWithin)
		outcome = n.Senders[l.Delivery.Channel].Send(call, l)
		cancel()
	}
	keep := context.WithoutCancel(ctx) // or it would be sent again for nothing
	if ctx.Err() != nil && outcome.Problem != "" {
		return n.giveFree(keep, l.Delivery)
	}
	return n.settle(keep, l.Delivery, outcome)
}

// letter gathers what sending needs, and asks whether it still may be told.
func (n *Notifier) letter(ctx context.Context, id int64) (l Letter, whyNot string, err error) {
	err = n.Store.Read(ctx, func(tx slipway.Tx) error {
		if l.Delivery, err = tx.Deliveries().Get(ctx, id); err != nil {
			return err
		}
		l.At, l.Page = n.now(), strings.TrimSuffix(n.PublicURL, "/")+l.Delivery.Notice.Path()
		if _, ok := n.Senders[l.Delivery.Channel]; !ok {
			whyNot = "This portal has no connection to " + string(l.Delivery.Channel) + " any more."
			return nil
		}
		if l.Delivery.Route != 0 {
			whyNot, err = n.addressRoute(ctx, tx, &l)
		} else {
			whyNot, err = n.addressPerson(ctx, tx, &l)
		}
		return err
	})
	return l, whyNot, err
}

func (n *Notifier) addressRoute(ctx context.Context, tx slipway.Tx, l *Letter) (whyNot string, err error) {
	r, err := tx.Routes().Get(ctx, l.Delivery.Route)
	if err != nil {
		return "", err
	}
	e := l.Delivery.Notice.Event
	l.To = r.To
	whyNot, err = n.Rights.RouteMayTell(ctx, tx, r, slipway.Resource{Team: e.Team, Service: e.Service, Environment: e.Environment})
	if err != nil || whyNot != "" {
		return whyNot, err
	}
	if len(r.Sealed.Data) == 0 {
		return "", nil
	}
	if n.Sealer == nil {
		return "The secret of this route is sealed, and this portal has no SLIPWAY_SECRET_KEY any more.", nil
	}
	if l.Secret, err = n.Sealer.Open(r.SealedAt(), r.Sealed); err != nil {
		n.Log.ErrorContext(ctx, "the secret of a notification route does not open", "route", r.ID, "error", err)
		return "The secret of this route does not open with the keys that this portal has. Remove the route and add it again.", nil
	}
	return "", nil
}

// giveFree lets another replica try, as if nothing had been: this one is stopping.
func (n *Notifier) giveFree(ctx context.Context, d slipway.Delivery) error {
	return n.Store.Write(ctx, func(tx slipway.Tx) error { return tx.Deliveries().Save(ctx, d) })
}

// settle keeps what came of an attempt, with the delivery and with its route.
func (n *Notifier) settle(ctx context.Context, d slipway.Delivery, o Outcome) error {
	now := n.now()
	d.Attempts++
	d.Status, d.Error = o.Status, o.Problem
	waits := retries()
	switch {
	case o.Problem == "":
		d.State, d.SentAt = slipway.DeliverySent, &now
	case o.Final || d.Attempts > len(waits):
		d.State = slipway.DeliveryFailed
	default:
		d.NextAt = now.Add(max(jitter(waits[d.Attempts-1]), o.Wait))
	}
	return n.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := tx.Deliveries().Save(ctx, d); err != nil {
			if slipway.CodeOf(err) == slipway.CodeConflict {
				return nil // it took so long that another began again: its word counts
			}
			return err
		}
		if d.Route == 0 {
			return nil
		}
		r, err := tx.Routes().Get(ctx, d.Route)
		if err != nil {
			return err
		}
		h := r.Health
		if h.Error = o.Problem; o.Problem == "" {
			h.FailingSince, h.SentAt = nil, &now
		} else if h.FailingSince == nil {
			h.FailingSince = &now
		}
		return tx.Routes().PutHealth(ctx, d.Route, h)
	})
}

// jitter keeps many deliveries that failed together from coming back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(mathrand.Int64N(int64(d)/5+1)) //nolint:gosec // it keeps no secret
}
