package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// config is the deployer's part of a pipeline stage, with the defaults filled in.
type config struct {
	Replicas    int               `json:"replicas"`
	Command     []string          `json:"command"`
	Port        int               `json:"port"`                  // of the proxy; 0: one chosen once and kept
	PreviewPort int               `json:"previewPort,omitempty"` // the same; 0: chosen once a preview is asked for
	Readiness   readiness         `json:"readiness"`
	Drain       duration          `json:"drain"`
	StopTimeout duration          `json:"stopTimeout"`
	Workdir     string            `json:"workdir"`
	Env         map[string]string `json:"env"`
	SecretsAs   string            `json:"secretsAs,omitempty"` // empty, which older states have, is the environment
}

type readiness struct {
	Path     string   `json:"path"`
	Timeout  duration `json:"timeout"`  // how long a new replica may take
	Interval duration `json:"interval"` // between two checks of a replica
	Expect   int      `json:"expect"`   // HTTP status
}

// duration is written as in "30s".
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`must be a duration such as "30s"`)
	}
	*d = duration(parsed)
	return nil
}

func defaultConfig() config {
	return config{
		Replicas: 1, Command: []string{"${artifact}"},
		Readiness: readiness{
			Path: "/healthz", Timeout: duration(time.Minute),
			Interval: duration(500 * time.Millisecond), Expect: 200,
		},
		Drain: duration(30 * time.Second), StopTimeout: duration(10 * time.Second),
	}
}

// parseConfig reads field by field, so that one typing error does not hide the
// next one.
func parseConfig(raw json.RawMessage) (config, []deployers.Problem) {
	c := defaultConfig()
	if len(bytes.TrimSpace(raw)) == 0 {
		return c, nil
	}
	var nested json.RawMessage
	problems := decodeFields(raw, "", map[string]any{
		"replicas": &c.Replicas, "command": &c.Command, "port": &c.Port, "previewPort": &c.PreviewPort, "readiness": &nested,
		"drain": &c.Drain, "stopTimeout": &c.StopTimeout, "workdir": &c.Workdir, "env": &c.Env, "secretsAs": &c.SecretsAs,
	})
	if nested != nil {
		problems = append(problems, decodeFields(nested, "readiness", map[string]any{
			"path": &c.Readiness.Path, "timeout": &c.Readiness.Timeout,
			"interval": &c.Readiness.Interval, "expect": &c.Readiness.Expect,
		})...)
	}
	return c, append(problems, c.check(problems)...)
}

func decodeFields(raw json.RawMessage, prefix string, fields map[string]any) []deployers.Problem {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return []deployers.Problem{{Path: prefix, Message: "must be a JSON object"}}
	}
	var problems []deployers.Problem
	for _, key := range slices.Sorted(maps.Keys(given)) {
		path := strings.TrimPrefix(prefix+"."+key, ".")
		into, known := fields[key]
		if !known {
			allowed := strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
			problems = append(problems, deployers.Problem{Path: path, Message: "unknown key; known are " + allowed})
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(given[key]))
		if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
			var wrongType *json.UnmarshalTypeError
			if errors.As(err, &wrongType) {
				err = fmt.Errorf("must be a %s, not a %s", wrongType.Type, wrongType.Value)
			}
			problems = append(problems, deployers.Problem{Path: path, Message: err.Error()})
		}
	}
	return problems
}

// check reports values that make no sense, except where the type was already
// reported as wrong.
func (c config) check(known []deployers.Problem) []deployers.Problem {
	var problems []deployers.Problem
	require := func(ok bool, path, message string) {
		reported := slices.ContainsFunc(known, func(p deployers.Problem) bool { return p.Path == path })
		if !ok && !reported {
			problems = append(problems, deployers.Problem{Path: path, Message: message})
		}
	}
	require(c.Replicas >= 1 && c.Replicas <= 100, "replicas", "must be between 1 and 100")
	require(len(c.Command) > 0 && c.Command[0] != "", "command", "must name a program and its arguments")
	require(c.Port >= 0 && c.Port <= 65535, "port", "must be between 1 and 65535, or 0 for one chosen once")
	require(c.PreviewPort >= 0 && c.PreviewPort <= 65535, "previewPort", "must be between 1 and 65535, or 0 for one chosen once")
	require(c.PreviewPort == 0 || c.PreviewPort != c.Port, "previewPort", "must differ from port")
	require(strings.HasPrefix(c.Readiness.Path, "/"), "readiness.path", "must begin with /")
	require(c.Readiness.Timeout > 0, "readiness.timeout", "must be longer than nothing")
	require(c.Readiness.Interval >= duration(10*time.Millisecond), "readiness.interval", "must be at least 10ms")
	require(c.Readiness.Expect >= 100 && c.Readiness.Expect <= 599, "readiness.expect", "must be an HTTP status")
	require(c.Drain >= 0, "drain", "must not be negative")
	require(c.StopTimeout >= 0, "stopTimeout", "must not be negative")
	require(c.Workdir == "" || filepath.IsAbs(c.Workdir), "workdir", "must be an absolute path")
	require(c.SecretsAs == "" || c.SecretsAs == inEnvironment || c.SecretsAs == inFiles, "secretsAs", "must be environment or files")
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		require(validEnvName(name), "env."+name, "is not a name for an environment variable, or one that Slipway sets")
	}
	return problems
}

// validEnvName refuses what would break the environment block, and the names
// that Slipway itself sets.
func validEnvName(name string) bool {
	return name != "" && name != "PORT" && !strings.ContainsAny(name, "=\x00") && !strings.HasPrefix(name, "SLIPWAY_")
}

// Validate implements deployers.Deployer.
func (d *Deployer) Validate(raw json.RawMessage) (deployers.Settings, []deployers.Problem) {
	c, problems := parseConfig(raw)
	if len(problems) > 0 {
		return deployers.Settings{}, problems
	}
	return deployers.Settings{Replicas: c.Replicas}, nil
}
