package server

import (
	"context"
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

// Run feeds the live streams and cleans up sessions until ctx ends. Then all
// streams end too.
func (s *Server) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sweep(ctx)
	}()
	s.hub.run(ctx)
	<-done
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
