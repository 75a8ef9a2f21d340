package protocol

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/deployers"
)

// Transport carries one call to the other side. Its error means that there is no
// whole answer; it may be retried, unless it was made by deployers.Terminal. The
// mask is for what it quotes of the other side's words. Live is told each log line
// as soon as it is printed, from any goroutine, until the call returns; those that
// it was not told are in the answer.
type Transport interface {
	Ask(ctx context.Context, call Call, request []byte, mask Mask, live func(Log)) (Answer, error)
}

// Options of a Client.
type Options struct {
	Name string // as pipelines call it
	Log  *slog.Logger
	// Strict makes fields that the protocol does not know an error, which helps
	// whoever writes a deployer and would hinder one that is newer than we are.
	Strict bool
}

// askWithin bounds the calls that the contract gives no context.
const askWithin = 10 * time.Second

// Client is a deployer that is somebody else's program. It asks it once what it
// can do. As long as it has had no answer to that, it promises nothing, and every
// call asks again first: what a deployer is asked for may depend on it.
type Client struct {
	Options
	transport Transport
	asking    chan struct{} // held by who asks for the capabilities

	mu      sync.Mutex
	offer   *Offer
	trouble error // why there is no offer
	memory  map[deployers.Target]*memory
	epoch   string
}

// New makes a client. It asks nothing yet; see Introduce.
func New(transport Transport, o Options) *Client {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{Options: o, transport: transport, asking: make(chan struct{}, 1),
		trouble: errors.New("it was not asked yet"), memory: map[deployers.Target]*memory{}, epoch: rand.Text()[:8]}
}

// Introduce asks what the deployer can do, unless that is known.
func (c *Client) Introduce(ctx context.Context) error {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.known() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var offer Offer
	err := c.call(ctx, Request{Call: Capabilities}, deployers.Target{}, Mask{}, &offer)
	if err == nil && offer.APIVersion != Version {
		err = c.fault("it speaks %q, and Slipway %q", clean(offer.APIVersion), Version)
	}
	if err == nil && offer.Summary == "" {
		err = c.fault("its capabilities have no summary, one sentence for people")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble = err; err == nil {
		offer.Summary = clean(offer.Summary)
		c.offer = &offer
	}
	return err
}

// Introduced reports whether it is known what the deployer can do.
func (c *Client) Introduced() bool { return c.known() != nil }

func (c *Client) known() *Offer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offer
}

// Offers reports whether the deployer takes one of the optional calls.
func (c *Client) Offers(call Call) bool {
	offer := c.known()
	return offer != nil && slices.Contains(offer.Calls, call)
}

// Capabilities implements deployers.Deployer. A deployer that has not answered
// yet can do nothing special, and its summary says so.
func (c *Client) Capabilities() deployers.Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offer == nil {
		return deployers.Capabilities{Summary: "does not answer: " + c.trouble.Error()}
	}
	return c.offer.capabilities()
}

// Validate implements deployers.Deployer. It breaks the rule that no I/O is done,
// as it cannot do else, and so keeps it short.
func (c *Client) Validate(config json.RawMessage) (deployers.Settings, []deployers.Problem) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	problem := func(message string) (deployers.Settings, []deployers.Problem) {
		return deployers.Settings{}, []deployers.Problem{{Message: message}}
	}
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(config, &object) != nil || object == nil {
		return problem("the config is no JSON object")
	}
	if err := c.Introduce(ctx); err != nil {
		return problem(err.Error())
	}
	var out Validated
	if err := c.call(ctx, Request{Call: Validate, Config: config}, deployers.Target{}, Mask{}, &out); err != nil {
		return problem(err.Error())
	}
	if out.Replicas < 1 && len(out.Problems) == 0 {
		return problem(c.fault("it finds no problem and %d replicas", out.Replicas).Error())
	}
	var problems []deployers.Problem
	for _, p := range out.Problems {
		problems = append(problems, deployers.Problem{Path: clean(p.Path), Message: clean(p.Message)})
	}
	return deployers.Settings{Replicas: out.Replicas}, problems
}

// Preview implements deployers.Deployer.
func (c *Client) Preview(ctx context.Context, target deployers.Target, desired deployers.Desired) (deployers.Preview, error) {
	var out Previewed
	err := c.change(ctx, Preview, target, desired, &out)
	return deployers.Preview{Text: cleanText(out.Text, maxPreview), Prepared: out.Prepared}, err
}

// Apply implements deployers.Deployer.
func (c *Client) Apply(ctx context.Context, target deployers.Target, desired deployers.Desired) error {
	return c.change(ctx, Apply, target, desired, &struct{}{})
}

// Observe implements deployers.Deployer.
func (c *Client) Observe(ctx context.Context, target deployers.Target) (deployers.Observed, error) {
	if err := c.ready(ctx); err != nil {
		return deployers.Observed{}, err
	}
	var out Observed
	err := c.call(ctx, Request{Call: Observe, Target: targetOf(target)}, target, c.remember(target, nil), &out)
	if err == nil && out.At.IsZero() {
		err = c.fault("its observation carries no time (at)")
	}
	if err != nil {
		return deployers.Observed{}, err
	}
	return out.observed(), nil
}

// ready ends a call that is given up before it does anything, and one to a
// deployer that nobody knows.
func (c *Client) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Introduce(ctx)
}

// call carries one request over and reads the result into what is given.
func (c *Client) call(ctx context.Context, r Request, target deployers.Target, mask Mask, into any) error {
	r.APIVersion = Version
	request, err := json.Marshal(r)
	if err != nil {
		return deployers.Terminal(c.fault("it cannot be asked: %v", err))
	}
	answer, err := c.transport.Ask(ctx, r.Call, request, mask, func(l Log) { c.keep(target, []Log{l}, mask) })
	c.keep(target, answer.Logs, mask)
	switch {
	case answer.Fault != nil:
		return c.refused(r, *answer.Fault, mask)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("deployer %s was not waited for any longer: %w", c.Name, ctx.Err())
	case err != nil:
		return wrapped(err, "deployer %s: %s", c.Name, mask.Hide(err.Error()))
	case answer.Result == nil:
		return c.fault("it ended without a result")
	}
	if err := mask.decode(answer.Result, c.Strict, into); err != nil {
		return c.fault("the result of %s cannot be read: %s", r.Call, mask.Hide(err.Error()))
	}
	return nil
}

func (c *Client) refused(r Request, f Fault, mask Mask) error {
	if f.Code == CodeStale && r.Desired != nil {
		return deployers.StaleGeneration(r.Desired.Generation, f.Newest)
	}
	err := c.fault("%s", clean(mask.Hide(deployers.PlainText(f.Message))))
	if f.Terminal {
		return deployers.Terminal(err)
	}
	return err
}

func (c *Client) fault(format string, args ...any) error {
	return fmt.Errorf("deployer %s: "+format, append([]any{c.Name}, args...)...)
}

// wrapped says an error in other words and keeps whether it is terminal.
func wrapped(err error, format string, args ...any) error {
	out := fmt.Errorf(format, args...)
	if deployers.IsTerminal(err) {
		return deployers.Terminal(out)
	}
	return out
}
