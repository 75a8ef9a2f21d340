package slipway

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// SiteSpecs says what a stage asks of its deployer: with which config and how
// many replicas at each site, in the order of its waves, and how many replicas
// in all. Without waves there are no sites to tell apart. Faults are paths into
// the stage, and each lies where its value is written.
func SiteSpecs(stage Stage, deployers Deployers) (sites []SiteSpec, replicas int, faults []FieldError) {
	known := map[string]bool{}
	check := func(config json.RawMessage, path func(field string) string) int {
		n, found := deployers.CheckConfig(DeployerRef{Name: stage.Deployer.Name, Config: config})
		for _, f := range found {
			f.Field = path(f.Field)
			if text := f.String(); !known[text] { // of a value that all sites share
				known[text] = true
				faults = append(faults, f)
			}
		}
		return n
	}
	if len(stage.Waves) == 0 {
		replicas = check(stage.Deployer.Config, func(field string) string { return within("deployer.config", field) })
		return nil, replicas, faults
	}
	for i, wave := range stage.Waves {
		config := stage.configAt(wave)
		n := check(config, func(field string) string {
			if field != "" && !written(wave.Config, field) && written(stage.Deployer.Config, field) {
				return within("deployer.config", field)
			}
			return within(fmt.Sprintf("waves[%d].config", i), field)
		})
		sites = append(sites, SiteSpec{Site: wave.Site, Config: config, Replicas: n})
		replicas += n
	}
	return sites, replicas, faults
}

// configAt lays the config of a wave over that of the stage, key by key and in
// objects within objects as well. Null takes a key away.
func (s Stage) configAt(wave Wave) json.RawMessage {
	under, ok := object(s.Deployer.Config)
	over, okOver := object(wave.Config)
	if !ok || !okOver { // a fault of either, which the checks name
		return compactJSON(s.Deployer.Config)
	}
	out, err := json.Marshal(overlay(under, over))
	if err != nil {
		return compactJSON(s.Deployer.Config)
	}
	return out
}

func overlay(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	for key, value := range over {
		inner, isObject := value.(map[string]any)
		below, _ := out[key].(map[string]any)
		switch {
		case value == nil:
			delete(out, key)
		case isObject && below == nil:
			out[key] = overlay(map[string]any{}, inner) // what it takes away is not there
		case isObject:
			out[key] = overlay(below, inner)
		default:
			out[key] = value
		}
	}
	return out
}

// object reads a config; no config is an empty one.
func object(raw json.RawMessage) (map[string]any, bool) {
	if len(raw) == 0 {
		return map[string]any{}, true
	}
	v, err := decodeJSON(raw)
	out, ok := v.(map[string]any)
	return out, ok && err == nil && out != nil
}

// written reports whether a config says something at a path, or at the
// beginning of it.
func written(config json.RawMessage, path string) bool {
	values, ok := object(config)
	first := path[:strings.IndexAny(path+".[", ".[")]
	value, there := values[first]
	if !ok || !there {
		return false
	}
	inner, isObject := value.(map[string]any)
	rest, deeper := strings.CutPrefix(path[len(first):], ".")
	if !isObject || !deeper {
		return true
	}
	text, err := json.Marshal(inner)
	return err == nil && written(text, rest)
}

// within puts a path inside another one.
func within(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + "." + inner
}
