package slipway

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits on checks.
const (
	maxChecks    = 30
	maxCount     = 10000
	maxPattern   = 1000
	maxHeaders   = 20
	maxArguments = 200
	maxArgument  = 4 << 10
	longestJob   = Duration(24 * time.Hour)
)

// CheckKinds lists what a check may be, in the words of a pipeline file.
func CheckKinds() []string { return []string{"http", "tcp", "job", "metric"} }

// checkWords are the words that stand for what is deployed.
func checkWords() []string { return slices.Sorted(maps.Keys(CheckSubject{}.Words())) }

func (c *pipelineCheck) verify(i int, s Stage) {
	c.most(fmt.Sprintf("stages[%d].verify", i), len(s.Verify), maxChecks)
	names := map[string]int{}
	for j, check := range s.Verify {
		field := fmt.Sprintf("stages[%d].verify[%d]", i, j)
		if count(check.HTTP != nil, check.TCP != nil, check.Job != nil, check.Metric != nil) != 1 {
			c.add(field, "is exactly one of %s", orList(CheckKinds()))
			continue
		}
		c.unique(field+".name", check.Name, names, j)
		c.counting(field, check)
		inside := field + "." + check.Kind()
		switch {
		case check.HTTP != nil:
			c.http(inside, *check.HTTP)
		case check.TCP != nil:
			c.tcp(inside, *check.TCP)
		case check.Job != nil:
			c.job(inside, *check.Job)
		default:
			c.metric(inside, *check.Metric, checkWords(), !check.DryRun)
		}
	}
}

// counting refuses what would make a check pass or last without anybody's
// meaning it to.
func (c *pipelineCheck) counting(field string, k Check) {
	if k.InitialDelay > longestBake {
		c.add(field+".initialDelay", "is at most %s", longestBake)
	}
	if k.Interval != 0 {
		c.between(field+".interval", k.Interval, shortestPause, longestBake)
	}
	c.number(field+".count", k.Count, 0, maxCount)
	c.number(field+".failureLimit", k.FailureLimit, -1, maxCount)
	c.number(field+".inconclusiveLimit", k.InconclusiveLimit, -1, maxCount)
	c.number(field+".consecutiveErrorLimit", k.ConsecutiveErrorLimit, -1, maxCount)
	c.number(field+".consecutiveSuccessLimit", k.ConsecutivePassLimit, 0, maxCount)
	if k.Count > 1 && !k.repeats() {
		c.add(field+".count", "needs an interval between the measurements")
		return
	}
	if k.Count > 0 && int64(k.Interval) > int64(longest)/int64(k.Count) {
		c.add(field+".count", "takes longer than %s at this interval", longest)
	}
	if k.DryRun {
		return // it decides nothing, whatever its limits
	}
	if k.ConsecutiveErrorLimit < 0 {
		c.add(field+".consecutiveErrorLimit", "is 1 or more: a check that cannot be made has to be handed to a person at last")
	}
	wanted := k.Count
	if !k.repeats() {
		wanted = 1
	}
	c.reachable(field+".failureLimit", k.FailureLimit, wanted, "fail")
	c.reachable(field+".inconclusiveLimit", k.InconclusiveLimit, wanted, "ask a person")
	if wanted > 0 && k.ConsecutivePassLimit > wanted {
		c.add(field+".consecutiveSuccessLimit", "is at most the count of %d, else it could never be reached", wanted)
	}
}

// reachable refuses a limit that nothing can break, unless the file says so in
// so many words: -1.
func (c *pipelineCheck) reachable(field string, limit, wanted int, what string) {
	switch {
	case wanted > 0 && limit >= wanted:
		c.add(field, "is less than the count of %d, or the check could never %s; give it an interval and a higher count, or write -1 if that is meant", wanted, what)
	case wanted == 0 && limit < 0:
		c.add(field, "needs a count with -1: a check that never passes would keep the phase from ending for ever")
	}
}

func (c *pipelineCheck) http(field string, h HTTPCheck) {
	c.address(field+".url", h.URL)
	if !slices.Contains([]string{"GET", "HEAD", "POST"}, h.Method) {
		c.add(field+".method", "is GET, HEAD or POST, not %q", h.Method)
	}
	c.most(field+".headers", len(h.Headers), maxHeaders)
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		if !headerRule.MatchString(name) {
			c.add(field+".headers."+name, "is no name that a header can have")
		}
		c.line(field+".headers."+name, h.Headers[name])
	}
	c.number(field+".expect", h.Expect, 100, 599)
	c.onlyWords(field+".body", h.Body, checkWords())
	if _, err := regexp.Compile(wordRule.ReplaceAllString(h.Body, "word")); err != nil {
		c.add(field+".body", "is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if len(h.Body) > maxPattern {
		c.add(field+".body", "is at most %d bytes long", maxPattern)
	}
	c.between(field+".within", h.Within, shortestPause, longestAnswer)
}

var headerRule = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

