package engine

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeEvery is how old the report of a calm stage gets.
const observeEvery = 15 * time.Second

// observers is how many stages of one deployer are asked after at a time.
const observers = 4

// observeAll asks after everything that is live and has no deployment at work,
// so that pages show what runs and not what once was made to run. A stage whose
// deployer does not answer keeps its last report, with its age, and a deployer
// that hangs holds up no stage but its own.
func (e *Engine) observeAll(ctx context.Context) error {
	calm := map[string][]slipway.StageState{}
	err := e.Store.Read(ctx, func(tx slipway.Tx) error {
		states, err := tx.Stages().All(ctx)
		if err != nil {
			return err
		}
		busy, err := atWork(ctx, tx)
		for _, s := range states {
			if name := s.Live.Spec.Deployer.Name; !busy[deployers.Target{Service: s.Service, Environment: s.Environment}] {
				calm[name] = append(calm[name], s)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, states := range calm {
		queue := make(chan slipway.StageState, len(states))
		for _, s := range states {
			queue <- s
		}
		close(queue)
		for range min(observers, len(states)) {
			wg.Go(func() {
				for s := range queue {
					if err := e.observeStage(ctx, s); err != nil && ctx.Err() == nil {
						e.Log.WarnContext(ctx, "could not observe", "service", s.Service, "environment", s.Environment, "error", err)
					}
				}
			})
		}
	}
	wg.Wait()
	return nil
}

// atWork lists the stages that looks of the engine ask after anyway.
func atWork(ctx context.Context, tx slipway.Tx) (map[deployers.Target]bool, error) {
	busy := map[deployers.Target]bool{}
	page := slipway.Page{Limit: 200}
	for {
		list, next, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: []slipway.State{slipway.Running, slipway.Paused, slipway.Reverting}}, page)
		for _, d := range list {
			busy[target(d)] = true
		}
		if err != nil || next == "" {
			return busy, err
		}
		page.Cursor = next
	}
}

func (e *Engine) observeStage(ctx context.Context, s slipway.StageState) error {
	deployer, ok := e.Deployers.get(s.Live.Spec.Deployer.Name)
	if !ok || ctx.Err() != nil {
		return nil
	}
	seen := e.ask(ctx, deployer, deployers.Target{Service: s.Service, Environment: s.Environment})
	if seen.Err != "" {
		e.Log.WarnContext(ctx, "deployer does not answer", "service", s.Service, "environment", s.Environment, "error", seen.Err)
		return nil
	}
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		// Read again: another replica may have told of the same change already.
		known, err := tx.Stages().Get(ctx, s.Service, s.Environment)
		if err != nil || (known.Observed != nil && known.Observed.At.After(seen.Observed.At)) {
			return err
		}
		if err := tx.Stages().PutObserved(ctx, s.Service, s.Environment, seen.Observed); err != nil {
			return err
		}
		if known.Observed != nil && sameReport(*known.Observed, seen.Observed) {
			return nil
		}
		return tx.Events().Add(ctx, slipway.DomainEvent{At: e.now(), Kind: "stage.observed", Team: s.Team, Service: s.Service,
			Environment: s.Environment, Actor: "Slipway", Message: seen.Observed.Message})
	})
}

func sameReport(a, b slipway.Observed) bool {
	a.At, b.At = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

// logLines is how many lines one call fetches at most, and logCalls how many
// calls one look makes: a service that prints a lot is caught up with slowly
// rather than never.
const (
	logLines = 500
	logCalls = 10
)

// clocksDiffer is how far a deployer's clock may be behind ours.
const clocksDiffer = 5 * time.Second

// fetchLogs reads what the workloads printed since the last look, and from the
// first look on only what they printed since the deployment began: a target
// keeps the lines of those before it. read is true once there is a cursor to
// keep, be there lines or not. Logs are a help, not a truth: what fails here is
// tried again and holds nothing up.
func (e *Engine) fetchLogs(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) (out []slipway.LogLine, cursor string, read bool) {
	reader, ok := deployer.(deployers.LogReader)
	if !ok {
		return nil, "", false
	}
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		cursor, err = tx.Logs().Cursor(ctx, d.ID)
		return err
	})
	if err != nil {
		return nil, "", false
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for range logCalls {
		var lines []deployers.LogLine
		next := cursor
		err := guard(func() (err error) {
			lines, next, err = reader.Logs(call, target(d), cursor, logLines)
			return err
		})
		if err != nil {
			e.Log.DebugContext(ctx, "no logs", "deployment", d.ID, "error", err)
			return out, cursor, read
		}
		if len(lines) == 0 {
			return out, cursor, read
		}
		cursor, read = next, true
		for _, l := range lines {
			if d.StartedAt == nil || !l.At.Before(d.StartedAt.Add(-clocksDiffer)) {
				out = append(out, slipway.LogLine{At: l.At, Source: l.Source, Stream: l.Stream, Text: l.Text})
			}
		}
		if len(lines) < logLines || len(out) >= logLines {
			return out, cursor, read
		}
	}
	return out, cursor, read
}
