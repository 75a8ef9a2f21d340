package calendar

import (
	"fmt"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Calendars reads calendars, and remembers what it has found: the same few rules
// are asked about for every page. The zero value is ready to use.
type Calendars struct {
	mu    sync.Mutex
	known map[string]found
}

var _ slipway.Calendars = (*Calendars)(nil)

// found is what was found around a time.
type found struct {
	at     time.Time
	before *slipway.Span
	after  []slipway.Span
	all    bool // there are no more
}

const (
	maxKnown  = 500
	aheadKept = 64
	keptFor   = 24 * time.Hour
)

// Check lists what is wrong with the rule, the duration and the zone.
func (*Calendars) Check(c slipway.Calendar) []slipway.FieldError {
	if _, fault := parse(c); fault != nil {
		return []slipway.FieldError{*fault}
	}
	return nil
}

// Around returns the last occurrence that has ended at a time, and up to most
// that have not.
func (s *Calendars) Around(c slipway.Calendar, at time.Time, most int) (*slipway.Span, []slipway.Span, error) {
	key := fmt.Sprintf("%d %s\n%s", c.Duration, c.Zone, c.Rule)
	s.mu.Lock()
	f, ok := s.known[key]
	s.mu.Unlock()
	if ok {
		if before, after, ok := f.around(at, most); ok {
			return before, after, nil
		}
	}
	r, fault := parse(c)
	if fault != nil {
		return nil, nil, fmt.Errorf("%s %s", fault.Field, fault.Message)
	}
	f = found{at: at}
	var err error
	if f.before, f.after, err = r.around(at, most+aheadKept); err != nil {
		return nil, nil, err
	}
	f.all = len(f.after) < most+aheadKept
	s.mu.Lock()
	if s.known == nil || len(s.known) >= maxKnown {
		s.known = map[string]found{}
	}
	s.known[key] = f
	s.mu.Unlock()
	before, after, _ := f.around(at, most)
	return before, after, nil
}

// around answers from what was found, if that is enough.
func (f found) around(at time.Time, most int) (*slipway.Span, []slipway.Span, bool) {
	if at.Before(f.at) || at.Sub(f.at) > keptFor {
		return nil, nil, false
	}
	before, after := f.before, f.after
	for len(after) > 0 && !after[0].Until.After(at) {
		before, after = &after[0], after[1:]
	}
	if len(after) < most && !f.all {
		return nil, nil, false
	}
	return before, after[:min(most, len(after)):min(most, len(after))], true
}
