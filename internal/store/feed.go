package store

import (
	"sync"
	"time"
)

// feed tells subscribers that there may be new events. Each has a channel that
// holds one signal: who is slow finds it waiting and misses nothing, because a
// signal only says "read on".
type feed struct {
	mu    sync.Mutex
	subs  map[chan struct{}]struct{}
	told  time.Time
	later bool // they are going to be told
}

// tellEvery is how often they are told while one commit follows another: each
// reads what is new, and hundreds of times a second that is a good part of the
// work.
const tellEvery = 20 * time.Millisecond

// Subscribe implements slipway.Feed.
func (s *Store) Subscribe() (changed <-chan struct{}, cancel func()) {
	signal := make(chan struct{}, 1)
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.subs == nil {
		s.feed.subs = map[chan struct{}]struct{}{}
	}
	s.feed.subs[signal] = struct{}{}
	return signal, func() {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		delete(s.feed.subs, signal)
	}
}

func (f *feed) signal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := tellEvery - time.Since(f.told)
	switch {
	case f.later:
	case wait <= 0:
		f.tell()
	default:
		f.later = true
		time.AfterFunc(wait, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.later = false
			f.tell()
		})
	}
}

func (f *feed) tell() {
	f.told = time.Now()
	for sub := range f.subs {
		select {
		case sub <- struct{}{}:
		default: // one is waiting already
		}
	}
}
