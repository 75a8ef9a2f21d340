package chatops

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// intake takes requests in and has them worked on. A request is acknowledged
// once it is on record, and is worked on by this process or, should that die, by
// another: so it is done at least once, and everything that it changes is done
// under a key of its own, at most once.
//
// Requests that come at the same time are put on record in one transaction,
// together with word of those that are done.
type intake struct {
	rows app.ChatIntake
	log  *slog.Logger
	work func(context.Context, request) (chat.Message, func(context.Context) error)

	arriving chan *arrival
	working  chan request
	done     chan string
	stopped  chan struct{}
	stop     sync.Once
}

const (
	waiting  = 4096 // requests that may wait to be put on record
	workers  = 8
	together = 200 // requests of one transaction
	// within is how long a request may take to be put on record. Slack waits for
	// three seconds.
	within = 2500 * time.Millisecond
	// working on a request takes no longer than this.
	workFor = 25 * time.Second
	// A request that nobody has finished after a while was of a process that died,
	// or of one with too much to do: it begins none that it has kept waiting so
	// long that another may take it over before it is finished.
	abandoned  = 40 * time.Second
	freshFor   = abandoned - workFor
	drainFor   = 10 * time.Second // for what is acknowledged and not begun when the process is to end
	sweepEvery = 15 * time.Second
	piece      = 500
)

// arrival is a request on its way into the records.
type arrival struct {
	row    slipway.ChatRequest
	answer chan taken
}

type taken struct {
	fresh bool
	err   error
}

func newIntake(rows app.ChatIntake, log *slog.Logger, work func(context.Context, request) (chat.Message, func(context.Context) error)) *intake {
	return &intake{rows: rows, log: log, work: work, arriving: make(chan *arrival, waiting), working: make(chan request, waiting),
		done: make(chan string, waiting), stopped: make(chan struct{})}
}

func away(err error) error {
	return &slipway.Error{Code: slipway.CodeUnavailable, Message: "Slipway cannot take this in at the moment.", Affected: "Nothing was changed.", Do: "Send it again in a moment.", Err: err}
}

// take puts a request on record and has it worked on. It returns once the record
// is safe, and whether the request is new.
func (in *intake) take(ctx context.Context, r request) (fresh bool, err error) {
	row, err := r.kept()
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	a := &arrival{row: row, answer: make(chan taken, 1)}
	select {
	case in.arriving <- a:
	case <-in.stopped:
		return false, away(nil)
	default:
		return false, away(nil) // thousands wait already
	}
	select {
	case t := <-a.answer:
		if t.err != nil {
			return false, away(t.err)
		}
		if t.fresh {
			in.start(r)
		}
		return t.fresh, nil
	case <-ctx.Done():
		return false, away(ctx.Err()) // should it be on record all the same, it is found there
	}
}

