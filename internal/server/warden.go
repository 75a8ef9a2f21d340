package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	// A right that is gone ends the stream within 5 s: at the latest when the
	// round that began after it was lost is over.
	checkEvery   = 3 * time.Second
	checkRound   = 1800 * time.Millisecond
	checkWorkers = 8
)

// warden asks anew, round after round, whether each stream may go on: its
// session, the person, each topic. It does so on behalf of all, because
// the stack of a stream that went to the database itself would stay large.
type warden struct {
	hub *hub
	log *slog.Logger
	who func(ctx context.Context, token string) (slipway.Actor, error)
	may func(ctx context.Context, actor slipway.Actor, watch app.Watch) (app.Watching, error)
}

func (w *warden) run(ctx context.Context) {
	tick, stop := w.hub.ticker(checkEvery)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			w.round(ctx)
		}
	}
}

// round checks every stream. One that cannot be checked in time ends: nobody
// knows whether it may go on, and the browser will ask again.
func (w *warden) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkRound)
	defer cancel()
	work := make(chan *subscription)
	var people sync.Map // by session, one question for all of its streams
	var all sync.WaitGroup
	for range checkWorkers {
		all.Go(func() {
			for sub := range work {
				w.check(ctx, sub, &people)
			}
		})
	}
	for _, sub := range w.hub.all() {
		work <- sub
	}
	close(work)
	all.Wait()
}

func (w *warden) check(ctx context.Context, sub *subscription, people *sync.Map) {
	ask, _ := people.LoadOrStore(sub.token, sync.OnceValues(func() (slipway.Actor, error) { return w.who(ctx, sub.token) }))
	actor, err := ask.(func() (slipway.Actor, error))()
	if err == nil {
		var watching app.Watching
		if watching, err = w.may(ctx, actor, sub.watch); err == nil {
			sub.narrow(watching.Admits)
			return
		}
	}
	w.log.DebugContext(ctx, "stream ended", "user", sub.user, "reason", err.Error())
	w.hub.drop(sub)
}

// whoIs is the person of a session, asked of the store and not of a request.
func (s *Server) whoIs(ctx context.Context, token string) (slipway.Actor, error) {
	fresh, err := s.freshSession(ctx, token)
	if err != nil {
		return slipway.Actor{}, err
	}
	u, err := s.sessionUser(fresh)
	if err != nil {
		return slipway.Actor{}, err
	}
	actor := app.UserActor(u)
	actor.Via = slipway.ViaBrowser
	return actor, nil
}
