package slipway

import (
	"context"
	"strings"
	"time"
)

// CheckSubject is what a job or a check is about. Its words are what ${version} and
// its like stand for.
type CheckSubject struct {
	Now         time.Time
	Service     string
	Environment string
	Site        string
	Version     string
	Stable      string // the version that is live; may be empty
	Address     string // where the new release answers, or the service
	Key         string // of this measurement, used for its job
	Job         string // key of the job at work, if any
}

// Words are the names and values that a job and a check may use.
func (s CheckSubject) Words() map[string]string {
	return map[string]string{
		"version": s.Version, "previous": s.Stable, "stable": s.Stable, "service": s.Service,
		"environment": s.Environment, "site": s.Site, "address": s.Address,
	}
}

// Expand replaces ${word}. A word that is not known stays as it is written.
func (s CheckSubject) Expand(text string) string {
	var pairs []string
	for word, value := range s.Words() {
		pairs = append(pairs, "${"+word+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Checker makes checks. It never fails: what cannot be measured is an outcome,
// too. It may take as long as ctx lets it, and a job longer: then the answer is
// pending, and the next call, with CheckSubject.Job set, asks again.
type Checker interface {
	Measure(ctx context.Context, c Check, s CheckSubject) Measurement
}

// JobOrder is a job as a runner takes it.
type JobOrder struct {
	Key     string // the same key is the same job, and is started at most once
	Command []string
	Env     map[string]string
	Secrets map[string]Secret // variables like Env; *** in what the job prints, and never on a disk
	Dir     string
	Timeout time.Duration
}

// JobReport is how a job stands.
type JobReport struct {
	State    JobState
	ExitCode int    // -1 unless the command exited by itself
	Message  string // one line: how it ended, or what it says
}

// Jobs runs jobs beside the portal: they go on when it is killed. A runner
// knows only the jobs that it started; ID tells runners apart.
type Jobs interface {
	ID() string
	Start(ctx context.Context, o JobOrder) error
	Status(ctx context.Context, key string) (JobReport, error)
	// Output returns lines after the cursor, oldest first, and where to go on.
	Output(ctx context.Context, key, cursor string, limit int) ([]LogLine, string, error)
	Stop(ctx context.Context, key string) error
	// AtWork lists the keys of jobs that have not ended.
	AtWork(ctx context.Context) ([]string, error)
}
