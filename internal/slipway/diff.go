package slipway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
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
	d.references(before, to)
	d.maps("config", before.Config, to.Config)
	d.maps("secret", secretVersions(before), secretVersions(to))
	d.value("deployer", "deployer", before.Deployer.Name, to.Deployer.Name)
	d.settings(before, to)
	d.value("release", "reversible", reversible(from), reversible(&to))
	return d.found
}

// DiffPlans lists what changed between a plan that was shown and the one that
// replaced it: why approvals of the first no longer count.
func DiffPlans(was, is Plan) []Difference {
	d := differ{found: DiffSpecs(&was.To, is.To)}
	d.value("release", "version", was.To.Version, is.To.Version)
	d.value("from", "replaces", specID(was.From), specID(is.From))
	d.value("cause", "cause", string(was.Cause), string(is.Cause))
	d.value("pipeline", "revision", fmt.Sprint(was.PipelineRevision), fmt.Sprint(is.PipelineRevision))
	d.value("strategy", "strategy", encode(was.Strategy), encode(is.Strategy))
	d.value("phases", "phases", encode(was.Phases), encode(is.Phases))
	d.value("gates", "gates", encode(was.Gates), encode(is.Gates))
	d.value("rule", "onFailure", string(was.OnFailure), string(is.OnFailure))
	d.value("rule", "deadline", was.Deadline.String(), is.Deadline.String())
	d.value("preview", "deployer preview", was.Preview, is.Preview)
	d.value("preview", "prepared artefact", prepared(was), prepared(is))
	if was, is := was.Digest(), is.Digest(); len(d.found) == 0 {
		d.value("plan", "digest", was, is) // an approval is never void without a word
	}
	return d.found
}

// settings compares what the deployer is told, and the number of replicas that
// it makes of it where no setting says so.
func (d *differ) settings(before, to Spec) {
	known := len(d.found)
	d.maps("setting", flatten(before.Deployer.Config), flatten(to.Deployer.Config))
	if len(d.found) > known {
		return
	}
	d.value("setting", "config", document(before), document(to))
	d.value("setting", "replicas", replicas(before), replicas(to))
}

// references shows an artifact that is now fetched from elsewhere; one with
// another digest is shown already.
func (d *differ) references(before, to Spec) {
	for _, a := range before.Artifacts {
		for _, b := range to.Artifacts {
			if a.Name == b.Name && a.Digest == b.Digest {
				d.value("reference", a.Name, a.Reference, b.Reference)
			}
		}
	}
}

// document is the whole deployer config, empty if it says nothing.
func document(s Spec) string {
	if text := string(s.Deployer.Config); text != "{}" {
		return text
	}
	return ""
}

func replicas(s Spec) string {
	if s.Replicas == 0 {
		return ""
	}
	return strconv.Itoa(s.Replicas)
}

func reversible(s *Spec) string {
	switch {
	case s == nil:
		return ""
	case s.Reversible:
		return "yes"
	default:
		return "no"
	}
}

func prepared(p Plan) string {
	if len(p.Prepared) == 0 {
		return ""
	}
	return ShortDigest(digestJSON(p.Prepared))
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
		case old != now: // one may be empty: the key was there and still is
			d.found = append(d.found, Difference{Mark: MarkChanged, Kind: kind, Name: key, Before: old, After: now})
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
	v, err := decodeJSON(raw)
	if err != nil {
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
