package store

import (
	"context"
	"slices"
	"sync"
)

// writers is who has the turn to write to SQLite, and who waits for it, in the
// order in which they came. database/sql would pick one at random.
type writers struct {
	mu    sync.Mutex
	taken bool
	line  []chan *shared
}

// take waits for the turn. It may come with a transaction to go on with. Whoever
// took it passes it on.
func (w *writers) take(ctx context.Context) (*shared, error) {
	w.mu.Lock()
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil, nil
	}
	turn := make(chan *shared, 1)
	w.line = append(w.line, turn)
	w.mu.Unlock()
	select {
	case together := <-turn:
		return together, nil
	case <-ctx.Done():
	}
	if w.leave(turn) {
		return nil, ctx.Err()
	}
	return <-turn, nil // it came at the same moment, and has to be passed on
}

// leave takes somebody out of the line. False means that they are out already.
func (w *writers) leave(turn chan *shared) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.line, turn)
	if at >= 0 {
		w.line = slices.Delete(w.line, at, at+1)
	}
	return at >= 0
}

// join passes the turn on together with a transaction, if anybody waits. Else
// the caller keeps it.
func (w *writers) join(together *shared) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.line) == 0 {
		return false
	}
	w.first() <- together
	return true
}

// pass passes the turn on alone.
func (w *writers) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.line) == 0 {
		w.taken = false
		return
	}
	w.first() <- nil
}

func (w *writers) first() chan<- *shared {
	turn := w.line[0]
	w.line = slices.Delete(w.line, 0, 1)
	return turn
}
