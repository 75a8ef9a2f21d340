package store

import (
	"context"
	"slices"
	"sync"
)

// turns lets so many at a time do something, team after team: a thousand
// deployments of one team keep another team's first waiting no longer than it
// takes until the next one is through.
type turns struct {
	mu    sync.Mutex
	free  int
	lines map[string][]chan struct{} // who waits, by team
	teams []string                   // who has somebody waiting, and in which order it is their turn
}

func newTurns(n int) *turns { return &turns{free: n, lines: map[string][]chan struct{}{}} }

// take waits for a turn of the team. Whoever got one gives it back.
func (t *turns) take(ctx context.Context, team string) error {
	t.mu.Lock()
	if t.free > 0 { // then nobody waits
		t.free--
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(t.lines[team]) == 0 {
		t.teams = append(t.teams, team)
	}
	t.lines[team] = append(t.lines[team], turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	if !t.leave(team, turn) {
		t.give() // it came at the same moment
	}
	return ctx.Err()
}

func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.teams) == 0 {
		t.free++
		return
	}
	team := t.teams[0]
	turn := t.lines[team][0]
	t.lines[team], t.teams = t.lines[team][1:], t.teams[1:]
	if len(t.lines[team]) > 0 {
		t.teams = append(t.teams, team)
	} else {
		delete(t.lines, team)
	}
	close(turn)
}

// leave takes somebody out of the line. False means that they are out already.
func (t *turns) leave(team string, turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.lines[team], turn)
	if at < 0 {
		return false
	}
	t.lines[team] = slices.Delete(t.lines[team], at, at+1)
	if len(t.lines[team]) == 0 {
		delete(t.lines, team)
		t.teams = slices.DeleteFunc(t.teams, func(other string) bool { return other == team })
	}
	return true
}
