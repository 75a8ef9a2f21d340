package fake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	// LoseCall loses the first call of Apply for each generation on its way: no
	// effect, and a retryable error.
	LoseCall bool `json:"loseCall,omitempty"`
	// LoseReply loses the reply to it instead: the same error after an effect.
	LoseReply bool `json:"loseReply,omitempty"`
	// BlindFor is how many observations after a lost reply go on reporting what
	// was before it, so that nobody can tell the one loss from the other.
	BlindFor int `json:"blindFor,omitempty"`

	// ReadyAfter is how many observations see the track not ready.
	ReadyAfter int `json:"readyAfter,omitempty"`
	// DrainFor is how many observations see replicas finish their work once they
	// were given up.
	DrainFor int `json:"drainFor,omitempty"`
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
		for name, n := range map[string]int{"applyErrors": s.ApplyErrors, "blindFor": s.BlindFor, "readyAfter": s.ReadyAfter, "drainFor": s.DrainFor} {
			if n < 0 {
				problems = append(problems, deployers.Problem{Path: "scripts." + version + "." + name, Message: "must not be negative"})
			}
		}
	}
	slices.SortFunc(problems, func(a, b deployers.Problem) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return c, problems
}

// checkDesired refuses what the contract does not allow.
func checkDesired(d deployers.Desired) error {
	total, previews, seen := 0, 0, map[string]bool{}
	for _, t := range d.Tracks {
		if t.ID == "" || seen[t.ID] {
			return deployers.Terminal(fmt.Errorf("track ID %q is empty or used twice", t.ID))
		}
		seen[t.ID] = true
		if t.Weight < 0 || t.Replicas < 0 {
			return deployers.Terminal(fmt.Errorf("track %s: negative weight or replicas", t.ID))
		}
		total += t.Weight
		if t.Preview {
			previews++
		}
		for _, m := range t.Match {
			if (m.Header == "") == (m.Cookie == "") || m.Value == "" {
				return deployers.Terminal(fmt.Errorf("track %s: a match needs a value, and either a header or a cookie", t.ID))
			}
		}
		if _, problems := parseConfig(t.Config); len(problems) > 0 {
			return deployers.Terminal(fmt.Errorf("track %s: config: %s", t.ID, problems[0]))
		}
	}
	if total != 0 && total != 100 {
		return deployers.Terminal(fmt.Errorf("the weights add up to %d, not to 100", total))
	}
	if previews > 1 {
		return deployers.Terminal(fmt.Errorf("%d tracks ask for the one preview address", previews))
	}
	return nil
}

// scripting finds the script of a track.
type scripting func(track) Script

func (d *Deployer) scripting(ctx context.Context, target deployers.Target) (scripting, error) {
	scripts, err := d.store.scripts(ctx)
	if err != nil {
		return nil, err
	}
	return func(t track) Script { return scriptFor(scripts, target, t.Version, t.Scripts) }, nil
}

// scriptKey leaves the site out where there is none, as it was before there
// were sites.
func scriptKey(target deployers.Target, version string) string {
	parts := []string{target.Service, target.Environment, version}
	if target.Site != "" {
		parts = append(parts, target.Site)
	}
	return strings.Join(parts, "\x1f")
}

// scriptFor picks the most exact script, and that of the config as a last resort.
func scriptFor(scripts map[string]Script, target deployers.Target, version string, own map[string]Script) Script {
	for mask := range 16 {
		pick := func(bit int, value string) string {
			if mask&bit != 0 {
				return ""
			}
			return value
		}
		at := deployers.Target{Service: pick(8, target.Service), Environment: pick(4, target.Environment), Site: pick(2, target.Site)}
		if s, ok := scripts[scriptKey(at, pick(1, version))]; ok {
			return s
		}
	}
	return cmp.Or(own[version], own["*"])
}
