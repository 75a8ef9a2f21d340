package slipway

import (
	"cmp"
	"slices"
	"time"
)

// Check is one question asked of a release at work: does it answer, does a job
// come out well, are its figures good. Exactly one of HTTP, TCP, Job and Metric
// is set. A check runs in every phase in which the new release runs (a metric:
// receives traffic), goes on while a phase is held, and ends with the bake.
//
// The counting follows the analysis of Argo Rollouts: the failure limit is how
// many failed measurements are borne, a measurement that meets neither
// condition is inconclusive, and without an interval there is one measurement.
type Check struct {
	Name   string       `json:"name"`
	HTTP   *HTTPCheck   `json:"http,omitempty"`
	TCP    *TCPCheck    `json:"tcp,omitempty"`
	Job    *Job         `json:"job,omitempty"`
	Metric *MetricCheck `json:"metric,omitempty"`

	InitialDelay Duration `json:"initialDelay,omitempty"` // after the phase became ready
	Interval     Duration `json:"interval,omitempty"`
	Count        int      `json:"count,omitempty"` // measurements; 0: one without an interval, else until the bake ends
	// Limits: what is borne before the check is decided. -1: any number.
	FailureLimit          int  `json:"failureLimit,omitempty"`
	InconclusiveLimit     int  `json:"inconclusiveLimit,omitempty"`
	ConsecutiveErrorLimit int  `json:"consecutiveErrorLimit,omitempty"`   // default 4
	ConsecutivePassLimit  int  `json:"consecutiveSuccessLimit,omitempty"` // so many in a row decide early; 0: off
	DryRun                bool `json:"dryRun,omitempty"`                  // measured and shown, never decides
}

// HTTPCheck asks an address. ${address} in the URL is where the new release
// answers by itself, or the service where the deployer has no such address.
type HTTPCheck struct {
	URL     string            `json:"url"`
	Method  string            `json:"method,omitempty"` // GET
	Headers map[string]string `json:"headers,omitempty"`
	Expect  int               `json:"expect,omitempty"` // status; default 200
	Body    string            `json:"body,omitempty"`   // regular expression that the answer must match
	Within  Duration          `json:"within,omitempty"` // the answer; default 10s
}

// TCPCheck opens a connection.
type TCPCheck struct {
	Address string   `json:"address"` // host:port, or ${address}
	Within  Duration `json:"within,omitempty"`
}

// MetricCheck asks a source of figures. Success and Failure are CEL
// expressions over result (a number, or result[i] of a vector) and stable (of
// Baseline). ${version}, ${stable}, ${service}, ${environment} and ${site} in
// queries stand for what is deployed. No data is no answer, not zero.
type MetricCheck struct {
	Provider   string   `json:"provider"` // prometheus
	Query      string   `json:"query"`
	Baseline   string   `json:"baseline,omitempty"` // the same for what is live, as stable in the conditions
	Success    string   `json:"success,omitempty"`
	Failure    string   `json:"failure,omitempty"`
	Samples    string   `json:"samples,omitempty"`    // query: how many events the result is made of
	MinSamples int      `json:"minSamples,omitempty"` // fewer than these: inconclusive
	NoData     Outcome  `json:"noData,omitempty"`     // default inconclusive
	Within     Duration `json:"within,omitempty"`
}

// Outcome is what one measurement says.
type Outcome string

// The outcomes.
const (
	OutcomePass         Outcome = "pass"
	OutcomeFail         Outcome = "fail"
	OutcomeInconclusive Outcome = "inconclusive"
	OutcomeError        Outcome = "error" // could not be measured
)

// Measurement is one look. Value and Stable are figures for the chart, set only
// where there is a number.
type Measurement struct {
	At      time.Time `json:"at"`
	Outcome Outcome   `json:"outcome"`
	Value   *float64  `json:"value,omitempty"`
	Stable  *float64  `json:"stable,omitempty"`
	Message string    `json:"message,omitempty"`
	Job     string    `json:"job,omitempty"`     // key of the job that is still at work
	Pending bool      `json:"pending,omitempty"` // the job is at work: ask again, count nothing
}

// CheckState is where a check is.
type CheckState string

// The states of a check.
const (
	CheckPending      CheckState = "pending"
	CheckRunning      CheckState = "running"
	CheckSuccessful   CheckState = "successful"
	CheckFailed       CheckState = "failed"
	CheckErred        CheckState = "error"
	CheckInconclusive CheckState = "inconclusive"
)

// keptMeasurements bounds what a run remembers of a check; the counts go on.
const keptMeasurements = 60

