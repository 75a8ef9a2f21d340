// Package fake is a scripted deployer: it runs nothing, and behaves exactly as
// told. With a directory its state is shared by several processes and survives
// them, and a ledger records every call before its effect, so that an auditor
// can compare what Slipway believes with what a deployer was really told.
package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Options of a fake. The zero value is a fake in memory, without a ledger.
type Options struct {
	// Dir holds the state, one file and one lock per target, fsynced. Fakes in
	// any number of processes may share it. Empty: memory of this value.
	Dir string
	// Ledger is the file that calls are appended to (see Entry). A ledger
	// outlives kill -9; it is not fsynced, so not a loss of power.
	Ledger string
	// AtMostOnce declares that a call with a lost reply must not be repeated. The
	// fake itself takes a repetition as any other; the ledger shows it.
	AtMostOnce bool
	// Forgetful: the fake keeps the values of secrets in the memory of this value
	// only, so that another one over the same directory has to be told again.
	Forgetful bool
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Deployer is the fake. It implements deployers.Deployer, LogReader and
// Destroyer.
type Deployer struct {
	store  store
	ledger *ledger
	once   bool
	log    *slog.Logger
	now    func() time.Time

	mu   sync.Mutex
	told map[deployers.Target]bool // whose secrets are remembered; nil: of all
}

// New makes a fake. It does no I/O.
func New(o Options) *Deployer {
	d := &Deployer{ledger: &ledger{path: o.Ledger}, once: o.AtMostOnce, log: o.Log, now: o.Now}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	if o.Forgetful {
		d.told = map[deployers.Target]bool{}
	}
	if o.Dir == "" {
		d.store = newMemoryStore()
	} else {
		d.store = dirStore{dir: o.Dir}
	}
	return d
}

// SetScript scripts a version at a target. An empty Service, Environment, Site
// or version stands for any; the most exact script wins, the target before the
// version. Other processes on the same directory see it at once.
func (d *Deployer) SetScript(ctx context.Context, target deployers.Target, version string, s Script) error {
	return d.store.updateScripts(ctx, func(scripts map[string]Script) {
		scripts[scriptKey(target, version)] = s
	})
}

// Capabilities implements deployers.Deployer: the fake can do everything.
func (d *Deployer) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{
		Summary:  "Runs nothing and says what it is told to say; for demonstrations and tests",
		Replicas: true, ParallelTracks: true, TrafficWeights: true, TrafficMatch: true, PreviewAddress: true, Secrets: true,
		AtMostOnce: d.once,
	}
}

// Validate implements deployers.Deployer.
func (d *Deployer) Validate(raw json.RawMessage) (deployers.Settings, []deployers.Problem) {
	c, problems := parseConfig(raw)
	if problems != nil {
		return deployers.Settings{}, problems
	}
	return deployers.Settings{Replicas: c.Replicas}, nil
}

// Preview implements deployers.Deployer.
func (d *Deployer) Preview(ctx context.Context, target deployers.Target, desired deployers.Desired) (deployers.Preview, error) {
	if err := checkDesired(desired); err != nil {
		return deployers.Preview{}, err
	}
	var before []track
	err := d.store.view(ctx, target, func(s *state) { before = s.Serving })
	if err != nil {
		return deployers.Preview{}, err
	}
	text := fmt.Sprintf("%s: %s → %s", target, describe(before), describe(newTracks(desired)))
	return deployers.Preview{Text: text}, nil
}

func describe(tracks []track) string {
	if len(tracks) == 0 {
		return "nothing"
	}
	var parts []string
	for _, t := range tracks {
		parts = append(parts, fmt.Sprintf("%s ×%d (%d %%)", t.Version, t.Replicas, t.Weight))
	}
	return strings.Join(parts, ", ")
}

// Apply implements deployers.Deployer. The generation is compared and the
// ledger and the state are written under one lock of the target, which other
// processes respect too.
func (d *Deployer) Apply(ctx context.Context, target deployers.Target, desired deployers.Desired) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkDesired(desired); err != nil {
		return err
	}
	script, err := d.scripting(ctx, target)
	if err != nil {
		return err
	}
	var scripts []Script
	for _, t := range newTracks(desired) {
		scripts = append(scripts, script(t))
	}
	if slices.ContainsFunc(scripts, func(s Script) bool { return s.Hang }) {
		if err := d.note(target, desired, Hung, ""); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	err = d.store.update(ctx, target, func(s *state) (bool, error) {
		return d.applyLocked(s, target, desired, script, scripts)
	})
	if err != nil {
		return err
	}
	d.remember(target)
	if slices.ContainsFunc(scripts, func(s Script) bool { return s.LateReply }) {
		<-ctx.Done()
		return fmt.Errorf("the reply came too late: %w", ctx.Err())
	}
	return nil
}

