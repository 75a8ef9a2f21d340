package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// forever keeps things that would be forgotten otherwise.
const forever = "forever"

// shortestKept is the least that anything is kept: what is forgotten sooner is
// most likely a slip of the pen.
const shortestKept = time.Hour

// retention reads how long things are kept, and lists what is wrong with it.
func (c config) retention() (slipway.Retention, error) {
	var r slipway.Retention
	var problems []error
	for _, kept := range []struct {
		key, text string
		into      *time.Duration
	}{
		{"SLIPWAY_RETAIN_LOGS", c.RetainLogs, &r.Logs},
		{"SLIPWAY_RETAIN_EVENTS", c.RetainEvents, &r.Events},
		{"SLIPWAY_RETAIN_KEYS", c.RetainKeys, &r.Keys},
	} {
		if kept.text == forever {
			continue
		}
		d, err := days(kept.text)
		if err != nil || d < shortestKept {
			problems = append(problems, fmt.Errorf("%s: is a time such as 90d or 36h, an hour at least, or %s, not %q", kept.key, forever, kept.text))
		}
		*kept.into = d
	}
	return r, errors.Join(problems...)
}

// days reads "90d", which time.ParseDuration does not know, and all it knows.
func days(text string) (time.Duration, error) {
	number, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return time.Duration(n) * 24 * time.Hour, err
}
