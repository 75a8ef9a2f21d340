package chatops

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
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
//
// Few wait in memory, so that none gets old there. The others are laid aside on
// record, and taken up from there as soon as there is room, by this process or by
// any other.
type intake struct {
	rows app.ChatIntake
	log  *slog.Logger
	work func(context.Context, request) (chat.Message, func(context.Context) error)

	arriving chan *arrival
	working  chan request
	held     atomic.Int64  // places in working that are taken or promised
	aside    atomic.Bool   // some may be on record that nobody has begun
	room     chan struct{} // says that there may be room for them
	done     chan string
	stopped  chan struct{}
	stop     sync.Once
	pending  atomic.Int64 // requests that are not acknowledged yet
}

const (
	waiting  = 4096 // requests that may wait to be put on record
	workers  = 8
	places   = 8 * workers // requests that may wait for a worker
	spare    = 64          // more of them, for requests whose answer somebody waits for
	together = 200         // requests of one transaction
	// within is how long a request may take to be put on record. Slack waits for
	// three seconds.
	within = 2500 * time.Millisecond
	// working on a request takes no longer than this.
	workFor = 25 * time.Second
	// A request that nobody has finished after a while was of a process that died,
	// or of one with too much to do: it begins none that it has kept waiting so
	// long that another may take it over before it is finished.
	abandoned = 40 * time.Second
	freshFor  = abandoned - workFor
	drainFor  = 10 * time.Second // for what is acknowledged and not begun when the process is to end
	// While so many are not acknowledged yet, work waits for them, but never longer
	// than yielding: in a storm people are answered later, and not told that it
	// failed.
	crowd      = 12
	yielding   = time.Second
	sweepEvery = 15 * time.Second
	piece      = 500
)

// arrival is a request on its way into the records.
type arrival struct {
	request
	row    slipway.ChatRequest
	answer chan taken
}

type taken struct {
	fresh bool
	err   error
}

func newIntake(rows app.ChatIntake, log *slog.Logger, work func(context.Context, request) (chat.Message, func(context.Context) error)) *intake {
	return &intake{rows: rows, log: log, work: work, arriving: make(chan *arrival, waiting), working: make(chan request, places+spare),
		room: make(chan struct{}, 1), done: make(chan string, waiting), stopped: make(chan struct{})}
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
	select {
	case <-in.stopped:
		return false, away(nil)
	default:
	}
	row.Aside = !in.place(r)
	a := &arrival{request: r, row: row, answer: make(chan taken, 1)}
	in.pending.Add(1)
	defer in.pending.Add(-1)
	select {
	case in.arriving <- a:
	default: // thousands wait already
		in.settle(a, false)
		return false, away(nil)
	}
	select {
	case t := <-a.answer:
		if t.err != nil {
			return false, away(t.err)
		}
		return t.fresh, nil
	case <-ctx.Done():
		return false, away(ctx.Err()) // should it be on record all the same, it is done
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

// run takes in and works until ctx ends, and then finishes what it has begun.
func (in *intake) run(ctx context.Context) {
	var recording, all sync.WaitGroup
	recording.Go(func() { in.record(ctx) })
	for range workers {
		all.Go(func() { in.toil(ctx) })
	}
	all.Go(func() { in.sweep(ctx) })
	all.Go(func() { in.takeUp(ctx) })
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
		isNew := err == nil && fresh[i]
		in.settle(a, isNew)
		a.answer <- taken{fresh: isNew, err: err}
	}
}
