package slipway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Mark says in which way something differs.
type Mark string

// The marks.
const (
	MarkNew     Mark = "new"
	MarkChanged Mark = "changed"
	MarkRemoved Mark = "removed"
)

// Difference is one line of "what changes": an artifact, a setting, a secret
// by name and version.
type Difference struct {
	Mark   Mark   `json:"mark"`
	Kind   string `json:"kind"` // artifact, config, secret, deployer, strategy, gates, ...
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// DiffSpecs lists what differs between what runs and what is to run. With
// nothing running, everything is new.
func DiffSpecs(from *Spec, to Spec) []Difference {
	before := Spec{}
	if from != nil {
		before = *from
	}
	var d differ
	d.maps("artifact", artifactDigests(before), artifactDigests(to))
	d.maps("config", before.Config, to.Config)
	d.maps("secret", secretVersions(before), secretVersions(to))
	d.value("deployer", "deployer", before.Deployer.Name, to.Deployer.Name)
	d.maps("setting", flatten(before.Deployer.Config), flatten(to.Deployer.Config))
	return d.found
}

// DiffPlans lists what changed between a plan that was shown and the one that
// replaced it: why approvals of the first no longer count.
func DiffPlans(was, is Plan) []Difference {
	d := differ{found: DiffSpecs(&was.To, is.To)}
	d.value("release", "version", was.To.Version, is.To.Version)
	d.value("from", "replaces", specID(was.From), specID(is.From))
	d.value("pipeline", "revision", fmt.Sprint(was.PipelineRevision), fmt.Sprint(is.PipelineRevision))
	d.value("strategy", "strategy", encode(was.Strategy), encode(is.Strategy))
	d.value("gates", "gates", encode(was.Gates), encode(is.Gates))
	d.value("rule", "onFailure", string(was.OnFailure), string(is.OnFailure))
	d.value("rule", "deadline", was.Deadline.String(), is.Deadline.String())
	d.value("preview", "deployer preview", was.Preview, is.Preview)
	return d.found
}

type differ struct{ found []Difference }

func (d *differ) value(kind, name, before, after string) {
	mark := MarkChanged
	switch {
	case before == after:
		return
	case before == "":
		mark = MarkNew
	case after == "":
		mark = MarkRemoved
	}
	d.found = append(d.found, Difference{Mark: mark, Kind: kind, Name: name, Before: before, After: after})
}

func (d *differ) maps(kind string, before, after map[string]string) {
	keys := make([]string, 0, len(before)+len(after))
	for key := range before {
		keys = append(keys, key)
	}
	for key := range after {
		if _, both := before[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		old, had := before[key]
		now, has := after[key]
		switch {
		case !had:
			d.found = append(d.found, Difference{Mark: MarkNew, Kind: kind, Name: key, After: now})
		case !has:
			d.found = append(d.found, Difference{Mark: MarkRemoved, Kind: kind, Name: key, Before: old})
		default:
			d.value(kind, key, old, now)
		}
	}
}

func artifactDigests(s Spec) map[string]string {
	out := map[string]string{}
	for _, a := range s.Artifacts {
		out[a.Name] = a.Digest
	}
	return out
}

func secretVersions(s Spec) map[string]string {
	out := map[string]string{}
	for key, version := range s.Secrets {
		out[key] = fmt.Sprintf("version %d", version)
	}
	return out
}

func specID(s *Spec) string {
	if s == nil {
		return ""
	}
	return s.ID()
}

func encode(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// flatten turns a JSON object into dotted paths and values, so that a changed
// setting is one line and not a whole document.
func flatten(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return out
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if object, ok := v.(map[string]any); ok {
			for key, child := range object {
				walk(strings.TrimPrefix(path+"."+key, "."), child)
			}
			return
		}
		if text, ok := v.(string); ok {
			out[path] = text
		} else {
			out[path] = encode(v)
		}
	}
	walk("", v)
	return out
}
