package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/exec"
	"github.com/slipway-dev/slipway/deployers/protocol"
	"github.com/slipway-dev/slipway/deployers/webhook"
	"github.com/slipway-dev/slipway/internal/outbound"
)

// otherDeployer is a deployer of somebody else's, as SLIPWAY_DEPLOYERS names it.
// Only who runs the portal says which program or address that is: a pipeline
// that could would run anything here.
type otherDeployer struct {
	Exec       string            `yaml:"exec"`       // absolute path of a program
	Env        map[string]string `yaml:"env"`        // of the program
	Webhook    string            `yaml:"webhook"`    // address of a service
	SecretFile string            `yaml:"secretFile"` // signs what is sent to it
	Timeout    string            `yaml:"timeout"`    // of one call
}

var deployerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// otherDeployers reads SLIPWAY_DEPLOYERS.
func (c config) otherDeployers() (map[string]otherDeployer, error) {
	var others map[string]otherDeployer
	decoder := yaml.NewDecoder(strings.NewReader(c.Deployers))
	decoder.KnownFields(true)
	if err := decoder.Decode(&others); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("SLIPWAY_DEPLOYERS: is YAML such as `till: {exec: /usr/local/bin/till-deployer}`: %w", err)
	}
	return others, nil
}

// checkDeployers lists what is wrong with them.
func (c config) checkDeployers() []error {
	others, err := c.otherDeployers()
	if err != nil {
		return []error{err}
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if !deployerName.MatchString(name) {
			problems = append(problems, fmt.Errorf("SLIPWAY_DEPLOYERS: %q is no name; write small letters, digits and dashes", name))
		}
		if _, err := others[name].client(name, "/", protocol.Options{}); err != nil {
			problems = append(problems, fmt.Errorf("SLIPWAY_DEPLOYERS: %s: %w", name, err))
		}
	}
	return problems
}

// longestCall is how long one call may be given: the engine waits far less.
const longestCall = 10 * time.Minute

// client makes the deployer; a program works below dir.
func (o otherDeployer) client(name, dir string, options protocol.Options) (*protocol.Client, error) {
	options.Name = name
	var timeout time.Duration
	if o.Timeout != "" {
		var err error
		if timeout, err = time.ParseDuration(o.Timeout); err != nil || timeout <= 0 || timeout > longestCall {
			return nil, fmt.Errorf("timeout is a duration such as 30s, up to %s, not %q", longestCall, o.Timeout)
		}
	}
	switch {
	case (o.Exec == "") == (o.Webhook == ""):
		return nil, errors.New("it has either exec, the path of a program, or webhook, an address")
	case o.Exec != "" && o.SecretFile != "":
		return nil, errors.New("secretFile is of a webhook; a program is not signed to")
	case o.Exec != "":
		return exec.New(exec.Program{Path: o.Exec, Dir: dir, Env: o.Env, Timeout: timeout}, options)
	case len(o.Env) > 0:
		return nil, errors.New("env is of a program")
	case o.SecretFile == "":
		return nil, errors.New("secretFile is missing: it names the file of the secret that requests are signed with")
	}
	secret, err := os.ReadFile(o.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("secretFile: %w", err)
	}
	// The address is of the configuration and may lie anywhere; no other is reached.
	client, err := outbound.ClientFor(o.Webhook, outbound.Limits{Within: longestCall, Body: protocol.MaxAnswer + 1})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return webhook.New(webhook.Service{URL: o.Webhook, Secret: deployers.NewSecret(strings.TrimRight(string(secret), "\r\n")),
		Client: client, Timeout: timeout}, options)
}

// deployersShown is SLIPWAY_DEPLOYERS on one line, without what may be secret:
// values of env, paths of addresses.
func (c config) deployersShown() string {
	others, err := c.otherDeployers()
	if err != nil {
		return "(cannot be read)"
	}
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(others)) {
		o := others[name]
		host := strings.TrimPrefix(strings.TrimPrefix(o.Webhook, "https://"), "http://")
		host, _, _ = strings.Cut(host, "/")
		shown = append(shown, name+" ("+cmp.Or(o.Exec, host)+")")
	}
	return strings.Join(shown, ", ")
}

// directoryOf is where the program of a deployer works.
func (c config) directoryOf(name string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(c.DataDir, "deployers", name))
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}
