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

// Run feeds the live streams and cleans up sessions until ctx ends. Then all
// streams end too, so that a graceful shutdown does not wait for them: end ctx
// before http.Server.Shutdown.
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
