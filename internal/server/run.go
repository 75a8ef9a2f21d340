package server

import (
	"context"
	"sync"
	"time"
)

const sweepEvery = time.Hour

// sweeper is a session store that can clean up.
type sweeper interface {
	DeleteExpired(ctx context.Context) error
}

// Close ends all streams and lets no new one begin: http.Server.Shutdown would
// wait for them. Pages find another replica, or this one when it is back.
func (s *Server) Close() { s.hub.stop() }

// Run feeds the live streams, ends those that may no longer be, and cleans up
// sessions until ctx ends. Then all
// streams end too.
func (s *Server) Run(ctx context.Context) {
	w := &warden{hub: s.hub, log: s.log, who: s.whoIs, may: s.cfg.App.Watch}
	var all sync.WaitGroup
	all.Go(func() { s.hub.run(ctx) })
	all.Go(func() { w.run(ctx) })
	all.Go(func() { s.sweep(ctx) })
	all.Wait()
}

func (s *Server) sweep(ctx context.Context) {
	store, ok := s.cfg.Sessions.(sweeper)
	if !ok {
		return
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := store.DeleteExpired(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "expired sessions could not be deleted", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