// takeAndWait is take for whoever cannot be told later. It waits for what is
// said; nil, if that takes too long.
func (in *intake) takeAndWait(ctx context.Context, r request, patience time.Duration) (*chat.Message, bool, error) {
	r.reply = make(chan chat.Message)
	gone := make(chan struct{})
	r.gone = gone
	defer close(gone)
	fresh, err := in.take(ctx, r)
	if err != nil || !fresh {
		return nil, fresh, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case said := <-r.reply:
		return &said, true, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, true, nil
}

// start hands a request to a worker. If none will be free for long, it stays on
// record and is found there.
func (in *intake) start(r request) {
	r.since = time.Now()
	select {
	case in.working <- r:
	default:
	}
}

// run takes in and works until ctx ends, and then finishes what it has begun.
func (in *intake) run(ctx context.Context) {
	var recording, all sync.WaitGroup
	recording.Go(func() { in.record(ctx) })
	for range workers {
		all.Go(func() { in.toil(ctx) })
	}
	all.Go(func() { in.sweep(ctx) })
	<-ctx.Done()
	in.stop.Do(func() { close(in.stopped) })
	recording.Wait()
	all.Wait()
	for len(in.done) > 0 {
		in.flush(context.WithoutCancel(ctx), nil, <-in.done)
	}
}

// record gathers what arrives and puts it on record.
func (in *intake) record(ctx context.Context) {
	for {
		var first *arrival
		var digest string
		select {
		case first = <-in.arriving:
		case digest = <-in.done:
		case <-ctx.Done():
			return
		}
		var batch []*arrival
		if first != nil {
			batch = append(batch, first)
		}
		for len(batch) < together {
			select {
			case a := <-in.arriving:
				batch = append(batch, a)
				continue
			default:
			}
			break
		}
		in.flush(ctx, batch, digest)
	}
}

// flush writes a batch, with word of what is done.
func (in *intake) flush(ctx context.Context, batch []*arrival, done ...string) {
	if len(done) == 1 && done[0] == "" {
		done = nil
	}
	for len(done) < together {
		select {
		case digest := <-in.done:
			done = append(done, digest)
			continue
		default:
		}
		break
	}
	if len(batch) == 0 && len(done) == 0 {
		return
	}
	rows := make([]slipway.ChatRequest, len(batch))
	for i, a := range batch {
		rows[i] = a.row
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	fresh, err := in.rows.Take(limited, rows, done)
	if err != nil {
		in.log.WarnContext(ctx, "requests of chat could not be put on record", "requests", len(batch), "done", len(done), "error", err.Error())
	}
	for i, a := range batch {
		a.answer <- taken{fresh: err == nil && fresh[i], err: err}
	}
}

// toil works on one request after another.
func (in *intake) toil(ctx context.Context) {
	for {
		select {
		case r := <-in.working:
			in.do(ctx, r)
		case <-ctx.Done():
			in.drain(ctx)
			return
		}
	}
}

// drain finishes what was acknowledged; the rest stays on record.
func (in *intake) drain(ctx context.Context) {
	for until := time.Now().Add(drainFor); time.Now().Before(until); {
		select {
		case r := <-in.working:
			in.do(ctx, r)
		default:
			return
		}
	}
}

// do works on a request and tells what came of it.
func (in *intake) do(ctx context.Context, r request) {
	if time.Since(r.since) > freshFor {
		return // it is found again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workFor)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			in.log.ErrorContext(ctx, "a request of chat came to grief", "request", r.RequestID, "fault", fault)
		}
	}()
	defer func() {
		select {
		case in.done <- r.digest:
		default: // it will be claimed once more, and found to be done
		}
	}()
	said, tell := in.work(ctx, r)
	if r.reply != nil {
		select {
		case r.reply <- said:
			return
		case <-r.gone:
		}
	}
	if err := tell(ctx); err != nil {
		in.log.WarnContext(ctx, "an answer could not be given in chat", "request", r.RequestID, "platform", string(r.User.Platform), "error", err.Error())
	}
}

// sweep finds what other processes have left, and forgets what is old.
func (in *intake) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		in.pickUp(ctx)
		more, err := true, error(nil)
		for more && err == nil {
			more, err = in.rows.Forget(ctx, piece)
		}
		if err != nil && ctx.Err() == nil {
			in.log.WarnContext(ctx, "old requests of chat could not be forgotten", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (in *intake) pickUp(ctx context.Context) {
	found, err := in.rows.Abandoned(ctx, in.rows.Clock().Add(-abandoned), piece)
	if err != nil {
		if ctx.Err() == nil {
			in.log.WarnContext(ctx, "requests of chat that were left could not be looked for", "error", err.Error())
		}
		return
	}
	for _, row := range found {
		var r request
		if json.Unmarshal(row.Body, &r) != nil {
			in.log.ErrorContext(ctx, "a request of chat that was left cannot be read", "kind", row.Kind)
			continue
		}
		r.digest, r.since, r.again = row.Digest, time.Now(), true
		select {
		case in.working <- r:
		case <-ctx.Done():
			return
		}
	}
}
