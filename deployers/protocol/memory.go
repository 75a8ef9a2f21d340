package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

const (
	keptLines   = 1000 // log lines of a target that its calls printed
	keptSecrets = 64   // values of a target
	keptEpochs  = 8    // portals that a cursor remembers
)

// memory is what a client keeps of a target, for its own life: the values that
// it must not repeat, and the log lines that calls printed on their way.
type memory struct {
	secrets []string
	lines   []deployers.LogLine
	first   int64 // number of lines[0]
}

func (c *Client) of(target deployers.Target) *memory {
	m, ok := c.memory[target]
	if !ok {
		m = &memory{}
		c.memory[target] = m
	}
	return m
}

// Targets lists the targets that this client was asked about.
func (c *Client) Targets() []deployers.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.memory))
}

// remember adds values and returns the mask for all that are known.
func (c *Client) remember(target deployers.Target, values []string) Mask {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.of(target)
	for _, value := range values {
		m.secrets = append(slices.DeleteFunc(m.secrets, func(s string) bool { return s == value }), value)
	}
	// What this call hands over is never too much to be hidden.
	if extra := len(m.secrets) - max(keptSecrets, len(values)); extra > 0 {
		m.secrets = slices.Delete(m.secrets, 0, extra)
	}
	return NewMask(m.secrets)
}

// keep adds the log lines of a call. They reach the run's page by Logs.
func (c *Client) keep(target deployers.Target, logs []Log, mask Mask) {
	if len(logs) == 0 || target == (deployers.Target{}) {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.of(target)
	for _, l := range logs {
		m.lines = append(m.lines, c.line(l, mask, now))
	}
	if extra := len(m.lines) - keptLines; extra > 0 {
		m.lines, m.first = slices.Delete(m.lines, 0, extra), m.first+int64(extra)
	}
}

// line is a line as pages show it. It is masked before anything is cut off it.
func (c *Client) line(l Log, mask Mask, now time.Time) deployers.LogLine {
	l.Text, l.Source = mask.Hide(deployers.PlainText(l.Text)), mask.Hide(l.Source)
	if l.Source == "" {
		l.Source = c.Name
	}
	return deployers.LogLine(l.tidied(now))
}

// position is the cursor of Logs: how far the deployer's own lines were read,
// and, of every portal that has called it, how many of those it printed to it.
type position struct {
	Theirs string           `json:"theirs,omitempty"`
	Ours   map[string]int64 `json:"ours,omitempty"` // by epoch
	Order  []string         `json:"order,omitempty"`
}

// Logs implements deployers.LogReader: first the lines that calls printed on
// their way, then those that the deployer gives out, if it offers to.
func (c *Client) Logs(ctx context.Context, target deployers.Target, cursor string, limit int) ([]deployers.LogLine, string, error) {
	var at position
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &at); err != nil {
			return nil, cursor, deployers.Terminal(errors.New("the cursor is not one of ours"))
		}
	}
	if err := c.ready(ctx); err != nil {
		return nil, cursor, err
	}
	lines := c.printed(target, &at, limit)
	if c.Offers(Logs) && len(lines) < limit {
		var out Logged
		mask := c.remember(target, nil)
		request := Request{Call: Logs, Target: targetOf(target), Cursor: at.Theirs, Limit: limit - len(lines)}
		if err := c.call(ctx, request, target, mask, &out); err != nil {
			return nil, cursor, err
		}
		if len(out.Lines) > request.Limit {
			return nil, cursor, c.fault("asked for %d lines it gave %d", request.Limit, len(out.Lines))
		}
		at.Theirs = out.Next
		now := time.Now()
		for _, l := range out.Lines {
			lines = append(lines, c.line(l, mask, now))
		}
	}
	if len(lines) == 0 {
		return nil, cursor, nil
	}
	next, err := json.Marshal(at)
	return lines, string(next), err
}

// printed takes the next of our own lines, and notes them in the position.
func (c *Client) printed(target deployers.Target, at *position, limit int) []deployers.LogLine {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.of(target)
	from := max(at.Ours[c.epoch], m.first)
	lines := slices.Clone(m.lines[min(from-m.first, int64(len(m.lines))):])
	lines = lines[:min(len(lines), max(limit, 0))]
	if len(lines) == 0 {
		return nil
	}
	if at.Ours == nil {
		at.Ours = map[string]int64{}
	}
	at.Ours[c.epoch] = from + int64(len(lines))
	at.Order = append(slices.DeleteFunc(at.Order, func(e string) bool { return e == c.epoch }), c.epoch)
	for len(at.Order) > keptEpochs {
		delete(at.Ours, at.Order[0])
		at.Order = at.Order[1:]
	}
	return lines
}

// destroy asks for the removal of a target. It is no method of the Deployer that
// Slipway holds, as not every deployer offers it; see Destroyable.
func (c *Client) destroy(ctx context.Context, target deployers.Target) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	return c.call(ctx, Request{Call: Destroy, Target: targetOf(target)}, target, c.remember(target, nil), &struct{}{})
}

// Destroyable is a client whose deployer offers Destroy.
type Destroyable struct{ *Client }

// Destroy implements deployers.Destroyer.
func (d Destroyable) Destroy(ctx context.Context, target deployers.Target) error {
	return d.destroy(ctx, target)
}

// Whole is the client as a deployer with the optional calls that it offers. It
// has to be introduced.
func (c *Client) Whole() deployers.Deployer {
	if c.Offers(Destroy) {
		return Destroyable{c}
	}
	return c
}
