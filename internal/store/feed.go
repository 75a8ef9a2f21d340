package store

import "sync"

// feed tells subscribers that there may be new events. Each has a channel that
// holds one signal: who is slow finds it waiting and misses nothing, because a
// signal only says "read on".
type feed struct {
	mu   sync.Mutex
	subs map[chan struct{}]struct{}
}

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
	for sub := range f.subs {
		select {
		case sub <- struct{}{}:
		default: // one is waiting already
		}
	}
}
