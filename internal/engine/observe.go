package engine

import (
	"context"
	"reflect"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeEvery is how old the report of a calm stage gets.
const observeEvery = 15 * time.Second

// observeAll asks after everything that is live and has no deployment at work,
// so that pages show what runs and not what once was made to run. A stage whose
// deployer does not answer keeps its last report, with its age.
func (e *Engine) observeAll(ctx context.Context) error {
	var states []slipway.StageState
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		states, err = tx.Stages().All(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range states {
		if err := e.observeStage(ctx, s); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "could not observe", "service", s.Service, "environment", s.Environment, "error", err)
		}
	}
	return nil
}

func (e *Engine) observeStage(ctx context.Context, s slipway.StageState) error {
	deployer, ok := e.Deployers.get(s.Live.Spec.Deployer.Name)
	if !ok {
		return nil
	}
	seen := e.ask(ctx, deployer, deployers.Target{Service: s.Service, Environment: s.Environment})
	if seen.Err != "" {
		e.Log.WarnContext(ctx, "deployer does not answer", "service", s.Service, "environment", s.Environment, "error", seen.Err)
		return nil
	}
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		if s.Observed != nil && s.Observed.At.After(seen.Observed.At) {
			return nil
		}
		if err := tx.Stages().PutObserved(ctx, s.Service, s.Environment, seen.Observed); err != nil {
			return err
		}
		if s.Observed != nil && sameReport(*s.Observed, seen.Observed) {
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

// logLines is how many lines one look fetches at most.
const logLines = 500

// fetchLogs reads what the workloads printed since the last look. Logs are a
// help, not a truth: what fails here is tried again and holds nothing up.
func (e *Engine) fetchLogs(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment) ([]slipway.LogLine, string) {
	reader, ok := deployer.(deployers.LogReader)
	if !ok {
		return nil, ""
	}
	var cursor string
	err := e.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		cursor, err = tx.Logs().Cursor(ctx, d.ID)
		return err
	})
	if err != nil {
		return nil, ""
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var lines []deployers.LogLine
	next := cursor
	err = guard(func() (err error) {
		lines, next, err = reader.Logs(call, target(d), cursor, logLines)
		return err
	})
	if err != nil {
		e.Log.DebugContext(ctx, "no logs", "deployment", d.ID, "error", err)
		return nil, ""
	}
	out := make([]slipway.LogLine, len(lines))
	for i, l := range lines {
		out[i] = slipway.LogLine{At: l.At, Source: l.Source, Stream: l.Stream, Text: l.Text}
	}
	return out, next
}