// remember notes that the values of the secrets of a target are known here.
func (d *Deployer) remember(target deployers.Target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told != nil {
		d.told[target] = true
	}
}

func (d *Deployer) forgot(target deployers.Target) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told != nil && !d.told[target]
}

// applyLocked decides and records; true asks for the state to be saved.
func (d *Deployer) applyLocked(s *state, target deployers.Target, desired deployers.Desired, script scripting, scripts []Script) (bool, error) {
	if s.Known && desired.Generation < s.Generation {
		if err := d.note(target, desired, Refused, fmt.Sprintf("have generation %d", s.Generation)); err != nil {
			return false, err
		}
		return false, deployers.StaleGeneration(desired.Generation, s.Generation)
	}
	for i, how := range scripts {
		version := desired.Tracks[i].Version
		if how.ApplyTerminal != "" {
			return false, errors.Join(d.note(target, desired, Failed, how.ApplyTerminal),
				deployers.Terminal(errors.New(how.ApplyTerminal)))
		}
		if s.ApplyErrors[version] < how.ApplyErrors {
			if s.ApplyErrors == nil {
				s.ApplyErrors = map[string]int{}
			}
			s.ApplyErrors[version]++
			text := fmt.Sprintf("scripted error %d of %d", s.ApplyErrors[version], how.ApplyErrors)
			return true, errors.Join(d.note(target, desired, Failed, text), errors.New(text))
		}
	}
	lose := s.Lost < desired.Generation
	if lose && slices.ContainsFunc(scripts, func(s Script) bool { return s.LoseCall }) {
		s.Lost = desired.Generation
		return true, errors.Join(d.note(target, desired, Lost, ""), errLost)
	}
	if slices.ContainsFunc(scripts, func(s Script) bool { return s.Forget }) {
		return false, d.note(target, desired, Forgotten, "")
	}
	content := contentOf(desired)
	what := Applied
	if s.Known && s.Generation == desired.Generation && s.Content == content {
		what = Again
	}
	if err := d.note(target, desired, what, content); err != nil {
		return false, err
	}
	before := s.report(target, script)
	if what == Applied {
		s.accept(desired, content, d.now(), script)
		s.Blind = nil
	}
	if i := slices.IndexFunc(scripts, func(s Script) bool { return s.LoseReply }); i >= 0 && what == Applied && lose {
		s.Lost, s.Blind = desired.Generation, &blind{Left: scripts[i].BlindFor, Before: before}
		return true, errLost
	}
	return true, nil
}

// errLost is all that a caller hears of a lost call, or of a lost reply.
var errLost = errors.New("the connection broke before there was an answer")

// Destroy implements deployers.Destroyer.
func (d *Deployer) Destroy(ctx context.Context, target deployers.Target) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.store.update(ctx, target, func(s *state) (bool, error) {
		if err := d.note(target, deployers.Desired{Generation: s.Generation}, Destroyed, ""); err != nil {
			return false, err
		}
		*s = state{}
		return true, nil
	})
}

// Logs implements deployers.LogReader: one line per accepted desired state. The
// cursor is the number of lines read.
func (d *Deployer) Logs(ctx context.Context, target deployers.Target, cursor string, limit int) ([]deployers.LogLine, string, error) {
	from := 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%d", &from); err != nil || from < 0 {
			return nil, "", deployers.Terminal(fmt.Errorf("cursor %q is not one of ours", cursor))
		}
	}
	var lines []deployers.LogLine
	err := d.store.view(ctx, target, func(s *state) {
		from = min(from, len(s.Log))
		lines = slices.Clone(s.Log[from:min(len(s.Log), from+max(limit, 0))])
	})
	return lines, fmt.Sprint(from + len(lines)), err
}

// Instances names what runs for the target, sorted, those that finish their
// work included. A replica keeps its name for as long as its track is desired.
func (d *Deployer) Instances(ctx context.Context, target deployers.Target) ([]string, error) {
	var names []string
	err := d.store.view(ctx, target, func(s *state) {
		for _, t := range s.running() {
			names = append(names, t.Instances...)
		}
		for _, l := range s.Leaving {
			names = append(names, l.Instances...)
		}
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// contentOf hashes everything of a desired state but the secret values.
func contentOf(d deployers.Desired) string {
	data, err := json.Marshal(d) // Secret marshals as ***
	if err != nil {
		return "unreadable: " + err.Error()
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
