package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// heard begins a look, or has the one that is at work look once more.
func (q *Queue) heard(args lookArgs) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := q.looks[args.Deployment]
	switch {
	case q.stopping:
		q.left = append(q.left, args.Deployment)
	case at == nil:
		at = &atWork{args: args, bell: make(chan struct{}, 1), waits: true}
		q.looks[args.Deployment] = at
		q.running.Go(func() { q.begin(at) })
	case !at.waits: // it may have read the row before somebody changed it
		at.ring()
	}
}

// atWork is a look. It is found in the context that the look gets.
type atWork struct {
	args  lookArgs
	until time.Time       // from when on it rests no more
	rest  context.Context // ends with the look, or when the queue stops
	bell  chan struct{}   // holds one ring
	waits bool            // for its first turn
	rests bool            // in the middle
	turn  bool            // whether it has one
}

func (at *atWork) ring() {
	select {
	case at.bell <- struct{}{}:
	default: // it rings already
	}
}

type atWorkKey struct{}

func lookIn(ctx context.Context) *atWork {
	at, _ := ctx.Value(atWorkKey{}).(*atWork)
	return at
}

func (q *Queue) begin(at *atWork) {
	if q.turns.take(q.idle, at.args.Team) != nil {
		at.ring()
		q.end(at)
		return
	}
	ctx, cancel := context.WithTimeout(q.work, q.timeout)
	defer cancel()
	rest, rested := context.WithCancel(ctx)
	defer rested()
	defer context.AfterFunc(q.idle, rested)()
	q.mu.Lock()
	at.waits, at.turn, at.rest, at.until = false, true, rest, time.Now().Add(q.timeout/2)
	q.mu.Unlock()
	err := q.guarded(context.WithValue(ctx, atWorkKey{}, at), at.args.Deployment)
	if at.turn {
		q.turns.give()
	}
	if err != nil {
		q.repeat(at.args, err)
	}
	q.end(at)
}

// end makes room for another look, and begins it if somebody rang meanwhile.
func (q *Queue) end(at *atWork) {
	q.mu.Lock()
	delete(q.looks, at.args.Deployment)
	q.mu.Unlock()
	select {
	case <-at.bell:
		q.heard(lookArgs{Deployment: at.args.Deployment, Team: at.args.Team})
	default:
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

// Rest waits in the middle of a look, until somebody changes the deployment at
// the latest, and gives its turn to others meanwhile. After an error the look is
// to end, and another goes on in its place.
func (q *Queue) Rest(ctx context.Context, d time.Duration) error {
	at := lookIn(ctx)
	if at == nil {
		return errors.New("store: only a look of this queue can rest")
	}
	if time.Now().After(at.until) {
		at.ring()
		return context.DeadlineExceeded
	}
	select {
	case <-at.bell:
		return ctx.Err()
	default:
	}
	if d <= 0 {
		return ctx.Err()
	}
	q.setRests(at, true)
	q.turns.give()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-at.bell:
	case <-at.rest.Done():
	}
	at.turn = q.turns.take(at.rest, at.args.Team) == nil
	q.setRests(at, false)
	err := at.rest.Err()
	if err != nil {
		at.ring()
	}
	return err
}

func (q *Queue) setRests(at *atWork, rests bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at.rests = rests
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
		t.wakes = append(t.wakes, wake{lookArgs: args, at: q.s.workersTime().Add(time.Second << (args.Failed - 1))})
		return nil
	})
	if err != nil {
		q.s.log.Warn("a failed look is left to the sweeper", "deployment", args.Deployment, "error", err)
	}
}
