package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	askTimeEvery = 5 * time.Second
	// askTimeWithin is how long the question may take: half of it is how wrong the
	// answer may be.
	askTimeWithin = 200 * time.Millisecond
	// slew is by how much the time is put right at once. A clock that runs too fast
	// does not take it along before it is found out.
	slew = 250 * time.Millisecond
	// believable is how far two clocks may be apart that are both right.
	believable = 2 * time.Second
	// believedAfter is how long a clock that has jumped is doubted. A mistake is
	// mended by then; if it was none, this is how late we follow.
	believedAfter = 5 * time.Minute
)

// timekeeper is the time that all replicas go by: PostgreSQL's, or that of the
// machine where the database is a file. It goes on evenly between two questions,
// by a clock that nobody can set, and does not follow a jump at once. So no gate
// opens early, and no deadline passes, because a clock was set; and a replica
// whose machine has the wrong time is not wrong about anything.
type timekeeper struct {
	steady func() time.Duration // since some moment, also while the machine sleeps

	mu      sync.Mutex
	at      time.Time // it was at,
	since   time.Duration
	doubted bool // the last answer was too far away,
	off     time.Duration
	from    time.Duration // since when
}

// now is the time, in UTC.
func (k *timekeeper) now() time.Time {
	since := k.steady()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.nowAt(since)
}

func (k *timekeeper) nowAt(since time.Duration) time.Time { return k.at.Add(since - k.since) }

// told takes an answer about the time, and when it was asked for and given. The
// first one is believed. It returns what is to be logged; empty if nothing is.
func (k *timekeeper) told(at time.Time, asked, answered time.Duration) (news string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	middle := asked + (answered-asked)/2
	if k.at.IsZero() {
		k.at, k.since = at.UTC(), middle
		return ""
	}
	if answered-asked > askTimeWithin {
		return ""
	}
	off := at.Sub(k.nowAt(middle))
	switch {
	case off.Abs() <= believable:
		if k.doubted {
			news = "the clock is right again"
		}
		if off.Abs() > (answered-asked)/2 { // else it may well be the answer that is off
			k.at, k.since = k.nowAt(middle).Add(min(max(off, -slew), slew)), middle
		}
		k.doubted = false
		return news
	case !k.doubted || (off-k.off).Abs() > believable:
		k.doubted, k.off, k.from = true, off, middle
		return k.words()
	case middle-k.from < believedAfter:
		return ""
	default:
		news = fmt.Sprintf("the clock that was set is believed now: it was %s what the time would have come to, and stayed so for %v", apart(k.off), believedAfter)
	}
	k.at, k.since, k.doubted = at.UTC(), middle, false
	return news
}

func (k *timekeeper) words() string {
	return fmt.Sprintf("the clock was set: it is %s what it would have come to. It is believed if it stays so for %v", apart(k.off), believedAfter)
}

func apart(off time.Duration) string {
	if off < 0 {
		return (-off).Round(time.Second).String() + " behind"
	}
	return off.Round(time.Second).String() + " ahead of"
}

// workersTime is the clock that the workers of the queue go by: PostgreSQL's own,
// whatever it was set to, or this machine's.
func (s *Store) workersTime() time.Time {
	if s.postgres {
		return s.keeper.says()
	}
	return time.Now()
}

// says is what the clock itself says: now, and how far that is off.
func (k *timekeeper) says() time.Time {
	since := k.steady()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.doubted {
		return k.nowAt(since).Add(k.off)
	}
	return k.nowAt(since)
}

// doubt says why the time is not what the clock says; nil if it is.
func (k *timekeeper) doubt() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.doubted {
		return nil
	}
	return errors.New(k.words())
}

// Now is the time that all replicas go by, in UTC.
func (s *Store) Now() time.Time { return s.clock() }

// TimeInDoubt says that the clock that all go by has jumped, and how far; nil if
// it has not. Meanwhile Now goes on as if it had not.
func (s *Store) TimeInDoubt(context.Context) error { return s.keeper.doubt() }

// firstTime asks for the time before anything is done, some times because of the
// load at a start, and tells whoever runs this machine if its clock is wrong.
func (s *Store) firstTime(ctx context.Context) error {
	for range 3 {
		if err := s.askTime(ctx); err != nil {
			return err
		}
	}
	if off := s.wall().Sub(s.keeper.now()); off.Abs() > believable {
		s.log.WarnContext(ctx, "the clock of this machine is wrong: it is "+apart(off)+" the database's, by which everything goes")
	}
	return nil
}

// askTime asks for the time once.
func (s *Store) askTime(ctx context.Context) error {
	asked := s.keeper.steady()
	at := s.wall()
	if s.postgres {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.writer.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&at); err != nil {
			return fault("ask the database for the time", err)
		}
	}
	if news := s.keeper.told(at.Round(0), asked, s.keeper.steady()); news != "" {
		s.log.WarnContext(ctx, news)
	}
	return nil
}

// keepTime goes on asking until ctx ends. If nobody answers the time goes on.
func (s *Store) keepTime(ctx context.Context) {
	ticker := time.NewTicker(askTimeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = s.askTime(ctx) // Ping tells what is wrong with the database
		}
	}
}