// address checks a URL that may begin with where the new release answers.
func (c *pipelineCheck) address(field, text string) {
	bare := strings.TrimPrefix(strings.TrimPrefix(text, "http://"), "https://")
	rest, own := strings.CutPrefix(bare, "${address}")
	switch {
	case strings.Contains(rest, "${address}"):
		c.add(field, "may have ${address} at its beginning only: it stands for a whole one, such as http://10.0.0.7:8080")
		return
	case own && rest != "" && !strings.ContainsAny(rest[:1], "/?#"):
		c.add(field, "goes on with / after ${address}")
		return
	case own:
		text = "http://address" + rest
	}
	c.onlyWords(field, text, checkWords())
	if fault := CheckURL(wordRule.ReplaceAllString(text, "word")); fault != "" {
		c.add(field, "%s, or begin with ${address}", fault)
	}
}

func (c *pipelineCheck) tcp(field string, t TCPCheck) {
	c.between(field+".within", t.Within, shortestPause, longestAnswer)
	if t.Address == "${address}" {
		return
	}
	c.onlyWords(field+".address", t.Address, checkWords())
	host, port, err := net.SplitHostPort(wordRule.ReplaceAllString(t.Address, "word"))
	number, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || number == 0 || host == "" || strings.ContainsAny(host, " /@") || strings.Contains(t.Address, "${address}") {
		c.add(field+".address", "is host:port, or ${address} alone")
	}
}

var variableRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

func (c *pipelineCheck) job(field string, j Job) {
	c.most(field+".command", len(j.Command), maxArguments)
	switch {
	case len(j.Command) == 0 || j.Command[0] == "":
		c.add(field+".command", "needs a program and its arguments, such as [/opt/shop/migrate, up]")
	case j.Dir == "" && relative(j.Command[0]):
		c.add(field+".command[0]", "is a path from dir, and there is no dir; write a whole path, or a name that is in the PATH")
	}
	for i, argument := range j.Command {
		if len(argument) > maxArgument || strings.Contains(argument, "\x00") {
			c.add(fmt.Sprintf("%s.command[%d]", field, i), "is at most %d bytes long, without a zero byte", maxArgument)
		}
	}
	c.most(field+".env", len(j.Env), maxConfigKeys)
	for _, name := range slices.Sorted(maps.Keys(j.Env)) {
		switch {
		case !variableRule.MatchString(name):
			c.add(field+".env."+name, "is a name of letters, digits and _, which does not begin with a digit")
		case strings.HasPrefix(name, "SLIPWAY_"):
			c.add(field+".env."+name, "begins like what Slipway itself tells every job")
		case len(j.Env[name]) > maxArgument || strings.Contains(j.Env[name], "\x00"):
			c.add(field+".env."+name, "is at most %d bytes long, without a zero byte", maxArgument)
		}
	}
	c.line(field+".dir", j.Dir)
	if j.Dir != "" && !strings.HasPrefix(j.Dir, "/") {
		c.add(field+".dir", "is a whole path, from / on")
	}
	c.between(field+".timeout", j.Timeout, shortestPause, longestJob)
}

// relative reports whether a program is named by a path that begins nowhere.
func relative(program string) bool {
	return strings.Contains(program, "/") && !strings.HasPrefix(program, "/") && !strings.HasPrefix(program, "${")
}

// metric checks a question to a source of figures. One that decides needs a
// condition to decide by.
func (c *pipelineCheck) metric(field string, m MetricCheck, words []string, decides bool) {
	c.provider(field+".provider", m.Provider)
	c.query(field+".query", m.Query, words)
	if m.Baseline != "" {
		c.query(field+".baseline", m.Baseline, words)
	}
	if m.Success == "" && m.Failure == "" && decides {
		c.add(field, "needs success or failure, such as \"result < 0.01\": without either, every measurement is inconclusive")
	}
	c.judges(field+".success", m.Success, m)
	c.judges(field+".failure", m.Failure, m)
	if m.Samples != "" {
		c.query(field+".samples", m.Samples, words)
	}
	c.number(field+".minSamples", m.MinSamples, 0, 1<<30)
	if (m.Samples == "") != (m.MinSamples == 0) {
		c.add(field, "needs samples, the query that counts them, and minSamples together")
	}
	outcomes := []string{string(OutcomePass), string(OutcomeFail), string(OutcomeInconclusive), string(OutcomeError)}
	if !slices.Contains(outcomes, string(m.NoData)) {
		c.add(field+".noData", "is %s, not %q", orList(outcomes), m.NoData)
	}
	c.between(field+".within", m.Within, shortestPause, longestAnswer)
}

func (c *pipelineCheck) judges(field, condition string, m MetricCheck) {
	if condition == "" {
		return
	}
	c.condition(field, condition, Expressions.CheckCondition)
	if m.Baseline == "" && stableRule.MatchString(condition) {
		c.add(field, "compares with stable, and there is no baseline query that would measure it")
	}
}

var stableRule = regexp.MustCompile(`\bstable\b`)
