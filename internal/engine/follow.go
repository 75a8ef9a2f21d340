package engine

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// followEvery is how often the page of a run learns what a deployer prints while
// it is called.
const followEvery = time.Second

// follow keeps what a deployer prints during a call that takes long, until stop
// has returned. Whoever watches the run would else see nothing of it before the
// call has ended.
func (e *Engine) follow(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) (stop func()) {
	if _, ok := deployer.(deployers.LogReader); !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		for pause(ctx, followEvery) {
			if err := e.keepProgress(ctx, deployer, d); err != nil && ctx.Err() == nil {
				e.Log.DebugContext(ctx, "no progress to show", "deployment", d.ID, "error", err)
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// keepProgress saves the lines behind those that are kept, unless another replica
// has done so meanwhile.
func (e *Engine) keepProgress(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) error {
	behind := ""
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		behind, err = tx.Logs().Cursor(ctx, d.ID)
		return err
	})
	if err != nil {
		return err
	}
	lines, cursor, read := e.fetchLogs(ctx, deployer, d, behind)
	if len(lines) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		now, err := tx.Deployments().Get(ctx, d.ID)
		if err != nil {
			return err
		}
		there, err := tx.Logs().Cursor(ctx, d.ID)
		if err != nil || there != behind || now.Epoch != d.Epoch {
			return err
		}
		return keepLines(ctx, tx, d, lines, cursor, read, e.now())
	})
}
