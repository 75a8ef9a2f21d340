package checks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/checks"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// runner notes what it is asked to start, and reports what the test says.
type runner struct {
	started []slipway.JobOrder
	asked   []string
	report  slipway.JobReport
	err     error
}

func (r *runner) Start(_ context.Context, o slipway.JobOrder) error {
	r.started = append(r.started, o)
	return r.err
}

func (r *runner) Status(_ context.Context, key string) (slipway.JobReport, error) {
	r.asked = append(r.asked, key)
	return r.report, r.err
}

func TestAJobIsStartedOnceAndThenAskedAfter(t *testing.T) {
	t.Parallel()
	r := &runner{}
	k := newChecks(t, checks.Config{Jobs: r})
	check := slipway.Check{Job: &slipway.Job{Command: []string{"load", "--to", "${address}", "--was=${previous}", "${other}"}, Dir: "/srv/${service}",
		Env: map[string]string{"RATE": "50"}}}
	s := at("http://10.0.0.7:8080")
	m := k.Measure(t.Context(), check, s)
	if want := (slipway.Measurement{At: s.Now, Pending: true, Job: "m1", Message: "The job is at work."}); !cmp.Equal(m, want) {
		t.Error(cmp.Diff(want, m))
	}
	want := []slipway.JobOrder{{Key: "m1", Command: []string{"load", "--to", "http://10.0.0.7:8080", "--was=1.41.2", "${other}"}, Dir: "/srv/billing-api", Timeout: 10 * time.Minute,
		Env: map[string]string{"RATE": "50", "SLIPWAY_VERSION": "1.42.0", "SLIPWAY_PREVIOUS": "1.41.2", "SLIPWAY_STABLE": "1.41.2", "SLIPWAY_SERVICE": "billing-api",
			"SLIPWAY_ENVIRONMENT": "production", "SLIPWAY_SITE": "", "SLIPWAY_ADDRESS": "http://10.0.0.7:8080"}}}
	if !cmp.Equal(r.started, want) {
		t.Error(cmp.Diff(want, r.started))
	}
	if len(check.Job.Env) != 1 {
		t.Errorf("the check itself was changed: %v", check.Job.Env)
	}
	s.Job = "m1"
	for _, c := range []struct {
		report  slipway.JobReport
		want    slipway.Outcome
		pending bool
		says    string
	}{
		{slipway.JobReport{State: slipway.JobRunning, ExitCode: -1}, "", true, "The job is at work."},
		{slipway.JobReport{State: slipway.JobRunning, ExitCode: -1, Message: "phase 2"}, "", true, "phase 2"},
		{slipway.JobReport{State: slipway.JobSucceeded}, slipway.OutcomePass, false, "The job came out well."},
		{slipway.JobReport{State: slipway.JobSucceeded, Message: "p95 12 ms"}, slipway.OutcomePass, false, "p95 12 ms"},
		{slipway.JobReport{State: slipway.JobFailed, ExitCode: 1, Message: "exited with code 1: p95 900 ms"}, slipway.OutcomeFail, false, "exited with code 1: p95 900 ms"},
		{slipway.JobReport{State: slipway.JobFailed, ExitCode: -1, Message: "was killed"}, slipway.OutcomeFail, false, "was killed"},
		{slipway.JobReport{State: slipway.JobFailed, ExitCode: 3, Message: "exited with code 3: too few"}, slipway.OutcomeInconclusive, false, "exited with code 3: too few"},
		{slipway.JobReport{State: slipway.JobUnknown, Message: "its supervisor was killed"}, slipway.OutcomeError, false, "Nobody can tell how its job ended: its supervisor was killed."},
		{slipway.JobReport{State: "asleep"}, slipway.OutcomeError, false, "Nobody can tell"},
	} {
		r.report = c.report
		m := k.Measure(t.Context(), check, s)
		if m.Outcome != c.want || m.Pending != c.pending || (m.Job == "m1") != c.pending || !strings.Contains(m.Message, c.says) {
			t.Errorf("%+v: %+v", c.report, m)
		}
	}
	if len(r.started) != 1 || len(r.asked) != 9 || r.asked[0] != "m1" {
		t.Errorf("started %d, asked after %q", len(r.started), r.asked)
	}
}

func TestAJobThatCannotBeRun(t *testing.T) {
	t.Parallel()
	check := slipway.Check{Job: &slipway.Job{Command: []string{"load"}}}
	working := release()
	working.Job = "m1"
	for _, c := range []struct {
		jobs    checks.Jobs
		subject slipway.CheckSubject
		says    string
	}{
		{nil, release(), "This portal cannot run jobs."},
		{&runner{err: errors.New("no space left")}, release(), "Its job could not be started: no space left."},
		{&runner{err: errors.New("no such file")}, working, "Its job could not be asked after: no such file."},
	} {
		m := newChecks(t, checks.Config{Jobs: c.jobs}).Measure(t.Context(), check, c.subject)
		if m.Outcome != slipway.OutcomeError || m.Pending || m.Job != "" || m.Message != c.says {
			t.Errorf("%+v", m)
		}
	}
}
