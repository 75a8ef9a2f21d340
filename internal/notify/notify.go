// Package notify tells people and machines what happened. The events that use
// cases and the engine leave are the outbox: this package reads them in their
// order, plans for each route and person that they concern one delivery, and
// hands those over until they arrive or it is no use any more.
//
// Any number of replicas may run it. A delivery is planned once, by a constraint
// and a cursor that moves in the same transaction; it is sent by one replica at a
// time, by a claim that runs out. It arrives at least once: a process that dies
// between the answer of the other side and the note of it sends again, with the
// same number, by which the other side can tell.
package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Notifier plans and sends. Its fields are set before Run and not changed after.
type Notifier struct {
	Store     slipway.Store
	Feed      slipway.Feed
	Rights    slipway.NoticeRights
	Senders   map[slipway.DeliveryChannel]Sender
	Sealer    slipway.Sealer // nil: no route has a secret
	Addresses AddressBook    // nil: people are told by mail only
	PublicURL string
	Clock     slipway.Clock
	Log       *slog.Logger

	planned chan struct{} // there may be something to send
	once    sync.Once
	seen    int64 // events up to here concern nobody, or are planned; of the planner only

	mu   sync.Mutex
	busy map[string]bool // targets that this process is at
}

// AddressBook knows where a person is found in a chat.
type AddressBook interface {
	// AddressOf returns a person's account; empty if they linked none.
	AddressOf(ctx context.Context, tx slipway.Tx, person string, channel slipway.DeliveryChannel) (string, error)
}

// Sender hands a letter over to the other side, and returns when that has taken
// it. It is called at the same time for different targets.
type Sender interface {
	Send(ctx context.Context, l Letter) Outcome
}

// Letter is a delivery with what sending it needs.
type Letter struct {
	Delivery slipway.Delivery
	To       slipway.Destination
	Secret   slipway.Secret
	Page     string // address of the page it is about
	At       time.Time
}

// Outcome is what came of an attempt.
type Outcome struct {
	Status  int           // of HTTP, if the other side answered
	Problem string        // in plain words; empty: it arrived
	Final   bool          // trying again would change nothing
	Wait    time.Duration // the other side asks to be left alone for so long
}

const (
	planEvery = 5 * time.Second // how late news is planned at worst, should its signal be lost
	sendEvery = 2 * time.Second // how late a delivery of another replica, or a second attempt, is found
	breather  = 100 * time.Millisecond
)

// Run plans and sends until ctx ends, and then until what is being sent is over.
func (n *Notifier) Run(ctx context.Context) {
	n.prepare()
	var wg sync.WaitGroup
	wg.Go(func() { n.planning(ctx) })
	wg.Go(func() { n.reminding(ctx) })
	wg.Go(func() { n.sending(ctx) })
	wg.Wait()
}

func (n *Notifier) prepare() {
	n.once.Do(func() { n.planned, n.busy = make(chan struct{}, 1), map[string]bool{} })
}

func (n *Notifier) now() time.Time { return n.Clock().UTC().Truncate(time.Microsecond) }

// signal says that there may be something to send.
func (n *Notifier) signal() {
	select {
	case n.planned <- struct{}{}:
	default:
	}
}

// planning plans whenever there is news. News comes in crowds, so it takes a
// breath between two rounds.
func (n *Notifier) planning(ctx context.Context) {
	changed, cancel := n.Feed.Subscribe()
	defer cancel()
	ticker := time.NewTicker(planEvery)
	defer ticker.Stop()
	for {
		if err := n.Plan(ctx); err != nil && ctx.Err() == nil {
			n.Log.ErrorContext(ctx, "planning notifications failed, will try again", "error", err)
		}
		if !pause(ctx, breather) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// pause reports whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