// CheckRun is a check at work in one phase.
type CheckRun struct {
	Name         string        `json:"name"`
	Kind         string        `json:"kind"`
	DryRun       bool          `json:"dryRun,omitempty"`
	State        CheckState    `json:"state"`
	Message      string        `json:"message,omitempty"`
	Measurements []Measurement `json:"measurements,omitempty"` // the newest, oldest first
	Passed       int           `json:"passed,omitempty"`
	Failed       int           `json:"failed,omitempty"`
	Inconclusive int           `json:"inconclusive,omitempty"`
	Errors       int           `json:"errors,omitempty"`
	ErrorsInRow  int           `json:"errorsInRow,omitempty"`
	PassedInRow  int           `json:"passedInRow,omitempty"`
	NextAt       *time.Time    `json:"nextAt,omitempty"` // when to measure again; nil: not by itself
	Job          string        `json:"job,omitempty"`    // key of the job at work
	JobSince     *time.Time    `json:"jobSince,omitempty"`
	AcceptedBy   string        `json:"acceptedBy,omitempty"`
}

// Kind names what a check asks.
func (c Check) Kind() string {
	switch {
	case c.HTTP != nil:
		return "http"
	case c.TCP != nil:
		return "tcp"
	case c.Job != nil:
		return "job"
	case c.Metric != nil:
		return "metric"
	default:
		return ""
	}
}

// asksIn reports whether the check has something to ask in a phase: the new
// release has to run there, and a metric needs traffic.
func (c Check) asksIn(d Desired, spec string) bool {
	i := slices.IndexFunc(d.Tracks, func(t Track) bool { return t.Spec == spec })
	return i >= 0 && d.Hook == nil && (c.Metric == nil || d.Tracks[i].Weight > 0 || len(d.Tracks[i].Match) > 0)
}

// repeats reports whether the check goes on for as long as it is let.
func (c Check) repeats() bool { return c.Interval > 0 }

func (r CheckRun) decided() bool {
	return r.State != CheckPending && r.State != CheckRunning
}

// count adds a measurement and decides the check if a limit says so.
func (r CheckRun) count(c Check, m Measurement) CheckRun {
	if m.Pending {
		if r.Job != m.Job {
			r.JobSince = &m.At
		}
		r.Job, r.Message, r.State = m.Job, m.Message, CheckRunning
		next := m.At.Add(jobPoll)
		r.NextAt = &next
		return r
	}
	r.Job, r.JobSince = "", nil
	r.Measurements = append(slices.Clone(r.Measurements), m)
	r.Measurements = r.Measurements[max(0, len(r.Measurements)-keptMeasurements):]
	r.Message = m.Message
	r.ErrorsInRow, r.PassedInRow = r.ErrorsInRow+1, r.PassedInRow+1
	switch m.Outcome {
	case OutcomePass:
		r.Passed, r.ErrorsInRow = r.Passed+1, 0
	case OutcomeFail:
		r.Failed, r.ErrorsInRow, r.PassedInRow = r.Failed+1, 0, 0
	case OutcomeInconclusive:
		r.Inconclusive, r.ErrorsInRow, r.PassedInRow = r.Inconclusive+1, 0, 0
	default:
		r.Errors, r.PassedInRow = r.Errors+1, 0
	}
	r.State = r.judge(c)
	r.NextAt = nil
	if c.repeats() {
		next := m.At.Add(time.Duration(c.Interval))
		r.NextAt = &next
	} else if !r.decided() { // an error, which is borne so many times
		next := m.At.Add(errorPause)
		r.NextAt = &next
	}
	return r
}

const (
	jobPoll    = 500 * time.Millisecond
	errorPause = 2 * time.Second // before a check without an interval is made again
)

// judge decides by the limits, in the order of their weight.
func (r CheckRun) judge(c Check) CheckState {
	over := func(n, limit int) bool { return limit >= 0 && n > limit }
	measured := r.Passed + r.Failed + r.Inconclusive
	wanted := c.Count
	if !c.repeats() {
		wanted = max(1, c.Count)
	}
	switch {
	case over(r.Failed, c.FailureLimit):
		return CheckFailed
	case over(r.Inconclusive, c.InconclusiveLimit):
		return CheckInconclusive
	case over(r.ErrorsInRow, cmp.Or(c.ConsecutiveErrorLimit, defaultErrorLimit)):
		return CheckErred
	case r.State == CheckSuccessful, c.ConsecutivePassLimit > 0 && r.PassedInRow >= c.ConsecutivePassLimit:
		return CheckSuccessful
	case wanted > 0 && measured >= wanted:
		if c.ConsecutivePassLimit > 0 {
			return CheckInconclusive // the count is reached, and neither limit
		}
		return CheckSuccessful
	default:
		return CheckRunning
	}
}

const defaultErrorLimit = 4

// conclude ends a check whose time is over: it was good unless a limit said
// otherwise, but only if it was measured at all.
func (r CheckRun) conclude(c Check) CheckRun {
	if r.decided() || c.Count > 0 || !c.repeats() || len(r.Measurements) == 0 || r.Passed == 0 {
		return r
	}
	r.State = CheckSuccessful
	return r
}
