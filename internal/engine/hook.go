package engine

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// jobGrace is how long after its deadline a check's job is waited for whose runner does
// not answer.
const jobGrace = time.Minute

// jobKey names the job of a phase: its generation is used for nothing else.
func jobKey(run slipway.PhaseRun) string { return "g" + strconv.FormatInt(run.Generation, 10) }

// ownKey puts the runner's name before a key, so that others know whom to ask.
func ownKey(runner, key string) string { return runner + "." + key }

func runnerOf(key string) string {
	runner, _, _ := strings.Cut(key, ".")
	return runner
}

// hook runs the job of the phase at work, and follows it. Who is going to run
// it is on record before it begins: of two replicas only one can be.
func (e *Engine) hook(ctx context.Context, d slipway.Deployment) (time.Time, error) {
	run := d.Current()
	if d.KeptByLine() { // its job has ended, whoever ran it
		return e.take(ctx, d, slipway.JobSeen{Generation: run.Generation, State: slipway.JobSucceeded}, nil)
	}
	if e.Jobs == nil {
		return e.take(ctx, d, slipway.Refused{Generation: run.Generation, Reason: "this portal cannot run jobs", Retry: true}, nil)
	}
	switch {
	case run.Runner == "":
		return e.take(ctx, d, slipway.Claimed{Generation: run.Generation, Runner: e.Jobs.ID()}, nil)
	case run.Runner != e.Jobs.ID():
		return e.otherRunner(ctx, d)
	case run.State == slipway.Applying:
		return e.startJob(ctx, d)
	default:
		return e.followJob(ctx, d)
	}
}

func (e *Engine) startJob(ctx context.Context, d slipway.Deployment) (time.Time, error) {
	run := d.Current()
	job := run.Desired.Hook.Job
	seen := slipway.Observed{}
	if deployer, ok := e.Deployers.get(d.Plan.To.Deployer.Name); ok {
		seen = e.ask(ctx, deployer, d, run.Desired.Site).Observed // for its address; a hook may well run before there is one
	}
	subject := e.subject(d, seen)
	order := slipway.JobOrder{Key: jobKey(*run), Dir: subject.Expand(job.Dir), Timeout: time.Duration(job.Timeout), Env: maps.Clone(job.Env)}
	if order.Env == nil {
		order.Env = map[string]string{}
	}
	for _, arg := range job.Command {
		order.Command = append(order.Command, subject.Expand(arg))
	}
	for word, value := range subject.Words() {
		order.Env["SLIPWAY_"+strings.ToUpper(word)] = value
	}
	order.Env["SLIPWAY_DEPLOYMENT"] = strconv.FormatInt(d.ID, 10)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	secrets, err := e.jobSecrets(call, d)
	if err != nil && ctx.Err() == nil {
		return e.withhold(ctx, d, err)
	}
	maps.DeleteFunc(secrets, func(name string, _ slipway.Secret) bool { _, ours := order.Env[name]; return ours })
	order.Secrets = secrets
	if err := e.Jobs.Start(call, order); err != nil && ctx.Err() == nil {
		return e.take(ctx, d, slipway.Refused{Generation: run.Generation, Reason: err.Error(), Retry: true}, nil)
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	return e.take(ctx, d, slipway.Accepted{Generation: run.Generation}, nil)
}

// jobSecrets are the values that a hook gets: those pinned for what goes out, and
// on the way back those of what comes back. They are held no longer than the call.
func (e *Engine) jobSecrets(ctx context.Context, d slipway.Deployment) (map[string]slipway.Secret, error) {
	spec := d.Plan.To
	if d.Current().Back > 0 && d.Plan.From != nil {
		spec = *d.Plan.From
	}
	if len(spec.Secrets) == 0 {
		return nil, nil
	}
	if e.Secrets == nil {
		return nil, noStore()
	}
	return e.Secrets.Pinned(ctx, spec)
}

// followJob reads how the job stands and what it has printed since.
func (e *Engine) followJob(ctx context.Context, d slipway.Deployment) (time.Time, error) {
	run := d.Current()
	seen := slipway.JobSeen{Asked: e.now(), Generation: run.Generation, Cursor: run.Cursor}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	report, err := e.Jobs.Status(call, jobKey(*run))
	if err != nil {
		seen.State, seen.Message = slipway.JobRunning, "It could not be asked after: "+err.Error()
	} else {
		seen.State, seen.Message = report.State, report.Message
	}
	lines, next, err := e.Jobs.Output(call, jobKey(*run), run.Cursor, logLines)
	if err == nil {
		seen.Cursor = next
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	for i := range lines {
		lines[i].Source = "hook " + run.Desired.Hook.Name
	}
	if len(lines) == logLines { // its end is judged once all of it was read
		seen.State = slipway.JobRunning
	}
	next2, _, err := slipway.Step(d, seen, e.now())
	if err != nil {
		return time.Time{}, err
	}
	wake := wakeOf(next2)
	if len(lines) == 0 && e.nothingToSave(d, next2) {
		return wake, nil
	}
	return e.take(ctx, d, seen, func(tx slipway.Tx) error {
		if len(lines) == 0 {
			return nil
		}
		cursor, err := tx.Logs().Cursor(ctx, d.ID)
		if err != nil {
			return err
		}
		return keepLines(ctx, tx, d, lines, cursor, true, e.now())
	})
}

// otherRunner waits for the portal that runs the job. While that does not look
// itself it is on record that somebody did, as the time of the job counts only
// while somebody looks.
func (e *Engine) otherRunner(ctx context.Context, d slipway.Deployment) (time.Time, error) {
	run, now := d.Current(), e.now()
	if now.Before(wakeOf(d).Add(overdueFor)) {
		return time.Time{}, nil // the sweeper asks again, and mostly the right one
	}
	return e.take(ctx, d, slipway.JobSeen{Asked: now, Generation: run.Generation, Cursor: run.Cursor, State: slipway.JobAway,
		Message: fmt.Sprintf("the portal %s, which runs it, does not answer", run.Runner)}, nil)
}

// tidyEvery is how long a job may outlive what it was for.
const tidyEvery = 5 * time.Second

// stopOrphans stops jobs whose deployment has gone on without them: it was
// cancelled, or something newer took its place.
func (e *Engine) stopOrphans(ctx context.Context) error {
	keys, err := e.Jobs.AtWork(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	var orphans []string
	err = e.Store.Read(ctx, func(tx slipway.Tx) error {
		for _, key := range keys {
			wanted, err := jobWanted(ctx, tx, key)
			if err != nil {
				return err
			}
			if !wanted {
				orphans = append(orphans, key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range orphans {
		e.Log.InfoContext(ctx, "stopping a job that nothing waits for", "job", key)
		if err := e.Jobs.Stop(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// jobWanted reports whether the phase that a job belongs to is still at work.
func jobWanted(ctx context.Context, tx slipway.Tx, key string) (bool, error) {
	_, name, found := strings.Cut(key, ".")
	if !found {
		name = key
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "g"), "-")
	generation, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return true, nil //nolint:nilerr // a key of another shape is none of ours
	}
	d, err := tx.Deployments().Get(ctx, slipway.DeploymentOf(generation))
	if slipway.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	run := d.Current()
	return d.State.Active() && run != nil && run.Generation == generation && run.EndedAt == nil, nil
}
