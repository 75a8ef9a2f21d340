package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const pipelineFile = "slipway.yaml"

// ParsePipeline reads a slipway.yaml. It judges the file by itself; whether the
// environments and deployers in it exist is for slipway.CheckPipeline, whose
// faults File.Lines locates. An error is a CodeInvalid *slipway.Error with
// every fault in it.
func ParsePipeline(source []byte) (File, error) {
	if err := tooLong(pipelineFile, source); err != nil {
		return File{}, err
	}
	roots, faults := documents(source)
	switch {
	case len(faults) > 0:
		return File{}, slipway.Invalid(pipelineFile, faults)
	case len(roots) == 0:
		return File{}, slipway.Invalid(pipelineFile, []slipway.FieldError{{Message: "the file is empty"}})
	case len(roots) > 1:
		return File{}, slipway.Invalid(pipelineFile, []slipway.FieldError{{
			Line: roots[1].Line, Message: "the file holds more than one document; send each service by itself",
		}})
	}
	s := &scan{lines: Lines{"": roots[0].Line}}
	f := File{Lines: s.lines}
	f.read(s, roots[0])
	if len(s.faults) > 0 {
		return File{}, slipway.Invalid(pipelineFile, s.faults)
	}
	f.Pipeline.Source = string(source)
	f.Pipeline.Normalize()
	return f, nil
}

func (f *File) read(s *scan, root *yaml.Node) {
	versioned := false
	service := &f.Service
	s.object(map[string]field{
		"apiVersion":  s.version(&versioned),
		"service":     s.text(&service.Name),
		"team":        s.text(&service.Team),
		"title":       s.text(&service.Title),
		"description": s.text(&service.Description),
		"repository":  s.text(&service.Repository),
		"links":       s.list(s.link(&service.Links, "")),
		"tags":        s.texts(&service.Tags),
		"stages":      s.list(f.stage(s)),
	}, true)("", root)
	if root.Kind != yaml.MappingNode {
		return
	}
	if !versioned {
		s.fault("apiVersion", root, "is missing; write apiVersion: %s", APIVersion)
	}
	f.Pipeline.Service, f.Pipeline.Team = service.Name, service.Team
	f.Describes = service.Title != "" || service.Description != "" || service.Repository != "" ||
		len(service.Links) > 0 || len(service.Tags) > 0
	if len(s.faults) > 0 {
		return // what was not read is not missing
	}
	for _, fault := range service.Validate() {
		if fault.Field == "name" {
			fault.Field = "service"
		}
		if fault.Field != "team" || service.Team != "" {
			s.fault(fault.Field, at(s.lines.Line(fault.Field)), "%s", fault.Message)
		}
	}
}

func (s *scan) version(given *bool) field {
	return func(path string, n *yaml.Node) {
		*given = true
		if n.Kind != yaml.ScalarNode || n.Value != APIVersion {
			s.fault(path, n, "is %s, not %s", APIVersion, kindOf(n))
		}
	}
}

func (f *File) stage(s *scan) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		var g slipway.Stage
		var onFailure string
		before := len(s.faults)
		s.object(map[string]field{
			"environment": s.text(&g.Environment),
			"after":       s.texts(&g.After),
			"deployer":    s.deployer(&g.Deployer),
			"strategy":    s.strategy(&g.Strategy),
			"gates":       s.list(s.gate(&g.Gates)),
			"verify":      s.verify,
			"autoPromote": s.flag(&g.AutoPromote),
			"onFailure":   s.text(&onFailure),
			"deadline":    s.duration(&g.Deadline),
		}, true)(path, n)
		g.OnFailure = slipway.FailureRule(onFailure)
		switch g.OnFailure {
		case "", slipway.OnFailureRollback, slipway.OnFailureStop:
		default:
			known := []string{string(slipway.OnFailureRollback), string(slipway.OnFailureStop)}
			s.fault(path+".onFailure", at(s.lines.Line(path+".onFailure")), "%q is no failure rule%s", clip(onFailure), suggest(onFailure, known))
		}
		if len(s.faults) == before {
			s.need(path+".environment", n, g.Environment)
			s.need(path+".deployer.name", n, g.Deployer.Name)
		}
		f.Pipeline.Stages = append(f.Pipeline.Stages, g)
	}
}

// need refuses a field that was left out or left empty.
func (s *scan) need(path string, n *yaml.Node, value string) {
	if strings.TrimSpace(value) == "" {
		s.fault(path, at(max(s.lines[path], n.Line)), "is missing")
	}
}

func (s *scan) link(into *[]slipway.Link, fallback string) func(int, string, *yaml.Node) {
	return func(_ int, path string, n *yaml.Node) {
		link := slipway.Link{Title: fallback}
		var ignored string
		fields := map[string]field{"title": s.text(&link.Title), "url": s.text(&link.URL)}
		if fallback != "" { // Backstage has two more
			fields["icon"], fields["type"] = s.text(&ignored), s.text(&ignored)
		}
		s.object(fields, fallback == "")(path, n)
		*into = append(*into, link)
	}
}

// at is a place without a value, for faults of what is not there.
func at(line int) *yaml.Node { return &yaml.Node{Line: line} }
