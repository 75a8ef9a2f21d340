package slipway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkedAs lists what is wrong with a stage that makes a check.
func checkedAs(k Check) []string {
	found := check(stage("dev", func(s *Stage) { s.Verify = []Check{k} }))
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], "stages[0].verify[0]")
	}
	return found
}

func web(change func(*HTTPCheck)) Check {
	h := HTTPCheck{URL: "https://shop.example.com/healthz"}
	change(&h)
	return Check{HTTP: &h}
}

func figures(change func(*MetricCheck)) Check {
	m := MetricCheck{Query: "sum(rate(errors[1m]))", Success: "result < 0.01"}
	change(&m)
	return Check{Metric: &m}
}

func task(change func(*Job)) Check {
	j := Job{Command: []string{"/opt/smoke", "--url", "${address}"}, Env: map[string]string{"LEVEL": "1"}}
	change(&j)
	return Check{Job: &j}
}

func TestCheckPipelineChecks(t *testing.T) {
	t.Parallel()
	url := func(text string) Check { return web(func(h *HTTPCheck) { h.URL = text }) }
	tcp := func(text string) Check { return Check{TCP: &TCPCheck{Address: text}} }
	words := "known are ${address}, ${environment}, ${previous}, ${service}, ${site}, ${stable}, ${version}"
	program := ".job.command: needs a program and its arguments, such as [/opt/shop/migrate, up]"
	hour := Duration(time.Hour)
	for name, c := range map[string]struct {
		check Check
		want  string
	}{
		"http":              {web(func(*HTTPCheck) {}), ""},
		"of the new side":   {url("${address}/healthz?v=${version}"), ""},
		"all of the side":   {url("${address}"), ""},
		"by another scheme": {url("https://${address}/healthz"), ""},
		"word in a pattern": {web(func(h *HTTPCheck) { h.Body = "^${version}$" }), ""},
		"wrong in pattern":  {web(func(h *HTTPCheck) { h.Body = "${v}" }), ".http.body: has ${v}, for which nothing stands here; " + words},
		"word in the host":  {url("https://${environment}.example.com/${version}"), ""},
		"address inside":    {url("https://x/${address}"), ".http.url: may have ${address} at its beginning only: it stands for a whole one, such as http://10.0.0.7:8080"},
		"address and host":  {url("${address}.example.com/"), ".http.url: goes on with / after ${address}"},
		"no address":        {url("shop"), ".http.url: must be an http or https address, or begin with ${address}"},
		"file":              {url("file:///etc/passwd"), ".http.url: must be an http or https address, or begin with ${address}"},
		"wrong word":        {url("https://x/${verson}"), ".http.url: has ${verson}, for which nothing stands here; " + words},
		"method":            {web(func(h *HTTPCheck) { h.Method = "DELETE" }), `.http.method: is GET, HEAD or POST, not "DELETE"`},
		"status":            {web(func(h *HTTPCheck) { h.Expect = 99 }), ".http.expect: is 100 to 599, not 99"},
		"pattern":           {web(func(h *HTTPCheck) { h.Body = "(" }), ".http.body: is no regular expression: missing closing ): `(`"},
		"long pattern":      {web(func(h *HTTPCheck) { h.Body = strings.Repeat("x", 1001) }), ".http.body: is at most 1000 bytes long"},
		"header name":       {web(func(h *HTTPCheck) { h.Headers = map[string]string{"a b": ""} }), ".http.headers.a b: is no name that a header can have"},
		"header of lines":   {web(func(h *HTTPCheck) { h.Headers = map[string]string{"X-A": "b\r\nC: d"} }), ".http.headers.X-A: is one line of at most 1024 bytes"},
		"slow":              {web(func(h *HTTPCheck) { h.Within = hour }), ".http.within: is 1s to 1m, not 1h"},
		"nothing":           {Check{}, ": is exactly one of http, tcp, job or metric"},
		"two":               {Check{HTTP: &HTTPCheck{}, Job: &Job{}}, ": is exactly one of http, tcp, job or metric"},
		"tcp":               {tcp("db.example.com:5432"), ""},
		"tcp of the side":   {tcp("${address}"), ""},
		"tcp by site":       {tcp("${site}.example.com:80"), ""},
		"tcp without port":  {tcp("db"), ".tcp.address: is host:port, or ${address} alone"},
		"tcp port":          {tcp("db:99999"), ".tcp.address: is host:port, or ${address} alone"},
		"tcp as URL":        {tcp("http://db:80"), ".tcp.address: is host:port, or ${address} alone"},
		"tcp and more":      {tcp("${address}:80"), ".tcp.address: is host:port, or ${address} alone"},
		"job":               {task(func(*Job) {}), ""},
		"job of nothing":    {task(func(j *Job) { j.Command = nil }), program},
		"job of spaces":     {task(func(j *Job) { j.Command = []string{"", "x"} }), program},
		"job with zero":     {task(func(j *Job) { j.Command = []string{"a", "\x00"} }), ".job.command[1]: is at most 4096 bytes long, without a zero byte"},
		"variable":          {task(func(j *Job) { j.Env = map[string]string{"A-B": ""} }), ".job.env.A-B: is a name of letters, digits and _, which does not begin with a digit"},
		"our variable":      {task(func(j *Job) { j.Env = map[string]string{"SLIPWAY_X": ""} }), ".job.env.SLIPWAY_X: begins like what Slipway itself tells every job"},
		"long variable":     {task(func(j *Job) { j.Env = map[string]string{"A": strings.Repeat("x", 4097)} }), ".job.env.A: is at most 4096 bytes long, without a zero byte"},
		"job for days":      {task(func(j *Job) { j.Timeout = 25 * hour }), ".job.timeout: is 1s to 24h, not 25h"},
		"directory":         {task(func(j *Job) { j.Dir = "/a\nb" }), ".job.dir: is one line of at most 1024 bytes"},
		"from where":        {task(func(j *Job) { j.Dir = "tests" }), ".job.dir: is a whole path, from / on"},
		"in its directory":  {task(func(j *Job) { j.Dir, j.Command = "/opt", []string{"./x"} }), ""},
		"in no directory":   {task(func(j *Job) { j.Command = []string{"./x"} }), ".job.command[0]: is a path from dir, and there is no dir; write a whole path, or a name that is in the PATH"},
		"in the PATH":       {task(func(j *Job) { j.Command = []string{"migrate"} }), ""},
		"metric":            {figures(func(*MetricCheck) {}), ""},
		"provider":          {figures(func(m *MetricCheck) { m.Provider = "graphite" }), `.metric.provider: is prometheus, not "graphite"`},
		"no query":          {figures(func(m *MetricCheck) { m.Query = " " }), ".metric.query: is missing"},
		"long query":        {figures(func(m *MetricCheck) { m.Query = strings.Repeat("x", 8193) }), ".metric.query: is at most 8192 bytes long"},
		"wrong query word":  {figures(func(m *MetricCheck) { m.Query = "up{v=\"${ver}\"}" }), ".metric.query: has ${ver}, for which nothing stands here; " + words},
		"baseline word":     {figures(func(m *MetricCheck) { m.Baseline = "${x}" }), ".metric.baseline: has ${x}, for which nothing stands here; " + words},
		"no condition":      {figures(func(m *MetricCheck) { m.Success = "" }), ".metric: needs success or failure, such as \"result < 0.01\": without either, every measurement is inconclusive"},
		"dry, no condition": {Check{DryRun: true, Metric: &MetricCheck{Query: "up"}}, ""},
		"bad condition":     {figures(func(m *MetricCheck) { m.Failure = "bad" }), ".metric.failure: is bad as a condition"},
		"compared":          {figures(func(m *MetricCheck) { m.Success, m.Baseline = "result < 2 * stable", "up" }), ""},
		"without baseline":  {figures(func(m *MetricCheck) { m.Success = "result < 2 * stable" }), ".metric.success: compares with stable, and there is no baseline query that would measure it"},
		"samples":           {figures(func(m *MetricCheck) { m.Samples, m.MinSamples = "sum(x)", 100 }), ""},
		"samples alone":     {figures(func(m *MetricCheck) { m.Samples = "sum(x)" }), ".metric: needs samples, the query that counts them, and minSamples together"},
		"number alone":      {figures(func(m *MetricCheck) { m.MinSamples = 1 }), ".metric: needs samples, the query that counts them, and minSamples together"},
		"fewer than none":   {figures(func(m *MetricCheck) { m.Samples, m.MinSamples = "x", -1 }), ".metric.minSamples: is 0 to 1073741824, not -1"},
		"no data":           {figures(func(m *MetricCheck) { m.NoData = "zero" }), `.metric.noData: is pass, fail, inconclusive or error, not "zero"`},
		"bad name":          {Check{Name: "My check", TCP: &TCPCheck{Address: "a:1"}}, ".name: may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long"},
	} {
		if diff := cmp.Diff(c.want, strings.Join(checkedAs(c.check), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNamesOfChecksDiffer(t *testing.T) {
	t.Parallel()
	same := Check{Name: "a", TCP: &TCPCheck{Address: "a:1"}}
	got := check(stage("dev", func(s *Stage) { s.Verify = []Check{same, {TCP: same.TCP}, same} }))
	if diff := cmp.Diff([]string{`stages[0].verify[2].name: "a" is the name of number 1 already`}, got); diff != "" {
		t.Error(diff)
	}
	got = check(stage("dev", func(s *Stage) { s.Verify = make([]Check, maxChecks+1) }))
	if len(got) != maxChecks+2 || got[0] != fmt.Sprintf("stages[0].verify: holds at most %d", maxChecks) {
		t.Error(got)
	}
}

func TestCheckPipelineCounting(t *testing.T) {
	t.Parallel()
	second, hour := Duration(time.Second), Duration(time.Hour)
	couldNever := func(count, what string) string {
		return "is less than the count of " + count + ", or the check could never " + what + "; give it an interval and a higher count, or write -1 if that is meant"
	}
	for name, c := range map[string]struct {
		change Check
		want   string
	}{
		"once":                {Check{}, ""},
		"until the bake ends": {Check{Interval: second, FailureLimit: 100, InconclusiveLimit: 10}, ""},
		"ten times":           {Check{Interval: second, Count: 10, FailureLimit: 9, InconclusiveLimit: 9, ConsecutivePassLimit: 10, ConsecutiveErrorLimit: 99}, ""},
		"limits off":          {Check{Interval: second, Count: 10, FailureLimit: -1, InconclusiveLimit: -1}, ""},
		"too quick":           {Check{Interval: second / 2}, ".interval: is 1s to 168h, not 500ms"},
		"too slow":            {Check{Interval: 169 * hour}, ".interval: is 1s to 168h, not 169h"},
		"too late":            {Check{InitialDelay: 169 * hour}, ".initialDelay: is at most 168h"},
		"too many":            {Check{Interval: second, Count: 10001}, ".count: is 0 to 10000, not 10001"},
		"fewer than none":     {Check{Interval: second, Count: -1}, ".count: is 0 to 10000, not -1"},
		"longer than a life":  {Check{Interval: hour, Count: 2161}, ".count: takes longer than 2160h at this interval"},
		"count alone":         {Check{Count: 2}, ".count: needs an interval between the measurements"},
		"below all":           {Check{Interval: second, Count: 3, FailureLimit: -2}, ".failureLimit: is -1 to 10000, not -2"},
		"once may not fail":   {Check{FailureLimit: 1}, ".failureLimit: " + couldNever("1", "fail")},
		"all may fail":        {Check{Interval: second, Count: 3, FailureLimit: 3}, ".failureLimit: " + couldNever("3", "fail")},
		"all may be unclear":  {Check{Interval: second, Count: 3, InconclusiveLimit: 3}, ".inconclusiveLimit: " + couldNever("3", "ask a person")},
		"for ever":            {Check{Interval: second, FailureLimit: -1}, ".failureLimit: needs a count with -1: a check that never passes would keep the phase from ending for ever"},
		"errors for ever":     {Check{ConsecutiveErrorLimit: -1}, ".consecutiveErrorLimit: is 1 or more: a check that cannot be made has to be handed to a person at last"},
		"dry":                 {Check{DryRun: true, Interval: second, Count: 3, FailureLimit: 3, InconclusiveLimit: -1, ConsecutiveErrorLimit: -1}, ""},
		"dry for ever":        {Check{DryRun: true, Interval: second, FailureLimit: -1}, ""},
		"out of reach":        {Check{Interval: second, Count: 3, ConsecutivePassLimit: 4}, ".consecutiveSuccessLimit: is at most the count of 3, else it could never be reached"},
		"passes below none":   {Check{ConsecutivePassLimit: -1}, ".consecutiveSuccessLimit: is 0 to 10000, not -1"},
	} {
		c.change.TCP = &TCPCheck{Address: "a:1"}
		if diff := cmp.Diff(c.want, strings.Join(checkedAs(c.change), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What is accepted can both fail and end: with every measurement failed it does
// not come out well, and it is not at work for ever.
func TestAcceptedChecksCanFailAndEnd(t *testing.T) {
	t.Parallel()
	limit := rapid.IntRange(-1, 5)
	rapid.Check(t, func(t *rapid.T) {
		k := Check{
			Name: "x", TCP: &TCPCheck{Address: "a:1"}, Interval: Duration(rapid.IntRange(0, 2).Draw(t, "interval")) * Duration(time.Second),
			Count: rapid.IntRange(0, 5).Draw(t, "count"), FailureLimit: limit.Draw(t, "failures"), InconclusiveLimit: limit.Draw(t, "inconclusive"),
			ConsecutiveErrorLimit: limit.Draw(t, "errors"), ConsecutivePassLimit: rapid.IntRange(0, 5).Draw(t, "passes"),
		}
		if len(checkedAs(k)) > 0 {
			return
		}
		for outcome, off := range map[Outcome]bool{OutcomeFail: k.FailureLimit < 0, OutcomeInconclusive: k.InconclusiveLimit < 0, OutcomeError: false} {
			run, at := CheckRun{Name: "x", State: CheckRunning}, t0
			for n := 0; n < 20 && !run.decided(); n++ {
				run = run.count(k, Measurement{At: at, Outcome: outcome})
				at = at.Add(time.Minute)
			}
			if !run.decided() || run.State == CheckSuccessful && !off {
				t.Fatalf("%+v with nothing but %s is %s", k, outcome, run.State)
			}
		}
	})
}
