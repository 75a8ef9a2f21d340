package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/slipway-dev/slipway/deployers"
)

// Script is how the fake behaves for one version. The zero Script converges at
// once. Faults of Apply are taken in the order of the fields.
type Script struct {
	// ApplyTerminal makes Apply fail with this text, marked as terminal.
	ApplyTerminal string `json:"applyTerminal,omitempty"`
	// ApplyErrors is how many calls of Apply, per target, fail with a retryable
	// error before one is accepted.
	ApplyErrors int `json:"applyErrors,omitempty"`
	// Hang makes Apply wait until its context ends, without any effect.
	Hang bool `json:"hang,omitempty"`
	// LateReply makes Apply take effect, then wait until its context ends and
	// answer with an error: done, but the caller does not know.
	LateReply bool `json:"lateReply,omitempty"`
	// Forget makes Apply say yes and do nothing: Observe goes on reporting the
	// generation and tracks of before.
	Forget bool `json:"forget,omitempty"`

	// ReadyAfter is how many observations see the track not ready.
	ReadyAfter int `json:"readyAfter,omitempty"`
	// NeverReady keeps the track at 0 ready, with a retryable failure.
	NeverReady bool `json:"neverReady,omitempty"`
	// Fail keeps the track at 0 ready, with this terminal failure.
	Fail string `json:"fail,omitempty"`
	// Lie reports Converged while the track is not ready.
	Lie bool `json:"lie,omitempty"`
	// ObserveError makes Observe fail with this text.
	ObserveError string `json:"observeError,omitempty"`
	// ObserveHang makes Observe wait until its context ends.
	ObserveHang bool `json:"observeHang,omitempty"`
}

// config is the fake's part of a pipeline stage. Scripts here let a pipeline
// file tell a story by itself; those given to SetScript win.
type config struct {
	Replicas int               `json:"replicas"`
	Scripts  map[string]Script `json:"scripts"` // by version
}

func parseConfig(raw json.RawMessage) (config, []deployers.Problem) {
	c := config{Replicas: 1}
	if len(bytes.TrimSpace(raw)) == 0 {
		return c, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, []deployers.Problem{{Message: "not a config of the fake deployer: " + err.Error()}}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return c, []deployers.Problem{{Message: "text after the end of the config"}}
	}
	var problems []deployers.Problem
	if c.Replicas < 1 {
		problems = append(problems, deployers.Problem{Path: "replicas", Message: "must be at least 1"})
	}
	for version, s := range c.Scripts {
		if s.ApplyErrors < 0 {
			problems = append(problems, deployers.Problem{Path: "scripts." + version + ".applyErrors", Message: "must not be negative"})
		}
		if s.ReadyAfter < 0 {
			problems = append(problems, deployers.Problem{Path: "scripts." + version + ".readyAfter", Message: "must not be negative"})
		}
	}
	slices.SortFunc(problems, func(a, b deployers.Problem) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return c, problems
}

// checkDesired refuses what the contract does not allow.
func checkDesired(d deployers.Desired) error {
	total, seen := 0, map[string]bool{}
	for _, t := range d.Tracks {
		if t.ID == "" || seen[t.ID] {
			return deployers.Terminal(fmt.Errorf("track ID %q is empty or used twice", t.ID))
		}
		seen[t.ID] = true
		if t.Weight < 0 || t.Replicas < 0 {
			return deployers.Terminal(fmt.Errorf("track %s: negative weight or replicas", t.ID))
		}
		total += t.Weight
		if _, problems := parseConfig(t.Config); len(problems) > 0 {
			return deployers.Terminal(fmt.Errorf("track %s: config: %s", t.ID, problems[0]))
		}
	}
	if total != 0 && total != 100 {
		return deployers.Terminal(fmt.Errorf("the weights add up to %d, not to 100", total))
	}
	return nil
}
