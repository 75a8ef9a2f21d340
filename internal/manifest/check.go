package manifest

import (
	"maps"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// check reads one item of verify. How often it is made, and what it bears, may
// stand beside the kind of check or inside it.
func (s *scan) check(into *[]slipway.Check) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var c slipway.Check
		given := map[string]int{}
		counting := func() map[string]field {
			fields := s.counting(&c)
			for key, read := range fields {
				fields[key] = func(inner string, n *yaml.Node) {
					if line, twice := given[key]; twice {
						s.fault(inner, n, "is given twice, first in line %d", line)
						return
					}
					given[key], s.lines[path+"."+key] = n.Line, n.Line
					read(inner, n)
				}
			}
			return fields
		}
		kind := func(fields map[string]field, begin func()) field {
			return func(path string, n *yaml.Node) {
				begin()
				maps.Copy(fields, counting())
				s.object(fields, true)(path, n)
			}
		}
		var http slipway.HTTPCheck
		var tcp slipway.TCPCheck
		var job slipway.Job
		var metric slipway.MetricCheck
		fields := counting()
		fields["name"] = s.text(&c.Name)
		fields["http"] = kind(s.http(&http), func() { c.HTTP = &http })
		fields["tcp"] = kind(map[string]field{"address": s.text(&tcp.Address), "within": s.duration(&tcp.Within)}, func() { c.TCP = &tcp })
		fields["job"] = kind(s.job(&job), func() { c.Job = &job })
		fields["metric"] = kind(s.metric(&metric), func() { c.Metric = &metric })
		s.object(fields, true)(path, n)
		s.noData(path+".metric", metric)
		*into = append(*into, c)
	}
}

func (s *scan) counting(c *slipway.Check) map[string]field {
	return map[string]field{
		"initialDelay":            s.duration(&c.InitialDelay),
		"interval":                s.duration(&c.Interval),
		"count":                   s.number(&c.Count),
		"failureLimit":            s.number(&c.FailureLimit),
		"inconclusiveLimit":       s.number(&c.InconclusiveLimit),
		"consecutiveErrorLimit":   s.errorLimit(&c.ConsecutiveErrorLimit),
		"consecutiveSuccessLimit": s.number(&c.ConsecutivePassLimit),
		"dryRun":                  s.flag(&c.DryRun),
	}
}

// errorLimit refuses 0, which would be read as if nothing were said.
func (s *scan) errorLimit(into *int) field {
	read := s.number(into)
	return func(path string, n *yaml.Node) {
		before := len(s.faults)
		if read(path, n); *into == 0 && len(s.faults) == before {
			s.fault(path, n, "is at least 1: one measurement that could not be made is always borne")
		}
	}
}

func (s *scan) http(into *slipway.HTTPCheck) map[string]field {
	return map[string]field{
		"url":     s.text(&into.URL),
		"method":  s.text(&into.Method),
		"headers": s.words(&into.Headers),
		"expect":  s.number(&into.Expect),
		"body":    s.text(&into.Body),
		"within":  s.duration(&into.Within),
	}
}

func (s *scan) metric(into *slipway.MetricCheck) map[string]field {
	return map[string]field{
		"provider":   s.text(&into.Provider),
		"query":      s.text(&into.Query),
		"baseline":   s.text(&into.Baseline),
		"success":    s.text(&into.Success),
		"failure":    s.text(&into.Failure),
		"samples":    s.text(&into.Samples),
		"minSamples": s.number(&into.MinSamples),
		"noData":     s.text((*string)(&into.NoData)),
		"within":     s.duration(&into.Within),
	}
}

func (s *scan) noData(path string, m slipway.MetricCheck) {
	s.oneOf(path+".noData", "outcome", string(m.NoData), []string{
		string(slipway.OutcomePass), string(slipway.OutcomeFail), string(slipway.OutcomeInconclusive), string(slipway.OutcomeError)})
}
