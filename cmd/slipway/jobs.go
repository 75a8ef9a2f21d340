package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway/internal/jobs"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// hostJobs runs the jobs of hooks and checks on this host; this very binary is
// their supervisor.
type hostJobs struct{ *jobs.Runner }

func newHostJobs(c config, log *slog.Logger) (hostJobs, error) {
	self, err := os.Executable()
	if err != nil {
		return hostJobs{}, err
	}
	runner, err := jobs.New(filepath.Join(c.DataDir, "jobs"), self, log)
	return hostJobs{runner}, err
}

// Start implements slipway.Jobs.
func (h hostJobs) Start(ctx context.Context, o slipway.JobOrder) error {
	secrets := make(map[string]string, len(o.Secrets))
	for name, value := range o.Secrets {
		secrets[name] = value.Reveal()
	}
	return h.Runner.Start(ctx, jobs.Job{Key: o.Key, Command: o.Command, Env: o.Env, Secrets: secrets, Dir: o.Dir, Timeout: o.Timeout})
}

// Status implements slipway.Jobs.
func (h hostJobs) Status(ctx context.Context, key string) (slipway.JobReport, error) {
	s, err := h.Runner.Status(ctx, key)
	return slipway.JobReport{State: slipway.JobState(s.State), ExitCode: s.ExitCode, Message: s.Message}, err
}

// Output implements slipway.Jobs.
func (h hostJobs) Output(ctx context.Context, key, cursor string, limit int) ([]slipway.LogLine, string, error) {
	printed, next, err := h.Runner.Output(ctx, key, cursor, limit)
	lines := make([]slipway.LogLine, len(printed))
	for i, l := range printed {
		lines[i] = slipway.LogLine{At: l.At, Stream: l.Stream, Text: l.Text}
	}
	return lines, next, err
}

// jobsFor is how long what a job has printed is kept on this host; what people
// read of it is in the database.
const jobsFor = 7 * 24 * time.Hour
