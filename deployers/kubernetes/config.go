package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// config is the deployer's part of a pipeline stage, with the defaults filled in.
type config struct {
	Cluster          string   `json:"cluster,omitempty"` // a context of the portal's kubeconfig
	Namespace        string   `json:"namespace"`
	Replicas         int      `json:"replicas"`
	Workload         string   `json:"workload,omitempty"`  // adopt: a workload that is there,
	Kind             string   `json:"kind,omitempty"`      // a Deployment unless this says otherwise
	Manifests        string   `json:"manifests,omitempty"` // or: plain YAML
	Container        string   `json:"container,omitempty"` // whose image is the release; may be left out where there is one
	Service          string   `json:"service,omitempty"`   // whose traffic is moved
	Port             int      `json:"port,omitempty"`      // of the container, for the addresses of single replicas
	Gateway          *gateway `json:"gateway,omitempty"`
	Shares           string   `json:"shares"` // without a gateway: "replicas" or "exact"
	ProgressDeadline duration `json:"progressDeadline"`
	Drain            duration `json:"drain"`
	StopTimeout      duration `json:"stopTimeout"`
	Settle           duration `json:"settle"`
}

// gateway is a Gateway of the Gateway API that divides the traffic.
type gateway struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"` // default: that of the config
	Listener  string `json:"listener,omitempty"`  // one of its listeners; default: all of them
	Hostname  string `json:"hostname"`            // ${service}, ${environment} and ${site} are filled in
	Preview   string `json:"preview,omitempty"`   // hostname that shows Track.Preview
	Address   string `json:"address,omitempty"`   // where the hostname is reached; default http://HOSTNAME
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

// seconds rounds up: Kubernetes counts in whole ones.
func (d duration) seconds() int64 { return int64((time.Duration(d) + time.Second - 1) / time.Second) }

const (
	sharesReplicas = "replicas"
	sharesExact    = "exact"
	// maxManifests keeps a target's record well below the size of an object.
	maxManifests = 256 << 10
)

func defaultConfig() config {
	return config{
		Replicas: 1, Shares: sharesReplicas, ProgressDeadline: duration(10 * time.Minute),
		Drain: duration(5 * time.Second), StopTimeout: duration(30 * time.Second), Settle: duration(time.Second),
	}
}

// parseConfig reads field by field, so that one typing error does not hide the
// next one.
func parseConfig(raw json.RawMessage) (config, []deployers.Problem) {
	c := defaultConfig()
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	var nested json.RawMessage
	problems := decodeFields(raw, "", map[string]any{
		"cluster": &c.Cluster, "namespace": &c.Namespace, "replicas": &c.Replicas, "workload": &c.Workload, "kind": &c.Kind, "manifests": &c.Manifests,
		"container": &c.Container, "service": &c.Service, "port": &c.Port, "gateway": &nested, "shares": &c.Shares,
		"progressDeadline": &c.ProgressDeadline, "drain": &c.Drain, "stopTimeout": &c.StopTimeout, "settle": &c.Settle,
	})
	if nested != nil {
		c.Gateway = &gateway{}
		problems = append(problems, decodeFields(nested, "gateway", map[string]any{
			"name": &c.Gateway.Name, "namespace": &c.Gateway.Namespace, "listener": &c.Gateway.Listener,
			"hostname": &c.Gateway.Hostname, "preview": &c.Gateway.Preview, "address": &c.Gateway.Address,
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

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

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
	optional := func(name string) bool { return name == "" || dnsLabel.MatchString(name) }
	require(dnsLabel.MatchString(c.Namespace), "namespace", "must name the namespace: small letters, digits and -")
	require(c.Replicas >= 1 && c.Replicas <= 1000, "replicas", "must be between 1 and 1000")
	require((c.Workload == "") != (c.Manifests == ""), "workload", "either workload names one that is there, or manifests describe one")
	require(optional(c.Workload), "workload", "must be the name of a workload")
	require(c.Kind == "" || c.Workload != "", "kind", "goes with workload; manifests say it themselves")
	require(slices.Contains([]string{"", kindDeployment, kindRollout, kindStatefulSet}, c.Kind), "kind", "must be Deployment, Rollout or StatefulSet")
	require(optional(c.Container), "container", "must be the name of a container")
	require(c.Manifests != "" || optional(c.Service), "service", "must be the name of a Service")
	require(c.Port >= 0 && c.Port <= 65535, "port", "must be between 1 and 65535, or 0 for the first port of the container")
	require(c.Shares == sharesReplicas || c.Shares == sharesExact, "shares", "must be replicas (traffic follows the number of replicas) or exact (other shares are refused)")
	require(c.ProgressDeadline >= duration(time.Second), "progressDeadline", "must be at least 1s")
	require(c.Drain >= 0, "drain", "must not be negative")
	require(c.StopTimeout >= duration(time.Second), "stopTimeout", "must be at least 1s")
	require(c.Settle >= 0 && c.Settle <= duration(time.Minute), "settle", "must be between 0s and 1m")
	require(len(c.Manifests) <= maxManifests, "manifests", "must not be longer than 256 KiB")
	if g := c.Gateway; g != nil {
		require(c.Manifests != "", "gateway", "goes with manifests; an adopted workload keeps its Service")
		require(dnsLabel.MatchString(g.Name), "gateway.name", "must be the name of a Gateway")
		require(optional(g.Namespace), "gateway.namespace", "must be the name of a namespace")
		require(g.Hostname != "", "gateway.hostname", "must be the name that clients ask for")
		require(g.Preview == "" || g.Preview != g.Hostname, "gateway.preview", "must differ from hostname")
	}
	if c.Manifests != "" && len(c.Manifests) <= maxManifests {
		for _, message := range checkManifests(c) {
			problems = append(problems, deployers.Problem{Path: "manifests", Message: message})
		}
	}
	return problems
}

// Validate implements deployers.Deployer.
func (d *Deployer) Validate(raw json.RawMessage) (deployers.Settings, []deployers.Problem) {
	c, problems := parseConfig(raw)
	if len(problems) > 0 {
		return deployers.Settings{}, problems
	}
	return deployers.Settings{Replicas: c.Replicas}, nil
}
