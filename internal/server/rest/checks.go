package rest

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Check is one question asked of a release at work; exactly one of http, tcp,
// job and metric is set.
type Check struct {
	Name                    string       `json:"name"`
	HTTP                    *HTTPCheck   `json:"http,omitempty"`
	TCP                     *TCPCheck    `json:"tcp,omitempty"`
	Job                     *Job         `json:"job,omitempty"`
	Metric                  *MetricCheck `json:"metric,omitempty"`
	InitialDelay            string       `json:"initialDelay,omitempty"`
	Interval                string       `json:"interval,omitempty" doc:"Between measurements; without one there is one measurement."`
	Count                   int          `json:"count,omitempty" doc:"Measurements; 0: one without an interval, else until the bake ends."`
	FailureLimit            int          `json:"failureLimit" doc:"Failed measurements that are borne; -1: any number."`
	InconclusiveLimit       int          `json:"inconclusiveLimit" doc:"Inconclusive ones that are borne before a person is asked."`
	ConsecutiveErrorLimit   int          `json:"consecutiveErrorLimit" doc:"Measurements in a row that could not be made, before a person is asked."`
	ConsecutiveSuccessLimit int          `json:"consecutiveSuccessLimit,omitempty" doc:"So many good ones in a row decide early."`
	DryRun                  bool         `json:"dryRun,omitempty" doc:"Measured and shown, never decides."`
}

// HTTPCheck asks an address.
type HTTPCheck struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers,omitempty"`
	Expect  int               `json:"expect" doc:"Status of a good answer."`
	Body    string            `json:"body,omitempty" doc:"Regular expression that the answer must match."`
	Within  string            `json:"within"`
}

// TCPCheck opens a connection.
type TCPCheck struct {
	Address string `json:"address"`
	Within  string `json:"within"`
}

// Job is a command.
type Job struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	Dir     string            `json:"dir,omitempty"`
	Timeout string            `json:"timeout"`
}

// MetricCheck asks a source of figures.
type MetricCheck struct {
	Provider   string `json:"provider"`
	Query      string `json:"query"`
	Baseline   string `json:"baseline,omitempty" doc:"The same for what is live, as stable in the conditions."`
	Success    string `json:"success,omitempty"`
	Failure    string `json:"failure,omitempty"`
	Samples    string `json:"samples,omitempty" doc:"Query: how many events the result is made of."`
	MinSamples int    `json:"minSamples,omitempty" doc:"Fewer than these: inconclusive."`
	NoData     string `json:"noData" doc:"pass, fail, inconclusive or error"`
	Within     string `json:"within"`
}

// Hook is a job at a fixed point of a deployment.
type Hook struct {
	Name string `json:"name"`
	Job
	Retries  int    `json:"retries,omitempty"`
	Again    string `json:"again" doc:"safe or ask: whether it may run twice when nobody can tell how the first run ended."`
	Optional bool   `json:"optional,omitempty" doc:"Its failure is noted and nothing more."`
}

// Hooks are the jobs of a stage.
type Hooks struct {
	Before        []Hook `json:"before,omitempty"`
	BeforeTraffic []Hook `json:"beforeTraffic,omitempty"`
	After         []Hook `json:"after,omitempty"`
	OnRollback    []Hook `json:"onRollback,omitempty"`
}

func check(c slipway.Check) Check {
	out := Check{Name: c.Name, InitialDelay: duration(c.InitialDelay), Interval: duration(c.Interval), Count: c.Count, FailureLimit: c.FailureLimit,
		InconclusiveLimit: c.InconclusiveLimit, ConsecutiveErrorLimit: c.ConsecutiveErrorLimit, ConsecutiveSuccessLimit: c.ConsecutivePassLimit, DryRun: c.DryRun}
	if h := c.HTTP; h != nil {
		out.HTTP = &HTTPCheck{URL: h.URL, Method: h.Method, Headers: h.Headers, Expect: h.Expect, Body: h.Body, Within: h.Within.String()}
	}
	if t := c.TCP; t != nil {
		out.TCP = &TCPCheck{Address: t.Address, Within: t.Within.String()}
	}
	if c.Job != nil {
		j := job(*c.Job)
		out.Job = &j
	}
	if c.Metric != nil {
		m := metric(*c.Metric)
		out.Metric = &m
	}
	return out
}

func job(j slipway.Job) Job {
	return Job{Command: listed(j.Command), Env: j.Env, Dir: j.Dir, Timeout: j.Timeout.String()}
}

func metric(m slipway.MetricCheck) MetricCheck {
	return MetricCheck{Provider: m.Provider, Query: m.Query, Baseline: m.Baseline, Success: m.Success, Failure: m.Failure, Samples: m.Samples,
		MinSamples: m.MinSamples, NoData: string(m.NoData), Within: m.Within.String()}
}

func hook(h slipway.Hook) Hook {
	return Hook{Name: h.Name, Job: job(h.Job), Retries: h.Retries, Again: string(h.Again), Optional: h.Optional}
}

func hooks(h slipway.Hooks) Hooks {
	return Hooks{Before: each(h.Before, hook), BeforeTraffic: each(h.BeforeTraffic, hook), After: each(h.After, hook), OnRollback: each(h.OnRollback, hook)}
}

// CheckRun is a check at work in one phase.
type CheckRun struct {
	Name         string        `json:"name"`
	Kind         string        `json:"kind" doc:"http, tcp, job or metric"`
	DryRun       bool          `json:"dryRun,omitempty"`
	State        string        `json:"state" doc:"pending, running, successful, failed, error or inconclusive"`
	Message      string        `json:"message,omitempty"`
	Passed       int           `json:"passed"`
	Failed       int           `json:"failed"`
	Inconclusive int           `json:"inconclusive"`
	Errors       int           `json:"errors"`
	NextAt       *time.Time    `json:"nextAt,omitempty" doc:"When it is measured again."`
	AcceptedBy   string        `json:"acceptedBy,omitempty" doc:"Who went on although it is inconclusive or could not be made."`
	Measurements []Measurement `json:"measurements,omitempty" doc:"The newest, oldest first; only where one deployment is shown."`
}

// Measurement is one look.
type Measurement struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome" doc:"pass, fail, inconclusive or error"`
	Value   *float64  `json:"value,omitempty"`
	Stable  *float64  `json:"stable,omitempty" doc:"The same of what was live."`
	Message string    `json:"message,omitempty"`
}

func checkRun(r slipway.CheckRun) CheckRun {
	return CheckRun{Name: r.Name, Kind: r.Kind, DryRun: r.DryRun, State: string(r.State), Message: r.Message, Passed: r.Passed, Failed: r.Failed,
		Inconclusive: r.Inconclusive, Errors: r.Errors, NextAt: utc(r.NextAt), AcceptedBy: r.AcceptedBy}
}

func measurement(m slipway.Measurement) Measurement {
	return Measurement{At: at(m.At), Outcome: string(m.Outcome), Value: m.Value, Stable: m.Stable, Message: m.Message}
}
