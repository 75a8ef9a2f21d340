package checks

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	defaultJobTimeout = slipway.Duration(10 * time.Minute)
	// exitInconclusive is how a job says that it cannot tell.
	exitInconclusive = 3
)

// askJob starts a job, or asks how the one at work stands. The key of the
// measurement is the key of the job, so a start that is made twice, because the
// first answer was lost, starts one job.
func (k *Checks) askJob(ctx context.Context, j slipway.Job, s slipway.CheckSubject) slipway.Measurement {
	if k.jobs == nil {
		return erred("This portal cannot run jobs.")
	}
	if s.Job == "" {
		return k.startJob(ctx, j, s)
	}
	report, err := k.jobs.Status(ctx, s.Job)
	if err != nil {
		return erred("Its job could not be asked after: %s.", firstLine(err.Error()))
	}
	switch {
	case report.State == slipway.JobRunning:
		return slipway.Measurement{Pending: true, Job: s.Job, Message: cmp.Or(report.Message, "The job is at work.")}
	case report.State == slipway.JobSucceeded:
		return passed("%s", cmp.Or(report.Message, "The job came out well."))
	case report.State == slipway.JobFailed && report.ExitCode == exitInconclusive:
		return slipway.Measurement{Outcome: slipway.OutcomeInconclusive, Message: cmp.Or(report.Message, "The job could not tell.")}
	case report.State == slipway.JobFailed:
		return failed("%s", cmp.Or(report.Message, "The job failed."))
	default:
		return erred("Nobody can tell how its job ended: %s.", strings.TrimSuffix(cmp.Or(report.Message, "it left no trace"), "."))
	}
}

func (k *Checks) startJob(ctx context.Context, j slipway.Job, s slipway.CheckSubject) slipway.Measurement {
	order := slipway.JobOrder{Key: s.Key, Dir: s.Expand(j.Dir), Env: maps.Clone(j.Env), Timeout: time.Duration(cmp.Or(j.Timeout, defaultJobTimeout))}
	if order.Env == nil {
		order.Env = map[string]string{}
	}
	for _, arg := range j.Command {
		order.Command = append(order.Command, s.Expand(arg))
	}
	for word, value := range s.Words() {
		order.Env["SLIPWAY_"+strings.ToUpper(word)] = value
	}
	if err := k.jobs.Start(ctx, order); err != nil {
		return erred("Its job could not be started: %s.", firstLine(err.Error()))
	}
	return slipway.Measurement{Pending: true, Job: s.Key, Message: "The job is at work."}
}
