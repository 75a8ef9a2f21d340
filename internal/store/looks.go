package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// heard begins a look, unless one is about to begin in any case.
func (q *Queue) heard(args lookArgs) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopping:
		q.left = append(q.left, args.Deployment)
	case !q.waiting[args.Deployment]:
		q.waiting[args.Deployment] = true
		q.looks.Go(func() { q.begin(args) })
	}
}

// atWork is a look. It is found in the context that the look gets.
type atWork struct {
	args  lookArgs
	until time.Time       // from when on it rests no more
	rest  context.Context // ends with the look, or when the queue stops
	turn  bool            // whether it has one
	again bool            // it was told to end, and another is to go on
}

type atWorkKey struct{}

func lookIn(ctx context.Context) *atWork {
	at, _ := ctx.Value(atWorkKey{}).(*atWork)
	return at
}

func (q *Queue) begin(args lookArgs) {
	err := q.turns.take(q.idle, args.Team)
	q.mu.Lock()
	delete(q.waiting, args.Deployment) // now it reads the row, and whoever changes that rings again
	q.mu.Unlock()
	if err != nil {
		q.heard(args)
		return
	}
	ctx, cancel := context.WithTimeout(q.work, q.timeout)
	defer cancel()
	rest, rested := context.WithCancel(ctx)
	defer rested()
	defer context.AfterFunc(q.idle, rested)()
	at := &atWork{args: args, until: time.Now().Add(q.timeout / 2), rest: rest, turn: true}
	err = q.guarded(context.WithValue(ctx, atWorkKey{}, at), args.Deployment)
	if at.turn {
		q.turns.give()
	}
	switch {
	case err != nil:
		q.repeat(args, err)
	case at.again:
		q.heard(lookArgs{Deployment: args.Deployment, Team: args.Team})
	}
}

// guarded makes an error of a panic: one bad deployment must not end them all.
func (q *Queue) guarded(ctx context.Context, id int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return q.look(ctx, id)
}

// Rest waits in the middle of a look, and gives its turn to others meanwhile.
// After an error the look is to end, and another goes on in its place.
func (q *Queue) Rest(ctx context.Context, d time.Duration) error {
	at := lookIn(ctx)
	if at == nil {
		return errors.New("store: only a look of this queue can rest")
	}
	if d <= 0 {
		return ctx.Err()
	}
	if time.Now().After(at.until) {
		at.again = true
		return context.DeadlineExceeded
	}
	q.setResting(at.args.Deployment, true)
	defer q.setResting(at.args.Deployment, false)
	q.turns.give()
	at.turn = wait(at.rest, d) && q.turns.take(at.rest, at.args.Team) == nil
	err := at.rest.Err()
	at.again = err != nil
	return err
}

func (q *Queue) setResting(id int64, resting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if resting {
		q.resting[id] = true
	} else {
		delete(q.resting, id)
	}
}

// maxLooks is how often in a row a look is made that fails. After that the
// sweeper begins anew.
const maxLooks = 5

// repeat has a look made again in 1, 2, 4, 8 seconds.
func (q *Queue) repeat(args lookArgs, why error) {
	q.s.log.Warn("a look failed", "deployment", args.Deployment, "time in a row", args.Failed+1, "error", why)
	if args.Failed++; args.Failed == maxLooks {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.work), 5*time.Second)
	defer cancel()
	err := q.s.writeTx(ctx, func(t *tx) error {
		t.wakes = append(t.wakes, wake{lookArgs: args, at: time.Now().Add(time.Second << (args.Failed - 1))})
		return nil
	})
	if err != nil {
		q.s.log.Warn("a failed look is left to the sweeper", "deployment", args.Deployment, "error", err)
	}
}
