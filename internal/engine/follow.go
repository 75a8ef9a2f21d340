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
// has returned, which says whether it came to that. Whoever watches the run would
// else see nothing of it before the call has ended.
func (e *Engine) follow(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) (stop func() (followed bool)) {
	if _, ok := deployer.(deployers.LogReader); !ok {
		return func() bool { return false }
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	followed := false
	group.Go(func() {
		for pause(ctx, followEvery) {
			followed = true
			if err := e.keepProgress(ctx, deployer, d); err != nil && ctx.Err() == nil {
				e.Log.DebugContext(ctx, "no progress to show", "deployment", d.ID, "error", err)
			}
		}
	})
	return func() bool {
		cancel()
		group.Wait()
		return followed
	}
}

// keepProgress saves the lines behind those that are kept, unless another replica
// has done so meanwhile.
func (e *Engine) keepProgress(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) error {
	keep, err := e.unread(ctx, deployer, d, callTimeout)
	if keep == nil || err != nil || ctx.Err() != nil {
		return err
	}
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		now, err := tx.Deployments().Get(ctx, d.ID)
		if err != nil || now.Epoch != d.Epoch {
			return err
		}
		return keep(tx)
	})
}

// unread fetches the lines behind those that are kept. keep saves them, unless
// somebody else has done so since; nil if there are none.
func (e *Engine) unread(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment, within time.Duration) (keep func(slipway.Tx) error, err error) {
	behind := ""
	err = e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		behind, err = tx.Logs().Cursor(ctx, d.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	lines, cursor, read := e.fetchLogs(limited, deployer, d, behind)
	if len(lines) == 0 {
		return nil, nil
	}
	return func(tx slipway.Tx) error {
		there, err := tx.Logs().Cursor(ctx, d.ID)
		if err != nil || there != behind {
			return err
		}
		return keepLines(ctx, tx, d, lines, cursor, read, e.now())
	}, nil
}

// lastWordsWithin is how long word of a call that failed waits for what the call
// printed.
const lastWordsWithin = 5 * time.Second

// lastWords is what a call that failed has printed and nobody has read yet, to be
// saved with word of the failure: where that ends the deployment, nobody comes
// back for it, and it may be all that says why.
func (e *Engine) lastWords(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) (keep func(slipway.Tx) error) {
	keep, err := e.unread(ctx, deployer, d, lastWordsWithin)
	if err != nil && ctx.Err() == nil {
		e.Log.DebugContext(ctx, "no last words", "deployment", d.ID, "error", err)
	}
	return keep
}
