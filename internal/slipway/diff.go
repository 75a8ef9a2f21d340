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
	d.value("secret", "path", before.SecretPath, to.SecretPath)
	d.value("deployer", "deployer", before.Deployer.Name, to.Deployer.Name)
	d.settings(before, to, from == nil)
	d.value("release", "reversible", reversible(from), reversible(&to))
	return d.found
}

// settings compares what the deployer is told, at each site where there are
// several, and the number of replicas that it makes of it where no setting says
// so.
func (d *differ) settings(before, to Spec, nothing bool) {
	known := len(d.found)
	d.things("site", siteThings(before), siteThings(to))
	if len(to.Sites) == 0 || len(before.Sites) == 0 && !nothing || len(d.found) == known {
		d.maps("setting", flatten(before.Deployer.Config), flatten(to.Deployer.Config))
	}
	if len(d.found) > known {
		return
	}
	d.value("setting", "config", document(before), document(to))
	d.value("setting", "replicas", replicas(before), replicas(to))
	d.value("site", "config", sites(before), sites(to))
}

// siteThings are the sites of a spec with their settings.
func siteThings(s Spec) []thing {
	return things(s.Sites, func(site SiteSpec) thing {
		fields := flatten(site.Config)
		if n := strconv.Itoa(site.Replicas); fields["replicas"] != n {
			fields["number of replicas"] = n
		}
		return thing{name: site.Site, fields: fields}
	})
}

func sites(s Spec) string {
	if len(s.Sites) == 0 {
		return ""
	}
	return encode(s.Sites)
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
		if out[key] = fmt.Sprintf("version %d", version); version == 0 {
			out[key] = "not set"
		}
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
func flatten(raw json.RawMessage) map[string]string { return flat(raw, false) }

// flat does so with the objects in lists as well, if told to.
func flat(raw json.RawMessage, lists bool) map[string]string {
	out := map[string]string{}
	v, err := decodeJSON(raw)
	if err != nil {
		return out
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, child := range v {
				walk(strings.TrimPrefix(path+"."+key, "."), child)
			}
			return
		case []any:
			if _, objects := firstOf(v).(map[string]any); objects && lists {
				for i, child := range v {
					walk(fmt.Sprintf("%s[%d]", path, i), child)
				}
				return
			}
		case string:
			out[path] = v
			return
		}
		out[path] = encode(v)
	}
	walk("", v)
	return out
}

func firstOf(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
