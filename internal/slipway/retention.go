package slipway

import (
	"context"
	"time"
)

// Retention is how long things are kept that nothing depends on any more; 0: for
// ever. Deployments with their plans and votes, releases and the audit are kept
// in any case.
type Retention struct {
	Logs   time.Duration // what workloads printed, counted from the end of their deployment
	Events time.Duration
	Keys   time.Duration // answers to requests that may be sent twice
}

// Archive forgets what is old, one bounded piece at a time, each in a
// transaction of its own. Each function goes on where the one before it said
// (at first 0), and returns where to go on; 0: there is nothing old left. Any
// number of replicas may forget at the same time. It is apart from the other
// ports because no use case may ask for it.
type Archive interface {
	// ForgetLogs keeps the lines of deployments that are active, or that a stage
	// still speaks of: what is live, what is beside it, and what failed last.
	ForgetLogs(ctx context.Context, before time.Time, after int64) (next int64, err error)
	// ForgetEvents keeps those of deployments that are active or live, and the
	// newest event of all, which others count from.
	ForgetEvents(ctx context.Context, before time.Time, after int64) (next int64, err error)
	ForgetKeys(ctx context.Context, before time.Time, after int64) (next int64, err error)
	// ForgetDeliveries keeps those that are not told yet.
	ForgetDeliveries(ctx context.Context, before time.Time, after int64) (next int64, err error)
}
