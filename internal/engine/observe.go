package engine

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
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
	reports := make(chan report, savedTogether)
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
					if seen, ok := e.askAfter(ctx, s); ok {
						reports <- report{s, seen}
					}
				}
			})
		}
	}
	go func() { wg.Wait(); close(reports) }()
	e.saveReports(ctx, reports)
	return nil
}

// report is what was seen of a stage, beside what was known when it was asked.
type report struct {
	stage slipway.StageState
	seen  slipway.Observed
}

// savedTogether bounds how many reports share a commit: thousands of stages are
// asked after in each round, and a commit each would keep the disk busy with
// nothing else. It is small enough that nobody waits long for the writer.
const savedTogether = 50

// saveReports saves what has come while it saved what came before. What cannot
// be saved together is saved one by one, so that it spoils nothing else.
func (e *Engine) saveReports(ctx context.Context, reports <-chan report) {
	for first := range reports {
		batch := append(make([]report, 0, savedTogether), first)
		for more := true; more && len(batch) < savedTogether; {
			select {
			case r, ok := <-reports:
				if more = ok; ok {
					batch = append(batch, r)
				}
			default:
				more = false
			}
		}
		if e.saveTogether(ctx, batch) == nil {
			continue
		}
		for _, r := range batch {
			if err := e.saveTogether(ctx, []report{r}); err != nil && ctx.Err() == nil {
				e.Log.WarnContext(ctx, "could not observe", "service", r.stage.Service, "environment", r.stage.Environment, "error", err)
			}
		}
	}
}

// saveTogether goes through the stages in one order, so that replicas that save
// the same ones wait for each other rather than meet head-on.
func (e *Engine) saveTogether(ctx context.Context, batch []report) error {
	slices.SortFunc(batch, func(a, b report) int {
		return cmp.Or(cmp.Compare(a.stage.Service, b.stage.Service), cmp.Compare(a.stage.Environment, b.stage.Environment))
	})
	return e.Store.Write(ctx, func(tx slipway.Tx) error {
		for _, r := range batch {
			if err := e.saveReport(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// atWork lists the stages that looks of the engine ask after anyway.
func atWork(ctx context.Context, tx slipway.Tx) (map[deployers.Target]bool, error) {
	busy := map[deployers.Target]bool{}
	page := slipway.Page{Limit: 200}
	for {
		list, next, err := tx.Deployments().List(ctx, slipway.DeploymentFilter{States: []slipway.State{slipway.Running, slipway.Paused, slipway.Reverting}}, page)
		for _, d := range list {
			busy[target(d, "")] = true
		}
		if err != nil || next == "" {
			return busy, err
		}
		page.Cursor = next
	}
}

// askAfter asks what runs; false means that there is nothing to keep.
func (e *Engine) askAfter(ctx context.Context, s slipway.StageState) (slipway.Observed, bool) {
	deployer, ok := e.Deployers.get(s.Live.Spec.Deployer.Name)
	if !ok || ctx.Err() != nil {
		return slipway.Observed{}, false
	}
	var all *slipway.Observed
	for _, site := range s.Live.Spec.SiteNames() {
		seen := e.askTarget(ctx, deployer, deployers.Target{Service: s.Service, Environment: s.Environment, Site: site})
		if seen.Err != "" {
			e.Log.WarnContext(ctx, "deployer does not answer", "service", s.Service, "environment", s.Environment, "site", site, "error", seen.Err)
			return slipway.Observed{}, false
		}
		merged := mergeSite(all, site, seen.Observed)
		merged.Forgot = seen.Observed.Forgot || all != nil && all.Forgot
		all = &merged
	}
	if all.Forgot {
		all.Forgot = false
		e.remindStage(ctx, s)
	}
	return *all, true
}

func (e *Engine) saveReport(ctx context.Context, tx slipway.Tx, r report) error {
	s := r.stage
	if s.Observed != nil && sameReport(*s.Observed, r.seen) {
		return tx.Stages().PutObserved(ctx, s.Service, s.Environment, r.seen) // which keeps the newer one
	}
	// Read again: another replica may have told of the same change already.
	known, err := tx.Stages().Get(ctx, s.Service, s.Environment)
	if err != nil || (known.Observed != nil && known.Observed.At.After(r.seen.At)) {
		return err
	}
	if err := tx.Stages().PutObserved(ctx, s.Service, s.Environment, r.seen); err != nil {
		return err
	}
	if known.Observed != nil && sameReport(*known.Observed, r.seen) {
		return nil
	}
	return tx.Events().Add(ctx, slipway.DomainEvent{At: e.now(), Kind: "stage.observed", Team: s.Team, Service: s.Service,
		Environment: s.Environment, Actor: "Slipway", Message: r.seen.Message})
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
func (e *Engine) fetchLogs(ctx context.Context, deployer deployers.Deployer, d slipway.Deployment, behind string) (out []slipway.LogLine, cursor string, read bool) {
	reader, ok := deployer.(deployers.LogReader)
	if !ok {
		return nil, "", false
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	site := d.Current().Desired.Site
	cursor = atSite(behind, site)
	defer func() { cursor = ofSite(cursor, site) }()
	for range logCalls {
		var lines []deployers.LogLine
		next := cursor
		err := guard(func() (err error) {
			lines, next, err = reader.Logs(call, target(d, site), cursor, logLines)
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

// ofSite marks a cursor as that of one site of several, and atSite takes it
// back: at another site reading begins anew.
func ofSite(cursor, site string) string {
	if site == "" || cursor == "" {
		return cursor
	}
	return site + " " + cursor
}

func atSite(cursor, site string) string {
	if site == "" {
		return cursor
	}
	rest, ok := strings.CutPrefix(cursor, site+" ")
	if !ok {
		return ""
	}
	return rest
}
