//go:build faults

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The calls of the engine, each with a failpoint on either side.

type watchedDeployer struct {
	deployers.Deployer
	f *failpoints
}

func (d watchedDeployer) Preview(ctx context.Context, t deployers.Target, w deployers.Desired) (deployers.Preview, error) {
	d.f.pass("before")
	defer d.f.pass("after")
	return d.Deployer.Preview(ctx, t, w)
}

// Apply of an owner that was stopped goes out all the same: the call had left it,
// and its network is as late as it likes. Else it would depend on how long others
// took whether the call had run out of time by itself.
func (d watchedDeployer) Apply(ctx context.Context, t deployers.Target, w deployers.Desired) error {
	if d.f.pass("before") {
		ctx = context.WithoutCancel(ctx)
	}
	defer d.f.pass("after")
	return d.Deployer.Apply(ctx, t, w)
}

func (d watchedDeployer) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	d.f.pass("before")
	defer d.f.pass("after")
	return d.Deployer.Observe(ctx, t)
}

type watchedReader struct {
	watchedDeployer
	reader deployers.LogReader
}

func (d watchedReader) Logs(ctx context.Context, t deployers.Target, cursor string, limit int) ([]deployers.LogLine, string, error) {
	d.f.pass("before")
	defer d.f.pass("after")
	return d.reader.Logs(ctx, t, cursor, limit)
}

type watchedChecker struct {
	slipway.Checker
	f *failpoints
}

func (c watchedChecker) Measure(ctx context.Context, check slipway.Check, s slipway.CheckSubject) slipway.Measurement {
	c.f.pass("before")
	defer c.f.pass("after")
	return c.Checker.Measure(ctx, check, s)
}

type watchedProber struct {
	slipway.Prober
	f *failpoints
}

func (p watchedProber) Probe(ctx context.Context, g slipway.Gate, s slipway.ProbeSubject) slipway.Probe {
	p.f.pass("before")
	defer p.f.pass("after")
	return p.Prober.Probe(ctx, g, s)
}

type watchedJobs struct {
	slipway.Jobs
	f       *failpoints
	startNo bool // none can be started
}

func (j watchedJobs) Start(ctx context.Context, o slipway.JobOrder) error {
	j.f.pass("before")
	defer j.f.pass("after")
	if j.startNo {
		return errors.New("no job can be started here")
	}
	return j.Jobs.Start(ctx, o)
}

func (j watchedJobs) Status(ctx context.Context, key string) (slipway.JobReport, error) {
	j.f.pass("before")
	defer j.f.pass("after")
	return j.Jobs.Status(ctx, key)
}

func (j watchedJobs) Output(ctx context.Context, key, cursor string, limit int) ([]slipway.LogLine, string, error) {
	j.f.pass("before")
	defer j.f.pass("after")
	return j.Jobs.Output(ctx, key, cursor, limit)
}

func (j watchedJobs) Stop(ctx context.Context, key string) error {
	j.f.pass("before")
	defer j.f.pass("after")
	return j.Jobs.Stop(ctx, key)
}

func (j watchedJobs) AtWork(ctx context.Context) ([]string, error) {
	j.f.pass("before")
	defer j.f.pass("after")
	return j.Jobs.AtWork(ctx)
}

// far is a deployer at the other end of a line: the test, which keeps the
// ledger and outlives this process.
type far struct {
	url  string
	once bool
	http *http.Client
}

func newFar(url string, once bool) far {
	return far{url: url, once: once, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
}

// farCall and farAnswer are what goes over the line.
type (
	farCall struct {
		Target  deployers.Target
		Desired deployers.Desired
		Cursor  string
		Limit   int
	}
	farAnswer struct {
		Error    string
		Terminal bool
		Panic    bool
		Preview  deployers.Preview
		Observed deployers.Observed
		Lines    []deployers.LogLine
		Cursor   string
	}
)

func (f far) call(ctx context.Context, verb string, c farCall) (farAnswer, error) {
	var a farAnswer
	body, err := json.Marshal(c)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/"+verb, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	response, err := f.http.Do(request)
	if err != nil {
		return a, fmt.Errorf("the deployer cannot be reached: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("the deployer cannot be understood: %w", err)
	}
	switch {
	case a.Panic:
		panic("the far end says so")
	case a.Terminal:
		return a, deployers.Terminal(errors.New(a.Error))
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (f far) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{Summary: "Is at the far end of a line; for tests", Replicas: true, ParallelTracks: true, TrafficWeights: true,
		TrafficMatch: true, PreviewAddress: true, Secrets: true, AtMostOnce: f.once}
}

func (far) Validate(raw json.RawMessage) (deployers.Settings, []deployers.Problem) {
	s := deployers.Settings{Replicas: 1}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, []deployers.Problem{{Message: err.Error()}}
		}
	}
	return s, nil
}

func (f far) Preview(ctx context.Context, t deployers.Target, w deployers.Desired) (deployers.Preview, error) {
	a, err := f.call(ctx, "preview", farCall{Target: t, Desired: withoutSecrets(w)})
	return a.Preview, err
}

func (f far) Apply(ctx context.Context, t deployers.Target, w deployers.Desired) error {
	for _, track := range w.Tracks {
		for name, value := range track.Secrets {
			if value.Reveal() == "" {
				return deployers.Terminal(fmt.Errorf("the value of %s did not come", name))
			}
		}
	}
	_, err := f.call(ctx, "apply", farCall{Target: t, Desired: withoutSecrets(w)})
	return err
}

// withoutSecrets is what may go over a line.
func withoutSecrets(w deployers.Desired) deployers.Desired {
	w.Tracks = slices.Clone(w.Tracks)
	for i := range w.Tracks {
		w.Tracks[i].Secrets = nil
	}
	return w
}

func (f far) Observe(ctx context.Context, t deployers.Target) (deployers.Observed, error) {
	a, err := f.call(ctx, "observe", farCall{Target: t})
	return a.Observed, err
}

func (f far) Logs(ctx context.Context, t deployers.Target, cursor string, limit int) ([]deployers.LogLine, string, error) {
	a, err := f.call(ctx, "logs", farCall{Target: t, Cursor: cursor, Limit: limit})
	return a.Lines, a.Cursor, err
}
