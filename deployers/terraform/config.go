package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/deployers"
)

// config is the deployer's part of a stage.
type config struct {
	Variables map[string]json.RawMessage // of the root module
	// Backend fills in the module's own backend block; without it the state is
	// kept in the deployer's directory.
	Backend map[string]string
}

// parse reads a config and lists everything that is wrong with it.
func parse(raw json.RawMessage) (config, []deployers.Problem) {
	var c config
	var problems []deployers.Problem
	bad := func(path, format string, args ...any) {
		problems = append(problems, deployers.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	var fields map[string]json.RawMessage
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		bad("", "the config of the terraform deployer is no JSON object")
		return c, problems
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch key {
		case "variables":
			if json.Unmarshal(fields[key], &c.Variables) != nil {
				bad(key, "is an object: the variables of the root module")
			}
		case "backend":
			if json.Unmarshal(fields[key], &c.Backend) != nil {
				bad(key, "is an object of texts, which fill in the backend block of the module")
			}
		default:
			bad(key, "is no key of the terraform deployer; there are variables and backend")
		}
	}
	return c, problems
}

// backend spells the backend's settings out for a target.
func (c config) backend(t deployers.Target) []string {
	replace := strings.NewReplacer("${service}", t.Service, "${environment}", t.Environment, "${site}", t.Site)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(c.Backend)) {
		list = append(list, key+"="+replace.Replace(c.Backend[key]))
	}
	return list
}
