package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const pipelineFile = "slipway.yaml"

// ParsePipeline reads a slipway.yaml. It judges the file by itself; whether the
// environments and deployers in it exist is for slipway.CheckPipeline. An error
// is a CodeInvalid *slipway.Error with every fault in it.
func ParsePipeline(source []byte) (File, error) {
	f, err := ReadPipeline(source)
	if err == nil {
		err = slipway.Invalid(pipelineFile, f.Faults)
	}
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// ReadPipeline reads as much of a slipway.yaml as can be read, for whoever goes
// on to check what it means: File.Locate then answers with all that is wrong at
// once. The error is for what cannot be read at all.
func ReadPipeline(source []byte) (File, error) {
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
	meaning := f.read(s, roots[0])
	if roots[0].Kind != yaml.MappingNode {
		return File{}, slipway.Invalid(pipelineFile, s.faults)
	}
	f.Faults = s.faults
	f.Faults = f.Locate(meaning)
	f.Pipeline.Source = string(source)
	f.Pipeline.Normalize()
	return f, nil
}

// read returns what is wrong with the service itself, once all is read.
func (f *File) read(s *scan, root *yaml.Node) []slipway.FieldError {
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
	f.Pipeline.Service, f.Pipeline.Team = service.Name, service.Team
	f.Describes = service.Title != "" || service.Description != "" || service.Repository != "" ||
		len(service.Links) > 0 || len(service.Tags) > 0
	var faults []slipway.FieldError
	if !versioned {
		faults = append(faults, slipway.FieldError{Field: "apiVersion", Message: "is missing; write apiVersion: " + APIVersion})
	}
	for _, fault := range service.Validate() {
		if fault.Field == "name" {
			fault.Field = "service"
		}
		if fault.Field != "team" || service.Team != "" {
			faults = append(faults, fault)
		}
	}
	return faults
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
		var onFailure, rotate string
		before := len(s.faults)
		s.object(map[string]field{
			"environment":    s.text(&g.Environment),
			"after":          s.texts(&g.After),
			"deployer":       s.deployer(&g.Deployer),
			"strategy":       s.strategy(&g.Strategy),
			"secrets":        s.texts(&g.Secrets),
			"rotate":         s.text(&rotate),
			"secretApproval": func(path string, n *yaml.Node) { g.SecretsBy = s.approval(path, n) },
			"gates":          s.list(s.gate(&g.Gates)),
			"verify":         s.list(s.check(&g.Verify)),
			"bake":           s.duration(&g.Bake),
			"hooks":          s.hooks(&g.Hooks),
			"waves":          s.list(s.wave(&g.Waves)),
			"autoPromote":    s.flag(&g.AutoPromote),
			"onFailure":      s.text(&onFailure),
			"deadline":       s.duration(&g.Deadline),
		}, true)(path, n)
		g.OnFailure, g.Rotate = slipway.FailureRule(onFailure), slipway.RotateRule(rotate)
		s.oneOf(path+".onFailure", "failure rule", onFailure, []string{string(slipway.OnFailureRollback), string(slipway.OnFailureStop)})
		var rules []string
		for _, rule := range slipway.RotateRules() {
			rules = append(rules, string(rule))
		}
		s.oneOf(path+".rotate", "rule of rotation", rotate, rules)
		if len(s.faults) == before {
			s.need(path+".environment", n, g.Environment)
			s.need(path+".deployer.name", n, g.Deployer.Name)
		}
		f.Pipeline.Stages = append(f.Pipeline.Stages, g)
	}
}

// oneOf refuses a word that is none of those known; empty is what it is when
// nothing is said.
func (s *scan) oneOf(path, what, word string, known []string) {
	if word != "" && !slices.Contains(known, word) {
		s.fault(path, at(s.lines.Line(path)), "%q is no %s%s", clip(word), what, suggest(word, known))
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
